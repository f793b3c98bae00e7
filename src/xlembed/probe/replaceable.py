"""Can a cheap system replace a dear one? A verdict by how much of the way from the floor it covers."""

from __future__ import annotations

from scipy.optimize import brentq

from xlembed.files import Record, Rounded
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


class Verdict(Record):
    """Of one system against one rival; `fraction` is (system - rival) / (floor - rival) in the primary error."""

    system: str
    rival: str | None
    """None if none was measured on the same split."""
    outcome: Outcome
    fraction: Rounded | None
    """Below 0 the system is better than the rival."""
    ci_low: Rounded | None
    """95 % interval of the fraction, unadjusted; None if there is none."""
    ci_high: Rounded | None
    floor_difference: Rounded
    """Error of the system minus that of the floor; F1 counts as 1 - F1."""
    floor_ci_low: Rounded | None
    floor_ci_high: Rounded | None
    said: str
    """The verdict in a sentence."""


def rule(measure: str) -> str:
    """The rule of `judge`, in words."""
    error = "MAE" if measure == "MAE" else f"1 - {measure}"
    return (
        f"First the floor (a mean predictor) must be beaten: the 95 % interval of the difference in {error} lies "
        "below 0, else the system fails. Then f = (system - rival) / (floor - rival): closes the gap if f <= "
        f"{CLOSES:g}, partial if f <= {PARTIAL:g}, no improvement if f > {PARTIAL:g}, each by the whole 95 % interval "
        "of f (bootstrap by document, unadjusted); undecided if the interval holds the border. A rival that does not "
        "itself beat the floor, or none on the same split: not comparable."
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

    def told(
        outcome: Outcome,
        said: str,
        fraction: float | None = None,
        ends: tuple[float | None, float | None] = (None, None),
    ) -> Verdict:
        return Verdict(
            system=system,
            rival=rival,
            outcome=outcome,
            fraction=fraction,
            ci_low=ends[0],
            ci_high=ends[1],
            floor_difference=beside,
            floor_ci_low=low,
            floor_ci_high=high,
            said=said,
        )

    if high is None and round(beside, 6) < 0:
        said = f"undecided: fewer than {MIN_CLUSTERS} documents in the test part"
        return told(Outcome.UNDECIDED, said)
    if high is None or high >= 0:
        return told(Outcome.FAILS, "fails: that it beats a mean predictor is not shown")
    beats = "beats the floor; not comparable:"
    if rival is None:
        return told(Outcome.NOT_COMPARABLE, f"{beats} no fine-tuned rival was measured on this split")
    gap, gap_value = draws(floor) - draws(rival), value[floor] - value[rival]
    gap_low, _, _ = drawn_ends(gap_value, gap, n_clusters)
    if gap_low is None or gap_low <= 0:
        return told(Outcome.NOT_COMPARABLE, f"{beats} that {rival} beats the floor is not shown")
    behind, behind_value = draws(system) - draws(rival), value[system] - value[rival]
    ends = _fraction_ends(behind_value, gap_value, behind, gap, n_clusters)
    return told(*_outcome(*ends, rival), behind_value / gap_value, ends)


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
    way = f"of the way from the floor to {rival} is missing"
    if high <= CLOSES:
        said = f"closes the gap to {rival}: at most {CLOSES:.0%} of the way from the floor is missing"
        return Outcome.CLOSES, said
    if high <= PARTIAL:
        return Outcome.PARTIAL, f"partial: at most {PARTIAL:.0%} {way}"
    if low > PARTIAL:
        return Outcome.NO_IMPROVEMENT, f"no improvement: more than {PARTIAL:.0%} {way}"
    said = f"undecided: the interval of what is missing on the way to {rival} holds a border"
    return Outcome.UNDECIDED, said
