"""Means with cluster-bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from xlembed.stats.bootstrap import N_RESAMPLES, score_cells
from xlembed.stats.layout import Ints, unit_layout
from xlembed.stats.scores import Score, Table


def estimate(
    cells: Ints,
    values: ArrayLike,
    clusters: Sequence[str],
    n_cells: int,
    *,
    all_clusters: Sequence[str] | None = None,
    binary: Sequence[bool] | None = None,
    macros: Mapping[str, Sequence[int]] | None = None,
    n_resamples: int = N_RESAMPLES,
) -> Table[Score]:
    """Mean of the values in each cell, and of cells, with 95 % intervals.

    Args:
        cells: int64, shape (n,), in [0, n_cells).
        values: float64, shape (n,) or (n, n_measures).
        clusters: of each value: what is resampled together.
        n_cells: cells; empty ones give None.
        all_clusters: of the whole analysis, so that all its tables share one weight matrix.
        binary: per measure, whether it is 0 or 1; default: none is.
        macros: name -> cells whose unweighted mean it is; default: ``all`` of them.
        n_resamples: resamples.
    """
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    layout = unit_layout(cells, clusters, clusters, n_cells, all_clusters)
    flags = [False] * table.shape[1] if binary is None else binary
    means = {"all": range(n_cells)} if macros is None else macros
    return score_cells(layout, table, flags, means, n_resamples)
