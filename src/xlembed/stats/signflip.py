"""Paired sign-flip test on cluster sums (Fisher 1935; Phipson & Smyth 2010 for the p-value)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xlembed.stats.layout import Floats, Ints, UnitLayout, unit_values

N_FLIPS = 10_000
CHUNK_BYTES = 16 * 2**20
TIE = 1e-10
"""Sums this close, as a share of the sum of absolute contributions, are equal: rounding must not decide."""


@dataclass(frozen=True)
class SignFlip:
    """Outcome of one two-sided test: the observed difference A - B, and (b + 1) / (n_flips + 1), never 0.

    b are the flips at least as far from 0.
    """

    statistic: float
    p_value: float


def flips_needed(family_size: int, alpha: float = 0.05) -> int:
    """Flips with which the smallest p of a Holm family is known well enough: 20 x family / alpha.

    >>> flips_needed(4)
    1600
    """
    return math.ceil(round(20 * family_size / alpha, 6))


def cluster_contributions(layout: UnitLayout, differences: ArrayLike, cells: Sequence[int]) -> Floats:
    """What each cluster adds to the difference of a cell (one cell given) or of a macro (several).

    A cluster's part is the sum, over cells, of (its sum of differences in the cell / units of the cell),
    divided by the number of cells that have units; cells without units are left out.

    Returns:
        float64, shape (n_clusters of the task, n_measures); its column sums are the observed differences.

    Raises:
        ValueError: if a cell is unknown or given twice, or none has units.
    """
    array = unit_values(layout, differences)
    if len(set(cells)) != len(cells) or not all(0 <= c < layout.n_cells for c in cells):
        raise ValueError(f"expected distinct cells in [0, {layout.n_cells}), found {list(cells)}")
    units = np.bincount(layout.cells, minlength=layout.n_cells)
    present = [c for c in cells if units[c]]
    if not present:
        raise ValueError(f"cells {list(cells)} have no units: there is nothing to test")
    inside = np.isin(layout.cells, present)
    where, n_clusters = layout.clusters[inside], len(layout.cluster_ids)
    shares = array[inside] / (units[layout.cells[inside]][:, None] * len(present))
    result = np.empty((n_clusters, array.shape[1]))
    for measure, column in enumerate(shares.T):
        result[:, measure] = np.bincount(where, column, n_clusters)
    return result


def n_discordant_clusters(contributions: Floats) -> Ints:
    """Clusters with a contribution other than 0 (beyond rounding), per column."""
    scale = np.abs(contributions).sum(axis=0)
    return np.asarray((np.abs(contributions) > TIE * scale).sum(axis=0), dtype=np.int64)


def sign_flip_tests(
    contributions: ArrayLike, rng: np.random.Generator, n_flips: int = N_FLIPS
) -> tuple[SignFlip, ...]:
    """Test each column of contributions; all columns share the same random signs.

    Under the null hypothesis A and B may be exchanged within every cluster, so each contribution is as likely
    with the other sign. A flipped sum equal to the observed one (within rounding) counts as at least as far.

    Args:
        contributions: finite, shape (n_clusters, n_tests), see `cluster_contributions`.
        rng: source of the signs.
        n_flips: B; at least `flips_needed(family size)`.

    Raises:
        ValueError: for another shape, values that are not finite, or a size that is not positive.
    """
    parts = np.asarray(contributions, dtype=np.float64)
    if parts.ndim != 2 or not len(parts) or not np.isfinite(parts).all():
        raise ValueError(f"expected finite contributions of shape (n_clusters, n_tests), found {parts.shape}")
    if n_flips < 1:
        raise ValueError(f"expected a positive number of flips, found {n_flips}")
    observed = parts.sum(axis=0)
    bar = np.abs(observed) - TIE * np.abs(parts).sum(axis=0)
    beyond = np.zeros(parts.shape[1], dtype=np.int64)
    for kept in _coin_flips(len(parts), n_flips, rng):
        # signs are 2 kept - 1, so the flipped sum is 2 (kept @ parts) - observed
        beyond += (np.abs(2 * (kept @ parts) - observed) >= bar).sum(axis=0)
    return tuple(
        SignFlip(float(difference), (int(n) + 1) / (n_flips + 1))
        for difference, n in zip(observed, beyond, strict=True)
    )


def _coin_flips(n_clusters: int, n_flips: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Fair zeros and ones, shape (n, n_clusters), 16 MB at a time; 64-bit words, so chunks do not disturb them."""
    words = -(-n_clusters // 64)
    rows = max(1, CHUNK_BYTES // (8 * n_clusters))
    for start in range(0, n_flips, rows):
        drawn = rng.integers(0, 2**64, size=(min(rows, n_flips - start), words), dtype=np.uint64)
        bits = np.unpackbits(drawn.view(np.uint8), axis=1, count=n_clusters)
        yield bits.astype(np.float64)
