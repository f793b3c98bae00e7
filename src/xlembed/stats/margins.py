"""Is a paired difference beyond a margin? Decided by bootstrap intervals, Holm's way over several models.

Each model's interval is a two-sided t interval, widened for skewness (`intervals`). Holm's step-down (Holm 1979) orders
the models by their two-sided p; the k-th of m is judged by its interval of level 1 - alpha / (m - k + 1), and the first
that is undecided ends the descent: it and all after it are undecided, at its level.

A difference to the best of several rivals is the least of the differences to each. It lies above a margin when all of
them do, which needs no correction (Berger 1982, intersection-union), and below when any does, which takes
Bonferroni's over the rivals: the constrained intervals of multiple comparisons with the best (Hsu 1984; Edwards & Hsu
1983), with these intervals for normal ones. Taking the best model from the data without that would find too many
violations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xlembed.stats.intervals import moments, one_sided_p, skewed_t
from xlembed.stats.layout import Floats, Ints
from xlembed.stats.power import smallest_detectable
from xlembed.stats.scores import MIN_CLUSTERS
from xlembed.types import Choice


class Status(Choice):
    """What an interval says of a condition."""

    SHOWN = "shown"
    VIOLATED = "violated"
    UNDECIDED = "undecided"


@dataclass(frozen=True, eq=False)
class Least:
    """The least of k paired differences, k >= 1, with bounds at any level.

    Attributes:
        values: float64, shape (k,).
        resamples: float64, shape (k, n_resamples); NaN where a resample has no units.
        se: float64, shape (k,).
        n_discordant: int64, shape (k,), units where the two sides differ.
        n_clusters: behind each.
    """

    values: Floats
    resamples: Floats
    se: Floats
    n_discordant: Ints
    n_clusters: int

    @property
    def value(self) -> float:
        """The least."""
        return float(self.values.min())

    @property
    def se_of_least(self) -> float:
        """Standard error of the difference that is the least."""
        return float(self.se[int(self.values.argmin())])

    def bounds(self, alpha: float) -> tuple[float, float] | None:
        """Two-sided interval of level 1 - alpha; None under 10 clusters."""
        if self.n_clusters < MIN_CLUSTERS:
            return None
        k = len(self.values)
        lows = [self._ends(row, alpha)[0] for row in range(k)]
        highs = [self._ends(row, alpha / k)[1] for row in range(k)]
        return min(lows), min(highs)

    def p_value(self, margin: float) -> float:
        """Two-sided p that goes with `bounds`: the smallest alpha whose interval excludes the margin."""
        if self.n_clusters < MIN_CLUSTERS:
            return 1.0
        sides = [self._sides(row, margin) for row in range(len(self.values))]
        above = max(not_above for not_above, _ in sides)
        below = len(sides) * min(not_below for _, not_below in sides)
        return min(1.0, 2 * min(above, below))

    def _ends(self, row: int, alpha: float) -> tuple[float, float]:
        if not self.n_discordant[row]:
            # None seen: with confidence 1 - alpha, less than -ln(alpha) / n of the clusters differ (3 / n at 95 %).
            half = -math.log(alpha) / self.n_clusters
            return float(self.values[row]) - half, float(self.values[row]) + half
        ends = skewed_t(self.values[row], self.se[row], self._skewness(row), self.n_clusters, alpha)
        return float(ends.low), float(ends.high)

    def _sides(self, row: int, margin: float) -> tuple[float, float]:
        """One-sided p of "not above the margin" and of "not below it"."""
        if not self.n_discordant[row]:
            away = float(self.values[row]) - margin
            tail = 0.5 * math.exp(-self.n_clusters * abs(away))
            return (tail, 1.0) if away > 0 else (1.0, tail)
        return one_sided_p(
            float(self.values[row]), float(self.se[row]), self._skewness(row), self.n_clusters, margin
        )

    def _skewness(self, row: int) -> float:
        return float(moments(self.resamples[row])[1])


@dataclass(frozen=True)
class Judged:
    """One condition of one model.

    Attributes:
        value: the difference.
        ci_low: of the interval at `level`; None under 10 clusters.
        ci_high: likewise.
        level: confidence, 1 - alpha / (m - k + 1).
        margin: what it is compared with.
        status: shown, violated or undecided.
        detectable: smallest distance from the margin that would be decided with 80 %; None under 10 clusters.
        n_clusters: behind it.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    level: float
    margin: float
    status: Status
    detectable: float | None
    n_clusters: int

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded to 1e-6."""
        numbers = {
            "value": self.value,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "level": self.level,
            "detectable": self.detectable,
        }
        return {
            **{key: None if x is None else round(x, 6) for key, x in numbers.items()},
            "margin": self.margin,
            "status": str(self.status),
            "n_clusters": self.n_clusters,
        }


def judge(
    found: Mapping[str, Least], margin: float, *, above: bool, alpha: float = 0.05, at_most: float = math.inf
) -> dict[str, Judged]:
    """Judge one condition for every model.

    Args:
        found: model -> its difference.
        margin: what it is compared with.
        above: whether the condition is "above the margin"; otherwise "below".
        alpha: two-sided level over all models.
        at_most: what value and interval cannot exceed (0 for a difference to the best); changes no decision.

    Returns:
        One result per model, in the order given.
    """
    descent = sorted(found, key=lambda name: found[name].p_value(margin))
    judged: dict[str, Judged] = {}
    open_ = True
    share = alpha / max(1, len(found))
    for k, name in enumerate(descent):
        if open_:
            share = alpha / (len(found) - k)
        bounds = found[name].bounds(share)
        status = _status(bounds, margin, above) if open_ else Status.UNDECIDED
        open_ = open_ and status is not Status.UNDECIDED
        low, high = (None, None) if bounds is None else (min(b, at_most) for b in bounds)
        n = found[name].n_clusters
        detectable = (
            None if bounds is None else smallest_detectable(found[name].se_of_least, n, len(found), alpha)
        )
        judged[name] = Judged(
            min(found[name].value, at_most), low, high, 1 - share, margin, status, detectable, n
        )
    return {name: judged[name] for name in found}


def _status(bounds: tuple[float, float] | None, margin: float, above: bool) -> Status:
    if bounds is None or bounds[0] <= margin <= bounds[1]:
        return Status.UNDECIDED
    return Status.SHOWN if (bounds[0] > margin) is above else Status.VIOLATED
