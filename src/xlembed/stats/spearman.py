"""Spearman's rank correlation with intervals, its paired change between two models, and what goes along with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed, cluster_weights
from xlembed.stats.layout import Floats
from xlembed.stats.scores import MIN_CLUSTERS
from xlembed.stats.signflip import N_FLIPS

CHUNK_BYTES = 16 * 2**20
"""Size of one table of float64 with a row per resample."""
ROUNDING = 1e-12
"""Correlations this close are equal, and variances this small are none."""
NEIGHBOURS = 10


@dataclass(frozen=True)
class Correlation:
    """Spearman's rho of `n` values in `n_clusters`, which are resampled whole.

    Attributes:
        value: in [-1, 1]; NaN if one side is constant.
        ci_low: 95 % percentile interval; None under 10 clusters, or where no resample has a rho; likewise `ci_high`.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    n_clusters: int

    def to_json(self) -> dict[str, Any]:
        """`spearman` and its interval, rounded to 1e-6; None where there is none."""
        numbers = {key: _rounded(value) for key, value in asdict(self).items()}
        return {"spearman": numbers.pop("value"), **numbers}


@dataclass(frozen=True)
class CorrelationChange:
    """rho of the model after minus rho of the model before, on the same pairs.

    Attributes:
        difference: in [-2, 2]; NaN if a side is constant.
        ci_low: 95 % percentile interval, unadjusted; None under 10 clusters; likewise `ci_high`.
        p_value: of the paired permutation test, two-sided, never 0; NaN without a difference.
    """

    difference: float
    ci_low: float | None
    ci_high: float | None
    p_value: float
    n: int
    n_clusters: int

    def to_json(self) -> dict[str, Any]:
        """Flat, floats rounded to 1e-6 (p to 8 digits)."""
        numbers = {key: _rounded(value) for key, value in asdict(self).items()}
        return {**numbers, "p_value": _rounded(self.p_value, 8)}


def spearman(
    x: ArrayLike, y: ArrayLike, clusters: Sequence[str] | None = None, n_resamples: int = N_RESAMPLES
) -> Correlation:
    """Spearman's rho of two variables, finite, shape (n,), ties with midranks, with a cluster bootstrap.

    Each resample's rho is exact: a value that was drawn w times stands w times in the midranks. Without clusters each
    value is its own.

    Raises:
        ValueError: for other shapes, or values that are not finite.
    """
    value, resamples = spearman_draws(x, y, clusters, n_resamples)
    n = len(np.asarray(x))
    n_clusters = n if clusters is None else len(set(clusters))
    return Correlation(value, *percentile_ends(resamples, n_clusters), n, n_clusters)


def spearman_draws(
    x: ArrayLike, y: ArrayLike, clusters: Sequence[str] | None, n_resamples: int
) -> tuple[float, Floats]:
    """Spearman's rho, and rho in each resample of the clusters, shape (n_resamples,); arguments as of `spearman`."""
    (a, b), ids = _checked((x, y), clusters)
    parts = [_weighted_rho(w, a, b) for w in _weights(ids, n_resamples)]
    return _rho(a, b), np.concatenate(parts or [np.empty(0)])


def spearman_change(
    before: ArrayLike,
    after: ArrayLike,
    scores: ArrayLike,
    clusters: Sequence[str] | None = None,
    n_resamples: int = N_RESAMPLES,
    n_flips: int = N_FLIPS,
) -> CorrelationChange:
    """rho(after, scores) - rho(before, scores), paired; cosines and scores of pairs, finite, shape (n,).

    The interval takes both correlations from the same resamples. The test is the paired permutation test of Deutsch,
    Dror & Roth (2021, "A Statistical Analysis of Summarization Evaluation Metrics Using Resampling Methods", TACL 9):
    under the null hypothesis the two models' standardised values of a pair may be exchanged. The standardised values
    are midranks here, since rho depends on nothing else; whole clusters are exchanged (without clusters, each pair is
    its own); the ranks are not ranked anew after an exchange, so that the statistic is linear in the exchanges (it is
    the same function of every exchanged data set, which is what the test needs).

    Raises:
        ValueError: for other shapes, or values that are not finite.
    """
    (a, b, y), ids = _checked((before, after, scores), clusters)
    parts = [_weighted_rho(w, b, y) - _weighted_rho(w, a, y) for w in _weights(ids, n_resamples)]
    n_clusters = len(set(ids))
    difference = _rho(b, y) - _rho(a, y)
    p_value = _exchange_test(a, b, y, ids, n_flips) if np.isfinite(difference) else float("nan")
    low, high = percentile_ends(np.concatenate(parts or [np.empty(0)]), n_clusters)
    return CorrelationChange(difference, low, high, p_value, len(a), n_clusters)


def rank_gain(before: ArrayLike, after: ArrayLike, scores: ArrayLike) -> Floats:
    """How much nearer each pair's rank by cosine came to its rank by score, in shares of all ranks; arguments as above.

    |rank(before) - rank(score)| - |rank(after) - rank(score)|, divided by n: float64, shape (n,), in (-1, 1), positive
    where the model got better.

    >>> rank_gain([0.1, 0.2, 0.3], [0.1, 0.3, 0.2], [1, 3, 2]).round(3).tolist()
    [0.0, 0.333, 0.333]
    """
    (a, b, y), _ = _checked((before, after, scores), None)
    ranks_a, ranks_b, ranks_y = (rankdata(v) for v in (a, b, y))
    gain: Floats = (np.abs(ranks_a - ranks_y) - np.abs(ranks_b - ranks_y)) / max(1, len(y))
    return gain


def neighbourhood_gain(queries: ArrayLike, pairs: ArrayLike, gain: ArrayLike, k: int = NEIGHBOURS) -> Floats:
    """Mean gain of the pairs that lie nearest to each query.

    Args:
        queries: shape (n_queries, dim), in any length; cosines decide.
        pairs: one vector per pair, shape (n_pairs, dim).
        gain: of each pair, see `rank_gain`.
        k: nearest pairs; all, if there are fewer. Equal cosines: the earlier pair.

    Returns:
        float64, shape (n_queries,).

    Raises:
        ValueError: if there are no pairs, or the dimensions differ.
    """
    left, right, values = _unit(queries), _unit(pairs), np.asarray(gain, dtype=np.float64)
    if not len(right) or len(right) != len(values) or left.shape[1] != right.shape[1]:
        raise ValueError(
            f"expected a gain per pair, found pairs {right.shape}, gains {values.shape}, queries {left.shape}"
        )
    found = np.empty(len(left))
    rows = max(1, CHUNK_BYTES // (8 * len(right)))
    for start in range(0, len(left), rows):
        cosines = left[start : start + rows] @ right.T
        # Added up in the order of the pairs, so that the same neighbours give the same mean to the last bit.
        nearest = np.sort(np.argsort(-cosines, axis=1, kind="stable")[:, :k], axis=1)
        found[start : start + rows] = values[nearest].mean(axis=1)
    return found


def _checked(values: Sequence[ArrayLike], clusters: Sequence[str] | None) -> tuple[list[Floats], list[str]]:
    arrays = [np.asarray(v, dtype=np.float64) for v in values]
    shapes = {a.shape for a in arrays}
    n = len(arrays[0]) if arrays[0].ndim == 1 else -1
    ids = [f"{i:09d}" for i in range(n)] if clusters is None else list(clusters)
    if len(shapes) > 1 or n < 0 or len(ids) != n:
        raise ValueError(
            f"expected one row of values each, and a cluster per value, found {shapes} and {len(ids)}"
        )
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError("values must be finite: leave out what has none")
    return arrays, ids


def _weights(ids: Sequence[str], n_resamples: int) -> Iterator[Floats]:
    """How often each value is drawn, shape (some resamples, n)."""
    if not ids:
        return
    _, column = np.unique(np.asarray(ids), return_inverse=True)
    rows = max(1, CHUNK_BYTES // (8 * len(ids)))
    for chunk in cluster_weights(ids, n_resamples, rows):
        yield chunk[:, column].astype(np.float64)


def _rho(x: Floats, y: Floats) -> float:
    if not len(x):
        return float("nan")
    return float(_weighted_rho(np.ones((1, len(x))), x, y)[0])


def _weighted_rho(weights: Floats, x: Floats, y: Floats) -> Floats:
    """Spearman's rho of each resample, shape (n_resamples,); NaN where a side is constant."""
    total = weights.sum(axis=1, keepdims=True)
    middle = (total + 1) / 2
    a, b = (_midranks(weights, values) - middle for values in (x, y))
    cross = (weights * a * b).sum(axis=1)
    spread = (weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho: Floats = np.where(spread > ROUNDING, cross / np.sqrt(spread), np.nan)
    return rho


def _midranks(weights: Floats, values: Floats) -> Floats:
    """Rank of each value among the drawn ones; shape of the weights."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = np.cumsum(sizes, axis=1) - (sizes - 1) / 2
    place = np.empty(len(values), dtype=np.int64)
    place[order] = np.repeat(np.arange(len(starts)), np.diff([*starts, len(values)]))
    return ranks[:, place]


def percentile_ends(resamples: Floats, n_clusters: int) -> tuple[float | None, float | None]:
    """95 % percentiles of rho, which cover 92 to 98 % from 12 values up (for means they do not: see `intervals`).

    None under 10 clusters, or where no resample has a rho.
    """
    kept = resamples[np.isfinite(resamples)]
    if n_clusters < MIN_CLUSTERS or not len(kept):
        return None, None
    low, high = np.quantile(kept, [0.025, 0.975])
    return float(low), float(high)


def _exchange_test(before: Floats, after: Floats, scores: Floats, ids: Sequence[str], n_flips: int) -> float:
    """Two-sided p of the paired permutation test, (b + 1) / (n_flips + 1)."""
    _, column = np.unique(np.asarray(ids), return_inverse=True)
    a, b, y = (rankdata(v) - (len(scores) + 1) / 2 for v in (before, after, scores))
    spread = float((y * y).sum())
    # Each row: what exchanging a cluster adds to sum(a y), sum(a), sum(a a); b loses the same.
    moves = np.stack([np.bincount(column, m) for m in ((b - a) * y, b - a, b * b - a * a)])
    sums_a, sums_b = (np.array([(v * y).sum(), v.sum(), (v * v).sum()]) for v in (a, b))

    def statistic(exchanged: Floats) -> Floats:
        moved = exchanged @ moves.T
        return _correlations(sums_b - moved, len(y), spread) - _correlations(sums_a + moved, len(y), spread)

    n_clusters = moves.shape[1]
    observed = abs(float(statistic(np.zeros((1, n_clusters)))[0]))
    rng = np.random.default_rng(cluster_seed(ids) + 1)  # + 1: not the stream of the bootstrap weights
    rows = max(1, CHUNK_BYTES // (8 * n_clusters))
    beyond = 0
    for start in range(0, n_flips, rows):
        size = (min(rows, n_flips - start), n_clusters)
        drawn = rng.integers(0, 2, size=size, dtype=np.uint8).astype(np.float64)
        beyond += int((np.abs(statistic(drawn)) >= observed - ROUNDING).sum())
    return (beyond + 1) / (n_flips + 1)


def _correlations(sums: Floats, n: int, spread: float) -> Floats:
    """Pearson's r with centred values of sum of squares `spread`, from sum(a y), sum(a), sum(a a)."""
    variance = np.maximum(sums[:, 2] - sums[:, 1] ** 2 / n, ROUNDING)
    found: Floats = sums[:, 0] / np.sqrt(variance * spread)
    return found


def _unit(vectors: ArrayLike) -> Floats:
    array = np.asarray(vectors, dtype=np.float64)
    length = np.sqrt((array * array).sum(axis=1, keepdims=True))
    unit: Floats = array / np.where(length > 0, length, 1)
    return unit


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, digits)
