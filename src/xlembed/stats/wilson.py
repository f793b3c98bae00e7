"""Wilson's score interval for a proportion (Wilson 1927, JASA 22)."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from xlembed.stats.layout import Floats

SE_IS_ZERO = 1e-9
"""A standard error below this is rounding."""


class Interval(NamedTuple):
    """Both ends of an interval."""

    low: float
    high: float


def wilson_interval(p: float, n: float, level: float = 0.95) -> Interval:
    """Interval for a proportion `p` seen on `n` (not necessarily whole) independent trials; inside [0, 1].

    Raises:
        ValueError: if p is outside [0, 1] or n is not positive.

    >>> low, high = wilson_interval(0.0, 10)
    >>> low, round(high, 4)
    (0.0, 0.2775)
    """
    if not (0.0 <= p <= 1.0 and n > 0):
        raise ValueError(f"expected 0 <= p <= 1 and n > 0, found p = {p}, n = {n}")
    low, high = wilson_ends(np.array(p), np.array(n, dtype=np.float64), z_quantile(level))
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
