"""Can a cheap system replace a dear one? A verdict by how much of the way from the floor it covers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scipy.optimize import brentq

from xlembed.probe.predictions import Predictions
from xlembed.stats.intervals import drawn_ends
from xlembed.stats.layout import Floats
from xlembed.stats.scores import MIN_CLUSTERS
from xlembed.words import Choice

CLOSES, PARTIAL = 0.1, 0.25
"""Largest share of the way from floor to rival that may be missing."""


class Outcome(Choice):
    """What the interval says."""

    FAILS = "fails"
    NOT_COMPARABLE = "not comparable"
    CLOSES = "closes the gap"
    PARTIAL = "partial"
    NO_IMPROVEMENT = "no improvement"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """Of one system against one rival.

    Attributes:
        rival: None if none was measured on the same split.
        fraction: (system - rival) / (floor - rival) in the primary error; below 0 the system is better than the rival.
        ci_low: 95 % interval of the fraction, unadjusted; None if there is none.
        ci_high: upper end.
        floor_difference: error of the system minus that of the floor; F1 counts as 1 - F1.
        floor_ci_low: its 95 % interval.
        floor_ci_high: upper end.
        said: the verdict in a sentence.
    """

    system: str
    rival: str | None
    outcome: Outcome
    fraction: float | None
    ci_low: float | None
    ci_high: float | None
    floor_difference: float
    floor_ci_low: float | None
    floor_ci_high: float | None
    said: str

    def to_json(self) -> dict[str, Any]:
        """Numbers rounded."""
        return {
            key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(self).items()
        } | {"outcome": str(self.outcome)}


def rule(measure: str) -> str:
    """The rule of `judge`, in words."""
    error = "MAE" if measure == "MAE" else f"1 - {measure}"
    return (
        f"First the floor (a mean predictor) must be beaten: the 95 % interval of the difference in {error} lies below "
        "0, else the system fails. "
        f"Then f = (system - rival) / (floor - rival): closes the gap if f <= {CLOSES:g}, partial if f <= {PARTIAL:g}, "
        f"no improvement if f > {PARTIAL:g}, each by the whole 95 % interval of f (bootstrap by document, unadjusted); "
        "undecided if the interval holds the border. "
        "A rival that does not itself beat the floor, or none on the same split: not comparable."
    )


def judge(found: Predictions, system: str, floor: str, rival: str | None) -> Verdict:
    """The verdict on one system. Without a rival it is not comparable."""
    sign = 1.0 if found.primary.lower_is_better else -1.0
    names = found.names

    def draws(name: str) -> Floats:
        return sign * found.draws[:, names.index(name)]

    value = {name: float(sign * v) for name, v in zip(names, found.values, strict=True)}
    n_clusters = len(set(found.clusters))
    beside = value[system] - value[floor]
    low, high, _ = drawn_ends(beside, draws(system) - draws(floor), n_clusters)
    if high is None:
        said = f"undecided: fewer than {MIN_CLUSTERS} documents in the test part"
        return Verdict(system, rival, Outcome.UNDECIDED, None, None, None, beside, None, None, said)
    if high >= 0:
        said = "fails: that it beats a mean predictor is not shown"
        return Verdict(system, rival, Outcome.FAILS, None, None, None, beside, low, high, said)
    if rival is None:
        said = "beats the floor; not comparable: no fine-tuned rival was measured on this split"
        return Verdict(system, None, Outcome.NOT_COMPARABLE, None, None, None, beside, low, high, said)
    gap = draws(floor) - draws(rival)
    gap_value = value[floor] - value[rival]
    gap_low, _, _ = drawn_ends(gap_value, gap, n_clusters)
    if gap_low is None or gap_low <= 0:
        said = f"beats the floor; not comparable: that {rival} beats the floor is not shown"
        return Verdict(system, rival, Outcome.NOT_COMPARABLE, None, None, None, beside, low, high, said)
    behind = draws(system) - draws(rival)
    behind_value = value[system] - value[rival]
    fraction = behind_value / gap_value
    ends = _fraction_ends(behind_value, gap_value, behind, gap, n_clusters)
    outcome, said = _outcome(*ends, rival)
    return Verdict(system, rival, outcome, fraction, *ends, beside, low, high, said)


def _fraction_ends(
    behind_value: float, gap_value: float, behind: Floats, gap: Floats, n_clusters: int
) -> tuple[float, float]:
    """Fractions f that behind - f x gap, a difference, does not rule out (Fieller 1954); the gap is above 0."""

    def end(side: int) -> float:
        def bound(f: float) -> float:
            found = drawn_ends(behind_value - f * gap_value, behind - f * gap, n_clusters)[:2][side]
            return float("nan") if found is None else found

        near, step = behind_value / gap_value, 2 * side - 1.0
        while (bound(near + step) > 0) == (side == 1):
            step *= 2
        return float(brentq(bound, near, near + step))

    return end(0), end(1)


def _outcome(low: float, high: float, rival: str) -> tuple[Outcome, str]:
    """By the ends of the fraction that is missing."""
    if high <= CLOSES:
        return (
            Outcome.CLOSES,
            f"closes the gap to {rival}: at most {CLOSES:.0%} of the way from the floor is missing",
        )
    if high <= PARTIAL:
        return (
            Outcome.PARTIAL,
            f"partial: at most {PARTIAL:.0%} of the way from the floor to {rival} is missing",
        )
    if low > PARTIAL:
        return Outcome.NO_IMPROVEMENT, (
            f"no improvement: more than {PARTIAL:.0%} of the way from the floor to {rival} is missing"
        )
    return (
        Outcome.UNDECIDED,
        f"undecided: the interval of what is missing on the way to {rival} holds a border",
    )
