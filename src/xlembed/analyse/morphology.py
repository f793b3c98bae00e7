"""Does a model know two forms of one word from two words?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xlembed.stats.intervals import effective_n, wilson_interval
from xlembed.stats.layout import Floats

MIN_PAIRS = 30
"""With fewer pairs of a kind there is no interval."""
BANDS = ((0.9, "excellent"), (0.7, "good"))
TIE = 1e-6
"""Cosines this close are equal."""


@dataclass(frozen=True)
class Superiority:
    """P(cosine of an inflected pair > cosine of an unrelated pair), ties counted half.

    Attributes:
        value: in [0, 1]; 0.5 where the model tells nothing apart.
        ci_low: 95 % interval; None under 30 pairs of a kind.
        ci_high: likewise.
        n_inflected: pairs.
        n_unrelated: pairs.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    n_inflected: int
    n_unrelated: int


def superiority(inflected: Floats, unrelated: Floats) -> Superiority:
    """The area under the ROC curve (Mann & Whitney 1947) with its interval.

    Standard error by DeLong, DeLong & Clarke-Pearson 1988; Wilson's interval with the effective number of pairs
    p (1 - p) / SE^2, or the number of the smaller list where SE is 0. The two lists are taken as independent: where the
    control has the same words, as in the bundled list, the interval is too wide rather than too narrow.

    Args:
        inflected: cosines, float64, shape (n,), n >= 1.
        unrelated: cosines, float64, shape (m,), m >= 1.

    Raises:
        ValueError: if a list is empty.

    >>> superiority(np.array([0.9, 0.4]), np.array([0.4, 0.1])).value
    0.875
    """
    n, m = len(inflected), len(unrelated)
    if not n or not m:
        raise ValueError("superiority needs pairs of both kinds")
    difference = inflected[:, None] - unrelated[None, :]
    wins = np.where(np.abs(difference) <= TIE, 0.5, (difference > 0).astype(np.float64))
    value = float(wins.mean())
    if min(n, m) < MIN_PAIRS:
        return Superiority(value, None, None, n, m)
    se = float(np.sqrt(wins.mean(axis=1).var(ddof=1) / n + wins.mean(axis=0).var(ddof=1) / m))
    low, high = wilson_interval(value, effective_n(value, se, min(n, m)))
    return Superiority(value, low, high, n, m)


def legacy_band(mean_cosine: float) -> str:
    """The bands of older reports; a model that finds everything similar gets the best one for free.

    >>> legacy_band(0.95), legacy_band(0.9), legacy_band(0.7), legacy_band(0.2)
    ('excellent', 'good', 'good', 'weak')
    """
    if mean_cosine > BANDS[0][0]:
        return BANDS[0][1]
    return BANDS[1][1] if mean_cosine >= BANDS[1][0] else "weak"
