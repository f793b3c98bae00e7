"""Which model for which use, in words, from the guides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from xlembed.report.document.content import Verdict
from xlembed.report.document.inputs import Inputs
from xlembed.report.guide_table import NAMES, beats_chance, firsts, not_told_apart, verdict
from xlembed.report.text import percent
from xlembed.types import Lang

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
    return ", ".join(f"{n} models ({reason})" for reason, n in Counter(reasons.values()).items())


def _verdict(name: str, guide: Mapping[str, Any], every: Sequence[Lang]) -> Verdict:
    if "refused" in guide:
        return Verdict(name, guide["title"], "", "none", f"{guide['refused']}.", None, "", "", ())
    first = guide["models"][0]
    n = len(guide["models"])
    among = "the only model weighed" if n == 1 else f"first of {n} weighed"
    if guide["excluded"]:
        among += f"; not weighed: {_not_weighed(guide['excluded'])}"
    wanted = guide.get("languages", every)
    if lacking := [lang for lang in every if lang not in wanted]:
        among += f"; only {', '.join(wanted)}: no model has {', '.join(lacking)}"
    return Verdict(
        scenario=name,
        title=guide["title"],
        model=" and ".join(firsts(guide)) if beats_chance(guide) else "",
        sure=sureness(guide),
        text=verdict(guide),
        share=first["first"],
        evidence=_evidence(guide["measure"], first["parts"]),
        among=among,
        details=_details(guide),
    )


def _evidence(measure: str, parts: Mapping[str, float]) -> str:
    """Quality of the best model in the modes that count."""
    found = [f"{percent(value)} % {PLAIN[part]}" for part, value in parts.items() if part in PLAIN]
    return f"{measure}: {'; '.join(found)}"


def sureness(guide: Mapping[str, Any]) -> str:
    """As in `Verdict.sure`: clear needs one first model that paired tests tell apart from every other."""
    first, *others = guide["models"]
    if not beats_chance(guide):
        return "chance"
    if not others:
        return "only"
    if first["first"] is None:
        return "few"
    rivals = len(firsts(guide)) > 1 or not_told_apart(guide) or any(m["with_best"] is None for m in others)
    return "open" if rivals else "clear"


def _details(guide: Mapping[str, Any]) -> tuple[str, ...]:
    weights = ", ".join(f"{NAMES.get(part, part)} {percent(w, 0)} %" for part, w in guide["weights"].items())
    order = ", ".join(f"{m['model']} {percent(m['points'])}" for m in guide["models"])
    lines = [f"{guide['measure']}: {weights}", f"Points: {order}"]
    if rivals := [*(m for m in firsts(guide)[1:]), *not_told_apart(guide)]:
        lines.append(f"Not told apart from the first by paired tests (Holm): {', '.join(rivals)}")
    lines += [f"Excluded: {name}: {'; '.join(why)}" for name, why in guide["excluded"].items()]
    return (*lines, *guide["advice"], *(f"Not known: {line}" for line in guide["unknown"]))
