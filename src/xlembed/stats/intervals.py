"""Intervals from a value, its bootstrap standard error and the skewness of its resamples; chosen by simulation.

Percentiles of the bootstrap are too narrow with few clusters, and lie wrongly where the resamples are skewed, as means
of shares near 0 and 1 are. Three remedies, each for its fault (numbers: docs/statistics.md):

- Student's t with clusters - 1 degrees of freedom, and an SE corrected by sqrt(n / (n - 1)).
- Skewness: Hall's monotone cubic transformation of t (Hall 1992, JRSS B 54), with the skewness of the resamples and
  with 1 + 10 / n times that, because few clusters show too little of it. An end moves outwards only, at most to
  twice its distance, of a share three times.
- A mean of values in [0, 1]: Wilson's form with the effective n = p (1 - p) / SE^2, which keeps it inside. Skewness
  moves only the end that looks to the middle, the less the nearer the value is to 1/2.

Where the SE is above 1/sqrt(3) of the distance to 0 or 1, fewer than about three clusters carry the value; no method
covers then, and the interval is at least Wilson's with one trial per cluster, and marked as such.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from xlembed.stats.layout import Floats
from xlembed.stats.scores import MIN_CLUSTERS, CiMethod

SE_IS_ZERO = 1e-9
"""A standard error below this is rounding."""
FARTHEST, FARTHEST_OF_SHARE = 2.0, 3.0
"""An end moves to at most so many times its distance by Student's t, beyond which the transformation runs away; a share
is kept inside [0, 1] and needs more (one hit in 40 clusters: differences up to 0.11, as by Clopper & Pearson)."""
UNSEEN = 10.0
"""Of n clusters' skewness a share is not seen in the resamples: up to (1 + 10 / n) times theirs is allowed for."""
SPARSE = 1 / 3
"""Squared relative SE beyond which few clusters carry a share."""


class Ends(NamedTuple):
    """Lower and upper ends, one per value."""

    low: Floats
    high: Floats


def moments(draws: ArrayLike) -> tuple[Floats, Floats]:
    """Standard deviation and skewness of resamples over the last axis, NaN left out; skewness 0 where they are equal.

    >>> se, skewness = moments([0.0, 0.0, 0.0, 4.0])
    >>> float(se), round(float(skewness), 4)
    (2.0, 1.1547)
    """
    table = np.asarray(draws, dtype=np.float64)
    known = np.isfinite(table)
    n = known.sum(axis=-1)
    if not known.all():
        table = np.where(known, table, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        away = table - (table.sum(axis=-1) / n)[..., None]
        if not known.all():
            away[~known] = 0.0
        powers = away * away
        squares = powers.sum(axis=-1)
        se = np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan)
        skewness = np.einsum("...i,...i->...", powers, away) / n / (squares / n) ** 1.5
    return se, np.where(se > SE_IS_ZERO, skewness, 0.0)


def skewed_t(
    value: ArrayLike, se: ArrayLike, skewness: ArrayLike, n_clusters: ArrayLike, alpha: float = 0.05
) -> Ends:
    """Two-sided intervals of level 1 - alpha for means and differences without bounds; arrays broadcast to `value`.

    `se` and `skewness` are those of the resamples; below 2 clusters behind a value there is no interval (NaN).
    """
    return _skewed_ends(value, se, skewness, n_clusters, alpha, FARTHEST)


def share_ends(
    value: ArrayLike,
    se: ArrayLike,
    skewness: ArrayLike,
    n_clusters: ArrayLike,
    is_binary: ArrayLike,
    level: float = 0.95,
) -> tuple[Ends, NDArray[np.str_]]:
    """Intervals for means of values in [0, 1], and how each was made; arrays broadcast to `value`.

    `se` and `skewness` are those of the resamples; where the SE is 0, each of the clusters, at least 2, is one trial.
    Of values that are 0 or 1 (`is_binary`) Wilson's form knows the spread, so they are never called sparse.
    """
    p = np.clip(np.asarray(value, dtype=np.float64), 0.0, 1.0)
    n = np.broadcast_to(np.maximum(np.asarray(n_clusters, dtype=np.float64), 1.0), p.shape)
    s, t = _corrected(se, n), _t(n, 1 - level)
    constant = (s < SE_IS_ZERO) | (p * (1 - p) == 0)
    trials = np.maximum(p * (1 - p) / np.where(constant, 1.0, s) ** 2, SE_IS_ZERO)
    effective = np.where(constant, n, trials)
    low, high = wilson_ends(p, effective, np.where(constant, z_quantile(level), t))
    skewed = _skewed_ends(p, se, skewness, n, 1 - level, FARTHEST_OF_SHARE)
    weight = np.abs(1 - 2 * p)
    high = np.where(p < 0.5, high + weight * np.maximum(skewed.high - high, 0.0), high)
    low = np.where(p > 0.5, low - weight * np.maximum(low - skewed.low, 0.0), low)
    sparse = ~constant & ~np.asarray(is_binary, dtype=bool) & (s * s > SPARSE * np.minimum(p, 1 - p) ** 2)
    wide_low, wide_high = wilson_ends(p, n, t)
    low = np.where(sparse, np.minimum(low, wide_low), low)
    high = np.where(sparse, np.maximum(high, wide_high), high)
    method = np.where(constant, CiMethod.WILSON_N_CLUSTERS, CiMethod.WILSON_EFFECTIVE_N)
    method = np.where(sparse, CiMethod.WILSON_SPARSE, method)
    return Ends(np.maximum(low, 0.0), np.minimum(high, 1.0)), method


def drawn_ends(
    value: float, draws: ArrayLike, n_clusters: int, *, is_share: bool = False
) -> tuple[float | None, float | None, CiMethod]:
    """95 % interval of a mean, a ratio of sums or a difference from its resamples, and how it was made.

    Args:
        value: of the statistic.
        draws: its resamples, shape (n_resamples,); NaN where it is undefined.
        n_clusters: that were resampled; under 10 there is no interval.
        is_share: it lies in [0, 1] by definition, so the interval does.
    """
    se, skewness = moments(draws)
    if n_clusters < MIN_CLUSTERS or not (np.isfinite(se) and np.isfinite(value)):
        return None, None, CiMethod.NONE
    ends, method = skewed_t(value, se, skewness, n_clusters), CiMethod.SKEWED_T
    if is_share:
        ends, made = share_ends(np.array([value]), se, skewness, n_clusters, False)
        method = CiMethod(made[0])
    return float(ends.low.item()), float(ends.high.item()), method


def _skewed_ends(
    value: ArrayLike, se: ArrayLike, skewness: ArrayLike, n_clusters: ArrayLike, alpha: float, farthest: float
) -> Ends:
    x, g = np.asarray(value, dtype=np.float64), np.asarray(skewness, dtype=np.float64)
    s, t = _corrected(se, n_clusters), _t(n_clusters, alpha)
    low, high = (
        [np.clip(_untransformed(sign * t, f * g), -farthest * t, farthest * t) for f in _factors(n_clusters)]
        for sign in (1, -1)
    )
    return Ends(x - s * np.maximum.reduce(low), x - s * np.minimum.reduce(high))


def _corrected(se: ArrayLike, n_clusters: ArrayLike) -> Floats:
    """The bootstrap divides squares by n, not by n - 1."""
    n = np.asarray(n_clusters, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        corrected: Floats = np.asarray(se, dtype=np.float64) * np.sqrt(np.where(n > 1, n / (n - 1), np.nan))
    return corrected


def _factors(n_clusters: ArrayLike) -> tuple[Floats, ...]:
    """Of the skewness that was seen; 0 is Student's t. The outermost end counts."""
    n = np.maximum(np.asarray(n_clusters, dtype=np.float64), 1.0)
    return np.zeros_like(n), np.ones_like(n), 1 + UNSEEN / n


def _t(n_clusters: ArrayLike, alpha: float) -> Floats:
    quantile: Floats = stdtrit(np.maximum(np.asarray(n_clusters, dtype=np.float64) - 1, 1.0), 1 - alpha / 2)
    return quantile


def _untransformed(t: Floats, g: Floats) -> Floats:
    """The inverse of Hall's transformation t + g t^2 / 3 + g^2 t^3 / 27 + g / 6, of skewness g."""
    safe = np.where(np.abs(g) < 1e-6, 1.0, g)
    return np.where(np.abs(g) < 1e-6, t, 3 / safe * (np.cbrt(1 + safe * (t - safe / 6)) - 1))


class Interval(NamedTuple):
    """Both ends of an interval."""

    low: float
    high: float


def wilson_interval(p: float, n: float) -> Interval:
    """95 % interval for a proportion seen on `n` (not necessarily whole) independent trials (Wilson 1927, JASA 22).

    It lies inside [0, 1].

    Raises:
        ValueError: if p is outside [0, 1] or n is not positive.

    >>> low, high = wilson_interval(0.0, 10)
    >>> low, round(high, 4)
    (0.0, 0.2775)
    """
    if not (0.0 <= p <= 1.0 and n > 0):
        raise ValueError(f"expected 0 <= p <= 1 and n > 0, found p = {p}, n = {n}")
    low, high = wilson_ends(np.array(p), np.array(n, dtype=np.float64), z_quantile(0.95))
    return Interval(float(low), float(high))


def wilson_ends(p: Floats, n: Floats, quantile: Floats | float) -> tuple[Floats, Floats]:
    """Both ends for many proportions, with any two-sided quantile (Student's t for few clusters)."""
    z2 = np.square(quantile)
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = quantile / (1 + z2 / n) * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # exact at the ends, where centre and half cancel up to rounding
    return (
        np.where(p == 0, 0.0, np.maximum(0.0, centre - half)),
        np.where(p == 1, 1.0, np.minimum(1.0, centre + half)),
    )


def z_quantile(level: float) -> float:
    """Of the normal distribution, two-sided."""
    return NormalDist().inv_cdf((1 + level) / 2)


def effective_n(p: float, se: float, n_clusters: int) -> float:
    """Independent trials with this standard error: p (1 - p) / se^2 (Kish's effective sample size).

    With se = 0, as always at p = 0 and p = 1, the number of clusters: the data cannot tell how alike the
    units of a cluster are, so they count as one.
    """
    return float(n_clusters) if se < SE_IS_ZERO else p * (1 - p) / se**2
