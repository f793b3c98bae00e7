"""Paired differences between two models, or two conditions, on the same units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from xlembed.stats.bootstrap import N_RESAMPLES, resample
from xlembed.stats.intervals import SE_IS_ZERO, skewed_t
from xlembed.stats.layout import Floats, Ints, UnitLayout, cluster_sums, unit_values
from xlembed.stats.scores import MIN_CLUSTERS, CiMethod, Difference, Table
from xlembed.stats.signflip import TIE, cluster_contributions, n_discordant_clusters

SAME = 1e-12
"""Values of a unit that are this close are equal."""


def difference_cells(
    layout: UnitLayout,
    values_a: ArrayLike,
    values_b: ArrayLike,
    macros: Mapping[str, Sequence[int]] | None = None,
    n_resamples: int = N_RESAMPLES,
    level: float = 0.95,
) -> Table[Difference]:
    """A - B for every measure in every cell and macro, with unadjusted intervals.

    The weights are those of `score_cells`, so intervals of A, of B and of A - B come from the same resamples.
    Student's t, widened for skewness (`intervals.skewed_t`), and kept inside [-1, 1] where all differences are. Where
    no resample differs, as without a discordant unit, +-3 / n_clusters times 1 + |difference| (rule of three, Hanley &
    Lippman-Hand 1983: with 95 % confidence fewer than that share of clusters are unlike those seen, and a measure in
    [0, 1] cannot be farther away). No interval under 10 clusters. Significance comes from the tests, never from these
    intervals. Layout, values (of the same units and measures) and macros are those of `resample`.

    Raises:
        ValueError: as `resample`, or if A and B have different shapes.
    """
    a, b = unit_values(layout, values_a), unit_values(layout, values_b)
    if a.shape != b.shape:
        raise ValueError(f"expected the same units and measures for both, found {a.shape} and {b.shape}")
    delta = a - b
    delta[np.abs(delta) < SAME] = 0.0
    cell_units, cell_clusters = _discordance(layout, delta)
    drawn = resample(layout, delta, macros, n_resamples)
    ends = skewed_t(drawn.value, drawn.se, drawn.skewness, drawn.n_clusters[:, None], 1 - level)
    farthest = np.maximum(1.0, np.abs(delta).max(axis=0, initial=0.0))

    def difference(row: int, measure: int, n_discordant: int, n_clusters_discordant: int) -> Difference:
        n, value = int(drawn.n_clusters[row]), float(drawn.value[row, measure])
        low, high = float(ends.low[row, measure]), float(ends.high[row, measure])
        method = CiMethod.SKEWED_T if n >= MIN_CLUSTERS else CiMethod.NONE
        if method is CiMethod.SKEWED_T and drawn.se[row, measure] < SE_IS_ZERO:
            half = max(3.0, -math.log(1 - level)) / n  # the rule's own number at 95 %, more at higher levels
            half *= 1 + abs(value)
            low, high, method = value - half, value + half, CiMethod.RULE_OF_THREE
        known, most = method is not CiMethod.NONE, float(farthest[measure])
        return Difference(
            value=value,
            ci_low=max(low, -most) if known else None,
            ci_high=min(high, most) if known else None,
            ci_method=method,
            se=float(drawn.se[row, measure]) if known else None,
            **drawn.counts(row),
            n_discordant=n_discordant,
            n_discordant_clusters=n_clusters_discordant,
        )

    def line(row: int, cells: Sequence[int]) -> tuple[Difference, ...]:
        units = cell_units[list(cells)].sum(axis=0)
        if len(cells) == 1:
            clusters = cell_clusters[cells[0]]
        else:
            clusters = n_discordant_clusters(cluster_contributions(layout, delta, cells))
        return tuple(difference(row, m, int(units[m]), int(clusters[m])) for m in range(delta.shape[1]))

    return drawn.table(line)


def _discordance(layout: UnitLayout, delta: Floats) -> tuple[Ints, Ints]:
    """Units, and clusters by their sum, that are not 0, shape (n_cells, n_measures) each."""
    sums = cluster_sums(layout, delta)
    units, clusters = np.zeros((2, layout.n_cells, delta.shape[1]), dtype=np.int64)
    for m in range(delta.shape[1]):
        units[:, m] = np.bincount(layout.cells[delta[:, m] != 0], minlength=layout.n_cells)
        size = np.abs(sums.sums[:, m])
        scale = np.bincount(sums.cells, size, minlength=layout.n_cells)
        clusters[:, m] = np.bincount(sums.cells[size > TIE * scale[sums.cells]], minlength=layout.n_cells)
    return units, clusters
