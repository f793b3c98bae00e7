"""Which model for which use, in words, from the guides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from xlembed.guide.result import Guide, Refused
from xlembed.guide.scenarios import Part
from xlembed.guide.tables import NAMES, excluded_lines, firsts_text, verdict
from xlembed.report.inputs import Inputs
from xlembed.show.content import Verdict
from xlembed.show.text import model_names, percent
from xlembed.words import Lang, counted

PLAIN = {
    "monolingual": "in one language",
    "cross_lingual": "in one language, all languages searched",
    "true_cross_all": "across languages",
    "true_cross_target": "across, answer's language searched",
}
"""Part of quality -> for those who do not know the names of the modes."""


NAMED = 3
"""Models left out that are named; of more, the reasons are counted."""


def verdicts(inputs: Inputs) -> tuple[Verdict, ...]:
    """One per scenario, in the order of the guides."""
    every = inputs.books[0].languages
    return tuple(_verdict(name, guide, every) for name, guide in inputs.guides.items())


def _not_weighed(excluded: Mapping[str, Sequence[str]]) -> str:
    """Each model with the reason, or how many there are of each reason: a card has a few lines."""
    reasons = {model: why[0].partition(" (")[0] for model, why in excluded.items()}
    if len(reasons) <= NAMED:
        return ", ".join(f"{model} ({reason})" for model, reason in reasons.items())
    return ", ".join(f"{counted(n, 'model')} ({reason})" for reason, n in Counter(reasons.values()).items())


def _verdict(name: str, guide: Guide | Refused, every: Sequence[Lang]) -> Verdict:
    if isinstance(guide, Refused):
        return Verdict(name, guide.title, "", "none", f"{guide.refused}.", None, "", "", ())
    first, n = guide.models[0], len(guide.models)
    among = "the only model weighed" if n == 1 else f"first of {n} weighed"
    if guide.excluded:
        among += f"; not weighed: {_not_weighed(guide.excluded)}"
    if lacking := [lang for lang in every if lang not in guide.languages]:
        among += f"; only {', '.join(guide.languages)}: no model has {', '.join(lacking)}"
    return Verdict(
        scenario=name,
        title=guide.title,
        model=firsts_text(guide) if guide.beats_chance else "",
        sure=sureness(guide),
        text=verdict(guide),
        share=first.first,
        evidence=_evidence(guide.measure, first.parts),
        among=among,
        details=_details(guide),
    )


def _evidence(measure: str, parts: Mapping[Part, float]) -> str:
    """Quality of the best model in the modes that count."""
    found = [f"{percent(value)} % {PLAIN[part]}" for part, value in parts.items() if part in PLAIN]
    return f"{measure}: {'; '.join(found)}"


def sureness(guide: Guide) -> str:
    """As in `Verdict.sure`: clear needs one first model that paired tests tell apart from every other."""
    first, *others = guide.models
    if not guide.beats_chance:
        return "chance"
    if not others:
        return "only"
    if first.first is None:
        return "few"
    rivals = len(guide.firsts) > 1 or guide.not_told_apart or any(m.with_best is None for m in others)
    return "open" if rivals else "clear"


def _details(guide: Guide) -> tuple[str, ...]:
    weights = ", ".join(f"{NAMES.get(part, part)} {percent(w, 0)} %" for part, w in guide.weights.items())
    order = ", ".join(f"{m.model} {percent(m.points)}" for m in guide.models)
    lines = [f"{guide.measure}: {weights}", f"Points: {order}"]
    if rivals := [*guide.firsts[1:], *guide.not_told_apart]:
        lines.append(f"Not told apart from the first by paired tests (Holm): {model_names(rivals)}")
    lines += [f"Excluded: {line}" for line in excluded_lines(guide.excluded)]
    return (*lines, *guide.advice, *(f"Not known: {line}" for line in guide.unknown))
