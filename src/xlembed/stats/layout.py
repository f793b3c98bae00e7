"""Where each unit belongs: its cell, its need and its cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class UnitLayout:
    """Shared by all models and measures of a task; make it with `unit_layout`.

    Attributes:
        cells: int64, shape (n_units,), in [0, n_cells).
        needs: int64, shape (n_units,), one number per distinct need.
        clusters: int64, shape (n_units,), position in `cluster_ids`.
        n_cells: cells of the report (a language, or an ordered pair of languages with a pool), empty ones
            included.
        cluster_ids: sorted distinct cluster ids of the whole task: the columns of the weight matrix.
    """

    cells: Ints
    needs: Ints
    clusters: Ints
    n_cells: int
    cluster_ids: tuple[str, ...]


def unit_layout(
    cells: ArrayLike,
    need_ids: Sequence[str],
    cluster_ids: Sequence[str],
    n_cells: int,
    task_clusters: Iterable[str] | None = None,
) -> UnitLayout:
    """Number the needs and clusters of the units, one cell, need and cluster id per unit.

    Args:
        cells: int, shape (n_units,), in [0, n_cells).
        need_ids: of each unit.
        cluster_ids: of each unit.
        n_cells: empty ones included.
        task_clusters: all clusters of the task, if the units are a part of it: all parts then share one
            weight matrix. Default: the clusters of the units.

    Raises:
        ValueError: if lengths differ, a cell is out of range, or a unit's cluster is not one of the task's.
    """
    cell_index = np.asarray(cells, dtype=np.int64).reshape(-1)
    if not len(cell_index) == len(need_ids) == len(cluster_ids):
        raise ValueError(
            f"expected one cell, need and cluster per unit, found {len(cell_index)}, {len(need_ids)} "
            f"and {len(cluster_ids)}"
        )
    if len(cell_index) and not 0 <= cell_index.min() <= cell_index.max() < n_cells:
        raise ValueError(f"cells must lie in [0, {n_cells}), found {cell_index.min()} to {cell_index.max()}")
    names = tuple(sorted(set(cluster_ids if task_clusters is None else task_clusters)))
    column = {name: i for i, name in enumerate(names)}
    if missing := sorted(set(cluster_ids) - column.keys()):
        raise ValueError(f"clusters of units are not among the task's clusters: {missing[:5]}")
    needs = {need: i for i, need in enumerate(sorted(set(need_ids)))}
    return UnitLayout(
        cells=cell_index,
        needs=np.array([needs[n] for n in need_ids], dtype=np.int64),
        clusters=np.array([column[c] for c in cluster_ids], dtype=np.int64),
        n_cells=n_cells,
        cluster_ids=names,
    )


def unit_values(layout: UnitLayout, values: ArrayLike) -> Floats:
    """`values` as float64, shape (n_units, n_measures).

    Raises:
        ValueError: if the shape differs or a value is not finite (leave a missing unit out of the layout).
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or len(array) != len(layout.cells):
        raise ValueError(f"expected values of shape ({len(layout.cells)}, n_measures), found {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("values must be finite: a unit without a value does not belong into the layout")
    return array


@dataclass(frozen=True, eq=False)
class ClusterSums:
    """Sums of the units of one cell and one cluster; one row per (cell, cluster) that has units.

    `cells` (int64) ascend, and `clusters` within a cell; `counts` are units, `sums` has the shape (n_rows, n_measures).
    """

    cells: Ints
    clusters: Ints
    counts: Floats
    sums: Floats


def cluster_sums(layout: UnitLayout, values: Floats) -> ClusterSums:
    """Sum values of shape (n_units, n_measures) over the units of each cell and cluster."""
    n_clusters = len(layout.cluster_ids)
    key = layout.cells * n_clusters + layout.clusters
    order = np.argsort(key, kind="stable")
    rows, start, counts = np.unique(key[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(values[order], start, axis=0) if len(rows) else np.empty((0, values.shape[1]))
    cells, clusters = np.divmod(rows, max(n_clusters, 1))
    return ClusterSums(cells, clusters, counts.astype(np.float64), sums)
