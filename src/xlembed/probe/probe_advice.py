"""Which system to take, whether it replaces fine-tuning, how sure that is and what it costs: in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xlembed.probe.figures_data import RIVAL, Ends, ProbeBook, System
from xlembed.probe.replaceable import Outcome
from xlembed.probe.words import ends_text, time_text, value_text
from xlembed.show.content import Verdict
from xlembed.show.text import MINUS, plain_interval
from xlembed.stats.scores import MIN_CLUSTERS

NAMED = 3
"""Systems that are named; of more, the rest is counted."""
LITTLE = 1.2
"""Times are called different from this ratio on."""
QUESTION = "Which system to take"
REPLACES = "Does a probe replace the fine-tuned model?"
ANSWERS: dict[str, str] = {
    Outcome.CLOSES: "yes",
    Outcome.PARTIAL: "nearly",
    Outcome.NO_IMPROVEMENT: "no",
    Outcome.FAILS: "no",
    Outcome.UNDECIDED: "not clear",
    Outcome.NOT_COMPARABLE: "not known",
}


@dataclass(frozen=True)
class Advice:
    """What a reader is told first.

    Attributes:
        take: name of the system; empty: none.
        outcome: of the verdict on the best probe.
        choice: which to take, in sentences.
        replaces: whether a probe replaces the fine-tuned model.
        sure: how sure the order is.
        cost: of the time; empty if it is not known.
        sureness: as in `content.Verdict.sure`.
    """

    take: str
    outcome: str
    choice: str
    replaces: str
    sure: str
    cost: str
    sureness: str

    @property
    def lead(self) -> str:
        """All of it."""
        return " ".join(part for part in (self.choice, self.replaces, self.sure, self.cost) if part)


def advise(book: ProbeBook) -> Advice:
    """Advice by the stored verdicts and adjusted tests; nothing is tested anew."""
    verdict = _verdict(book)
    outcome = str(verdict["outcome"]) if verdict else Outcome.NOT_COMPARABLE
    take = _take(book, outcome)
    return Advice(
        take=take.name if take else "",
        outcome=outcome,
        choice=_choice(book, take, outcome),
        replaces=_replaces(book, outcome, _left(verdict)),
        sure=_sure(book, take),
        cost=_cost(book),
        sureness=_sureness(book, take),
    )


def cards(book: ProbeBook, advice: Advice) -> tuple[Verdict, ...]:
    """Two answers for the top of the report."""
    evidence = f"{book.primary} {score_text(book, book.system(advice.take))}" if advice.take else ""
    among = f"of {len(candidates(book)):,} systems without a label"
    rules = tuple(dict.fromkeys(str(v["rule"]) for v in book.verdicts if v.get("rule")))
    rival = f"rival: {book.rival.name}" if book.rival else "no rival on this split"
    answer, sure = ANSWERS.get(advice.outcome, "not clear"), _replace_sureness(book, advice.outcome)
    said, left = advice.sure or advice.choice, _left(_verdict(book))
    return (
        Verdict("take", QUESTION, advice.take, advice.sureness, said, None, evidence, among, ()),
        Verdict("replaces", REPLACES, answer, sure, advice.replaces, None, left, rival, rules),
    )


def candidates(book: ProbeBook) -> list[System]:
    """Probes and rivals without a label, the best first."""
    found = [s for s in book.systems if s.kind != "floor" and not s.label]
    return sorted(found, key=lambda s: book.order(s.name))


def score_text(book: ProbeBook, system: System) -> str:
    """The primary measure over everything with its interval."""
    found = book.score(system.name)
    if found is None:
        return "n/a"
    return f"{value_text(found.value, book.primary)} {ends_text(found.interval, book.primary)}"


def _verdict(book: ProbeBook) -> Mapping[str, Any] | None:
    """On the best probe, against the best rival."""
    return book.verdict(book.best.name, book.rival.name if book.rival else None) if book.best else None


def _take(book: ProbeBook, outcome: str) -> System | None:
    best, rival = book.best, book.rival
    if best is None or outcome == Outcome.FAILS or best.label:
        found = rival and book.verdict(rival.name)
        return rival if found and found["outcome"] not in (Outcome.FAILS, Outcome.UNDECIDED) else None
    if rival is None or outcome in (Outcome.CLOSES, Outcome.PARTIAL, Outcome.NOT_COMPARABLE):
        return best
    if outcome == Outcome.NO_IMPROVEMENT:
        return rival
    test = book.test(best.name, rival.name)
    return rival if test and book.better(test) == rival.name else best


def _choice(book: ProbeBook, take: System | None, outcome: str) -> str:
    best, rival = book.best, book.rival
    if take is None:
        why = "there is none" if best is None else f"the best, {best.name}, is not shown to beat the floor"
        if best is not None and best.label:
            why = f"each carries a label; {best.name}: {best.label}"
        return f"Take none of the probes: {why}."
    other = rival if take is best else best
    measured = f"{book.primary} {score_text(book, take)}"
    measured += f" against {score_text(book, other)} of {other.name}" if other is not None else ""
    if book.floor:
        measured += f"; the floor ({book.floor.name}) is at {score_text(book, book.floor)}"
    when = ""
    if take is best and outcome == Outcome.PARTIAL and rival is not None:
        when = f" where time and size count, {rival.name} where quality alone does"
    return f"Take {take.name}{when}: {measured}."


def _unknown(book: ProbeBook, rival: System | None) -> str:
    """Why nothing can be said of fine-tuned models."""
    if rival is not None:
        return f"that {rival.name} itself beats the floor is not shown"
    if labelled := [s for s in book.of_kind(RIVAL) if s.label]:
        names = ", ".join(f"{s.name} ({s.label})" for s in labelled)
        return f"what was fine-tuned carries a label and is no rival in these languages: {names}"
    return "none was trained and measured on this split"


def _replaces(book: ProbeBook, outcome: str, left: str) -> str:
    best, rival, frozen = book.best, book.rival, "frozen embedding with a probe"
    if best is None:
        return ""
    if rival is None or outcome == Outcome.NOT_COMPARABLE:
        return f"Whether a {frozen} replaces a fine-tuned model is not known: {_unknown(book, rival)}."
    tuned, left = f"the fine-tuned {rival.name}", f" ({left})" if left else ""
    said: dict[str, str] = {
        Outcome.CLOSES: f"{best.name}, a {frozen}, replaces {tuned} here{left}.",
        Outcome.PARTIAL: f"A {frozen} nearly replaces {tuned}{left}.",
        Outcome.NO_IMPROVEMENT: f"A {frozen} does not replace {tuned}{left}.",
        Outcome.FAILS: f"It does not replace {tuned}: it is not shown to beat the floor.",
    }
    return said.get(outcome, f"Whether a {frozen} replaces {tuned} cannot be said from so few texts{left}.")


def _left(verdict: Mapping[str, Any] | None) -> str:
    """How much of the distance from the floor to the rival is left, in percent; empty if it is not known."""
    if verdict is None or verdict.get("fraction") is None:
        return ""
    value = f"{100 * verdict['fraction']:.0f}".replace("-", MINUS)
    low, high = verdict.get("ci_low"), verdict.get("ci_high")
    ends: Ends | None = None if low is None or high is None else (100 * low, 100 * high)
    return f"{value} % {plain_interval(ends, 0)} of the distance from floor to rival is left"


def _sure(book: ProbeBook, take: System | None) -> str:
    if take is None:
        return ""
    if book.n_test[1] < MIN_CLUSTERS:
        return f"How sure: not at all, with {book.counts}; every number is descriptive."
    others = [s for s in candidates(book) if s is not take]
    better = [s.name for s in others if _shown(book, take, s) == s.name]
    level = [s.name for s in others if _shown(book, take, s) is None]
    parts = [f"shown better: {_names(better)}"] if better else []
    parts += [f"it cannot be told from {_names(level)}"] if level else []
    if n := len(others) - len(better) - len(level):
        worse = "all" if n == len(others) else n
        parts.append(f"it is shown better than {worse} of the {len(others)} others")
    said = f"How sure, by the adjusted tests over {book.n_test[1]:,} documents: {'; '.join(parts)}."
    return said if parts else ""


def _shown(book: ProbeBook, take: System, other: System) -> str | None:
    test = book.test(take.name, other.name)
    return None if test is None else book.better(test)


def _names(names: list[str]) -> str:
    if len(names) <= NAMED:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def _sureness(book: ProbeBook, take: System | None) -> str:
    if take is None:
        return "none"
    if book.n_test[1] < MIN_CLUSTERS:
        return "small"
    others = [s for s in candidates(book) if s is not take]
    if not others:
        return "only"
    return "clear" if all(_shown(book, take, s) == take.name for s in others) else "open"


def _replace_sureness(book: ProbeBook, outcome: str) -> str:
    if outcome == Outcome.NOT_COMPARABLE:
        return "unmeasured"
    if book.n_test[1] < MIN_CLUSTERS:
        return "small"
    return "open" if outcome == Outcome.UNDECIDED else "clear"


def _cost(book: ProbeBook) -> str:
    """Time per text and of fitting, beside the rival's."""
    best, rival = book.best, book.rival
    if best is None or (ms := book.time(best.name)) is None:
        return ""
    said = f"In time: {best.name} takes {time_text(ms)} ms per text{_fitted(book, best)}"
    if rival is not None and (slow := book.time(rival.name)) is not None:
        said += (
            f"; {rival.name} takes {time_text(slow)} ms per text ({_ratio(slow, ms)}){_fitted(book, rival)}"
        )
    return f"{said}."


def _fitted(book: ProbeBook, system: System) -> str:
    seconds = book.time(system.name, "fit_seconds")
    return "" if seconds is None else f" and was trained in {duration_text(seconds)}"


def duration_text(seconds: float) -> str:
    """A duration in the unit that suits it.

    >>> duration_text(0.4), duration_text(95), duration_text(1834.2), duration_text(9000)
    ('0.4 s', '95 s', '31 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _ratio(ms: float, other: float) -> str:
    """How many times as slow or as fast as the other.

    >>> _ratio(31.4, 0.1), _ratio(11.0, 10.0), _ratio(10.0, 25.0)
    ('314 times as slow', 'about as fast', '2.5 times as fast')
    """
    ratio = max(ms, other) / max(min(ms, other), 1e-9)
    if ratio < LITTLE:
        return "about as fast"
    number = f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.1f}"
    return f"{number} times as {'fast' if ms < other else 'slow'}"
