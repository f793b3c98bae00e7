"""Which system to take, whether it replaces fine-tuning, how sure that is and what it costs: in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xlembed.probe.figures_data import (
    CLOSES,
    FAILS,
    NO_GAIN,
    NOT_COMPARABLE,
    PARTIAL,
    RIVAL,
    UNDECIDED,
    Ends,
    ProbeBook,
    System,
)
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
ANSWERS = {
    CLOSES: "yes",
    PARTIAL: "nearly",
    NO_GAIN: "no",
    FAILS: "no",
    UNDECIDED: "not clear",
    NOT_COMPARABLE: "not known",
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
    best, rival = book.best, book.rival
    verdict = _verdict(book, best, rival)
    outcome = str(verdict["outcome"]) if verdict else NOT_COMPARABLE
    take = _take(book, best, rival, outcome)
    return Advice(
        take=take.name if take else "",
        outcome=outcome,
        choice=_choice(book, take, best, rival, outcome),
        replaces=_replaces(book, best, rival, outcome, verdict),
        sure=_sure(book, take),
        cost=_cost(book, best, rival),
        sureness=_sureness(book, take),
    )


def cards(book: ProbeBook, advice: Advice) -> tuple[Verdict, ...]:
    """Two answers for the top of the report."""
    take = book.system(advice.take) if advice.take else None
    best, rival = book.best, book.rival
    verdict = _verdict(book, best, rival)
    evidence = f"{book.primary} {score_text(book, take)}" if take else ""
    among = f"of {len(candidates(book)):,} systems without a label"
    rules = dict.fromkeys(str(v["rule"]) for v in book.verdicts if v.get("rule"))
    first = Verdict(
        "take",
        QUESTION,
        advice.take,
        advice.sureness,
        advice.sure or advice.choice,
        None,
        evidence,
        among,
        (),
    )
    measured = _left(verdict) if verdict and verdict.get("fraction") is not None else ""
    second = Verdict(
        "replaces", REPLACES, ANSWERS.get(advice.outcome, "not clear"), _replace_sureness(book, advice.outcome),
        advice.replaces, None, measured, f"rival: {rival.name}" if rival else "no rival on this split", tuple(rules),
    )  # fmt: skip
    return first, second


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


def _verdict(book: ProbeBook, best: System | None, rival: System | None) -> Mapping[str, Any] | None:
    return None if best is None else book.verdict(best.name, rival.name if rival else None)


def _take(book: ProbeBook, best: System | None, rival: System | None, outcome: str) -> System | None:
    if best is None or outcome == FAILS or best.label:
        beaten = rival and _beats(book, rival)
        return rival if beaten else None
    if rival is None or outcome in (CLOSES, PARTIAL, NOT_COMPARABLE):
        return best
    if outcome == NO_GAIN:
        return rival
    test = book.test(best.name, rival.name)
    return rival if test and book.better(test) == rival.name else best


def _beats(book: ProbeBook, system: System) -> bool:
    found = book.verdict(system.name)
    return found is not None and found["outcome"] not in (FAILS, UNDECIDED)


def _choice(
    book: ProbeBook, take: System | None, best: System | None, rival: System | None, outcome: str
) -> str:
    if take is None:
        why = "there is none" if best is None else f"the best, {best.name}, is not shown to beat the floor"
        if best is not None and best.label:
            why = f"each carries a label; {best.name}: {best.label}"
        return f"Take none of the probes: {why}."
    measured = f"{book.primary} {score_text(book, take)}{_beside(book, take, best, rival)}"
    if take is best and outcome == PARTIAL and rival is not None:
        return (
            f"Take {take.name} where time and size count, {rival.name} where quality alone does: {measured}."
        )
    return f"Take {take.name}: {measured}."


def _beside(book: ProbeBook, take: System, best: System | None, rival: System | None) -> str:
    """What its number must be seen against."""
    other = rival if take is best else best
    against = f" against {score_text(book, other)} of {other.name}" if other is not None else ""
    floor = f"; the floor ({book.floor.name}) is at {score_text(book, book.floor)}" if book.floor else ""
    return against + floor


def _unknown(book: ProbeBook, rival: System | None) -> str:
    """Why nothing can be said of fine-tuned models."""
    if rival is not None:
        return f"that {rival.name} itself beats the floor is not shown"
    if labelled := [s for s in book.of_kind(RIVAL) if s.label]:
        names = ", ".join(f"{s.name} ({s.label})" for s in labelled)
        return f"what was fine-tuned carries a label and is no rival in these languages: {names}"
    return "none was trained and measured on this split"


def _replaces(
    book: ProbeBook,
    best: System | None,
    rival: System | None,
    outcome: str,
    verdict: Mapping[str, Any] | None,
) -> str:
    if best is None:
        return ""
    if rival is None or outcome == NOT_COMPARABLE:
        why = _unknown(book, rival)
        return f"Whether a frozen embedding with a probe replaces a fine-tuned model is not known: {why}."
    left = f" ({_left(verdict)})" if verdict and verdict.get("fraction") is not None else ""
    said = {
        CLOSES: f"{best.name}, a frozen embedding with a probe, replaces the fine-tuned {rival.name} here{left}.",
        PARTIAL: f"A frozen embedding with a probe nearly replaces the fine-tuned {rival.name}{left}.",
        NO_GAIN: f"A frozen embedding with a probe does not replace the fine-tuned {rival.name}{left}.",
        FAILS: f"It does not replace the fine-tuned {rival.name}: it is not shown to beat the floor.",
    }
    undecided = (
        f"Whether a frozen embedding with a probe replaces the fine-tuned {rival.name} cannot be said from so few texts"
        f"{left}."
    )
    return said.get(outcome, undecided)


def _left(verdict: Mapping[str, Any]) -> str:
    """How much of the distance from the floor to the rival is left, in percent."""
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
    parts = []
    if better:
        parts.append(f"shown better: {_names(better)}")
    if level:
        parts.append(f"it cannot be told from {_names(level)}")
    if n := len(others) - len(better) - len(level):
        parts.append(
            f"it is shown better than {'all' if n == len(others) else n} of the {len(others)} others"
        )
    return (
        f"How sure, by the adjusted tests over {book.n_test[1]:,} documents: {'; '.join(parts)}."
        if parts
        else ""
    )


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
    if outcome == NOT_COMPARABLE:
        return "unmeasured"
    if book.n_test[1] < MIN_CLUSTERS:
        return "small"
    return "open" if outcome == UNDECIDED else "clear"


def _cost(book: ProbeBook, best: System | None, rival: System | None) -> str:
    """Time per text and of fitting, beside the rival's."""
    if best is None or (ms := book.time(best.name)) is None:
        return ""
    fit = book.time(best.name, "fit_seconds")
    said = f"In time: {best.name} takes {time_text(ms)} ms per text"
    other = book.time(rival.name) if rival else None
    if rival is None or other is None:
        return f"{said}{_fitted(fit)}."
    slow = book.time(rival.name, "fit_seconds")
    return (
        f"{said}{_fitted(fit)}; {rival.name} takes {time_text(other)} ms per text ({_ratio(other, ms)})"
        f"{_fitted(slow)}."
    )


def _fitted(seconds: float | None) -> str:
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
