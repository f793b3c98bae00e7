"""How much two rankings of the same things agree: rank-biased overlap, and the correlation of their ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xlembed.search.base import Rows

Floats = NDArray[np.float64]
PERSISTENCE = 0.9
"""p of the rank-biased overlap: the first ten of a ranking have 86 % of the weight."""
CHUNK = 50_000
"""Pairs of rankings that are compared at a time."""


def rank_biased_overlap(a: Rows, b: Rows, p: float = PERSISTENCE) -> Floats:
    """RBO_ext of pairs of rankings (Webber, Moffat and Zobel 2010, ACM TOIS 28(4), equation 32), in [0, 1].

    A ranking that has ended early is extended as the paper does; beside an empty one it is 0.

    Args:
        a: numbers of things, best first and none twice, shape (n, k); negative where a ranking has ended.
        b: the rankings they are compared with, same shape.
        p: persistence, in (0, 1).

    >>> rank_biased_overlap(np.array([[1, 2, 3]]), np.array([[1, 2, 3]])).round(6).tolist()
    [1.0]
    """
    return _in_chunks(lambda x, y: _overlap(x, y, p), a, b)


def rank_correlation(a: Rows, b: Rows) -> Floats:
    """Spearman's correlation over the union of two rankings; what one lacks is tied behind all that it has.

    With k places a missing thing has rank k + 1 (MRC@k of LaKDA, Yang et al. 2024, MRL workshop); ties have
    midranks. Two rankings of the same single thing correlate 1, an empty one with any other 0. Arguments are those of
    `rank_biased_overlap`.
    """
    return _in_chunks(_correlation, a, b)


def _in_chunks(measure: Callable[[Rows, Rows], Floats], a: Rows, b: Rows) -> Floats:
    parts = [measure(a[i : i + CHUNK], b[i : i + CHUNK]) for i in range(0, len(a), CHUNK)]
    return np.concatenate(parts or [np.empty(0)])


def _common(a: Rows, b: Rows) -> NDArray[np.bool_]:
    """Whether place i of one and place j of the other hold the same, shape (n, k, k)."""
    return np.asarray((a[:, :, None] == b[:, None, :]) & (a[:, :, None] >= 0))


def _overlap(a: Rows, b: Rows, p: float) -> Floats:
    n, k = a.shape
    both = _common(a, b)
    depth = np.arange(1, k + 1)
    # A thing is in both tops from the deeper of its two places on.
    deeper = np.maximum(depth[:, None], depth[None, :])
    shared = np.stack([(both & (deeper <= d)).sum(axis=(1, 2)) for d in depth], axis=1).astype(np.float64)
    lengths = np.stack([(a >= 0).sum(axis=1), (b >= 0).sum(axis=1)])
    short, long = lengths.min(axis=0), lengths.max(axis=0)
    some = short > 0
    s, rows = np.maximum(short, 1), np.arange(n)
    at_short, at_long = shared[rows, s - 1], shared[rows, np.maximum(long, 1) - 1]
    beyond = np.maximum(depth - s[:, None], 0) / s[:, None] * at_short[:, None]
    weights = np.where(depth <= long[:, None], p**depth / depth, 0.0)
    seen = (1 - p) / p * ((shared + beyond) * weights).sum(axis=1)
    rest = ((at_long - at_short) / np.maximum(long, 1) + at_short / s) * p**long
    return np.where(some, seen + rest, 0.0)


def _correlation(a: Rows, b: Rows) -> Floats:
    both = _common(a, b)
    has_a, has_b = a >= 0, b >= 0
    n_a, n_b, n_both = has_a.sum(axis=1), has_b.sum(axis=1), both.sum(axis=(1, 2))
    union = n_a + n_b - n_both
    middle = (union + 1) / 2
    # Midranks, less their mean: of what each has, and of what it lacks.
    has = np.arange(1, a.shape[1] + 1) - middle[:, None]
    lacks_a, lacks_b = ((n + union + 1) / 2 - middle for n in (n_a, n_b))
    only_a, only_b = has_a & ~both.any(axis=2), has_b & ~both.any(axis=1)
    shared = np.einsum("nij,ni,nj->n", both.astype(np.float64), has, has)
    covariance = shared + (has * only_a).sum(axis=1) * lacks_b + (has * only_b).sum(axis=1) * lacks_a
    spread_a = (has**2 * has_a).sum(axis=1) + (union - n_a) * lacks_a**2
    spread_b = (has**2 * has_b).sum(axis=1) + (union - n_b) * lacks_b**2
    scale = np.sqrt(spread_a * spread_b)
    same_single = (union == 1) & (n_both == 1)
    empty = (n_a == 0) | (n_b == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(same_single, 1.0, np.where(empty, 0.0, covariance / scale))
