"""Cluster bootstrap of cells and macros: one weight matrix for everything (Davison & Hinkley 1997, 3.8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlembed.stats.intervals import Ends, moments, share_ends, skewed_t
from xlembed.stats.layout import ClusterSums, Floats, Ints, UnitLayout, cluster_sums, unit_values
from xlembed.stats.scores import MIN_CLUSTERS, CiMethod, Score, T, Table

N_RESAMPLES = 10_000
CHUNK_BYTES = 16 * 2**20
"""Size of the float64 weights that are in memory at one time."""
PASS_COLUMNS = 2048
"""Cells x measures whose resamples are in memory at one time (160 MB at 10,000 resamples)."""


def cluster_seed(cluster_ids: Collection[str]) -> int:
    """Seed of a task's weight matrix: sha256 of its sorted distinct cluster ids."""
    text = json.dumps(sorted(set(cluster_ids)), ensure_ascii=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest(), "big")


def cluster_weights(
    cluster_ids: Collection[str], n_resamples: int = N_RESAMPLES, chunk_resamples: int | None = None
) -> Iterator[NDArray[np.float32]]:
    """How often each cluster is drawn in each resample, a chunk of resamples at a time.

    Args:
        cluster_ids: clusters of the whole task, in any order; they alone decide the weights.
        n_resamples: rows in all chunks together; fewer rows are the first rows of more.
        chunk_resamples: rows of a chunk; it changes memory, not weights. Default: what fits into 16 MB.

    Yields:
        float32 whole numbers, shape (at most chunk_resamples, n_clusters), columns in sorted order of the
        distinct ids; each row sums to n_clusters.

    Raises:
        ValueError: if there are no clusters, or a size is not positive.
    """
    n = len(set(cluster_ids))
    rows = chunk_resamples or max(1, CHUNK_BYTES // (8 * max(n, 1)))
    if n < 1 or n_resamples < 1 or rows < 1:
        raise ValueError(
            f"expected positive sizes, found {n} clusters, {n_resamples} resamples, chunks of {rows}"
        )
    rng = np.random.default_rng(cluster_seed(cluster_ids))
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        # Counting n uniform draws is a multinomial row, and drawing is a stream that chunks cannot disturb.
        weights = np.empty((size, n), dtype=np.float32)
        for row, drawn in zip(weights, rng.integers(0, n, size=(size, n)), strict=True):
            row[:] = np.bincount(drawn, minlength=n)
        yield weights


@dataclass(frozen=True, eq=False)
class Resampled:
    """Values, and what the resamples say of them; rows are the cells, then the macros.

    Attributes:
        value: float64, shape (n_rows, n_measures), computed from the units, not from resamples; NaN if empty.
        se: same shape, standard deviation over the resamples that have units of the cell.
        skewness: same shape, of those resamples.
        n_units: int64, shape (n_rows,); likewise `n_needs` and `n_clusters`.
        macro_cells: name of each macro, in row order -> cells present.
        macro_resamples: float64, shape (n_macros, n_measures, n_resamples); the same column is the same
            resample for every model of a task.
    """

    value: Floats
    se: Floats
    skewness: Floats
    n_units: Ints
    n_needs: Ints
    n_clusters: Ints
    macro_cells: dict[str, tuple[int, ...]]
    macro_resamples: Floats

    def counts(self, row: int) -> dict[str, int]:
        """Units, needs and clusters behind a row, by the names that a `Score` has."""
        return {name: int(getattr(self, name)[row]) for name in ("n_units", "n_needs", "n_clusters")}

    def table(self, line: Callable[[int, Sequence[int]], tuple[T, ...]]) -> Table[T]:
        """What `line` makes of each row and its cells, for every measure; None for rows without units."""
        n_cells = len(self.value) - len(self.macro_cells)
        nothing = (None,) * self.value.shape[1]
        members = [*((cell,) for cell in range(n_cells)), *self.macro_cells.values()]
        lines = [line(row, of) if self.n_units[row] else nothing for row, of in enumerate(members)]
        macros = dict(zip(self.macro_cells, lines[n_cells:], strict=True))
        return Table(tuple(lines[:n_cells]), macros, self.macro_cells)


def resample(
    layout: UnitLayout,
    values: ArrayLike,
    macros: Mapping[str, Sequence[int]] | None = None,
    n_resamples: int = N_RESAMPLES,
) -> Resampled:
    """Resample clusters: a cell is then weighted sum / weighted units, a macro the mean of its cells.

    Args:
        layout: cell, need and cluster of each unit.
        values: finite, shape (n_units, n_measures).
        macros: name -> cells; cells without units are left out, in a resample too.
        n_resamples: resamples.

    Raises:
        ValueError: for values of another shape or that are not finite, or a macro with an unknown or a
            repeated cell.
    """
    array = unit_values(layout, values)
    n_measures = array.shape[1]
    sums = cluster_sums(layout, array)
    counts = _count(layout)
    lists = {name: _present(name, cells, layout.n_cells, counts[0]) for name, cells in (macros or {}).items()}
    value = np.full((layout.n_cells + len(lists), n_measures), np.nan)
    se, skewness = value.copy(), value.copy()
    macro_sum = np.zeros((len(lists), n_measures, n_resamples))
    macro_n = np.zeros((len(lists), 1, n_resamples))

    filled = np.flatnonzero(counts[0])
    first = np.searchsorted(sums.cells, filled)
    if len(filled):
        totals = np.add.reduceat(sums.sums, first, axis=0)
        value[filled] = totals / np.add.reduceat(sums.counts, first)[:, None]
    for batches in _passes(sums, filled, n_measures):
        cells = np.concatenate([batch.cells for batch in batches])
        ratios = _ratios(layout, batches, n_measures, n_resamples)
        for cell, block in zip(map(int, cells), ratios, strict=True):
            se[cell], skewness[cell] = moments(block)
            for i in (i for i, members in enumerate(lists.values()) if cell in members):
                macro_n[i] += np.isfinite(block[:1])
                macro_sum[i] += np.nan_to_num(block)
    with np.errstate(invalid="ignore"):
        macro_resamples = macro_sum / macro_n  # NaN if no cell of the macro is in the resample
    for row, members in enumerate(lists.values(), start=layout.n_cells):
        if members:
            value[row] = value[list(members)].mean(axis=0)
            se[row], skewness[row] = moments(macro_resamples[row - layout.n_cells])
        inside = np.isin(layout.cells, members)
        parts = (layout.needs[inside], layout.clusters[inside])
        counts = np.column_stack([counts, [inside.sum(), *(len(np.unique(p)) for p in parts)]])
    return Resampled(value, se, skewness, counts[0], counts[1], counts[2], lists, macro_resamples)


def score_cells(
    layout: UnitLayout,
    values: ArrayLike,
    binary: Sequence[bool],
    macros: Mapping[str, Sequence[int]] | None = None,
    n_resamples: int = N_RESAMPLES,
    level: float = 0.95,
) -> Table[Score]:
    """Every measure in every cell and macro, with its interval; layout, values and macros as for `resample`.

    Measures in [0, 1] get Wilson's form with the effective n, widened for skewness, others a t interval, widened
    likewise (`intervals`). `binary` tells of each measure whether it is 0 or 1 by definition. No interval and no se
    under 10 clusters.

    Raises:
        ValueError: as `resample`; or if a measure called binary has other values, or `binary` another length.
    """
    array = unit_values(layout, values)
    if len(binary) != array.shape[1]:
        raise ValueError(
            f"expected one binary flag for each of {array.shape[1]} measures, found {len(binary)}"
        )
    if wrong := [i for i, flag in enumerate(binary) if flag and not np.isin(array[:, i], (0.0, 1.0)).all()]:
        raise ValueError(f"measures {wrong} are called binary but have values other than 0 and 1")
    drawn = resample(layout, array, macros, n_resamples)
    bounded = [not len(array) or bool(0 <= c.min() <= c.max() <= 1) for c in array.T]
    ends, methods = score_ends(drawn, binary, bounded, level)

    def score(row: int, measure: int) -> Score:
        has_interval = drawn.n_clusters[row] >= MIN_CLUSTERS
        return Score(
            value=float(drawn.value[row, measure]),
            ci_low=float(ends.low[row, measure]) if has_interval else None,
            ci_high=float(ends.high[row, measure]) if has_interval else None,
            ci_method=CiMethod(methods[row, measure]) if has_interval else CiMethod.NONE,
            se=float(drawn.se[row, measure]) if has_interval else None,
            **drawn.counts(row),
        )

    return drawn.table(lambda row, _: tuple(score(row, m) for m in range(array.shape[1])))


def score_ends(
    drawn: Resampled, binary: Sequence[bool], bounded: Sequence[bool], level: float = 0.95
) -> tuple[Ends, NDArray[np.str_]]:
    """Interval of every row and measure, and how it was made."""
    n = drawn.n_clusters[:, None]
    numbers = (drawn.value, drawn.se, drawn.skewness, n)
    share, how = share_ends(*numbers, np.asarray(binary, dtype=bool), level)
    free = skewed_t(*numbers, 1 - level)
    inside = np.broadcast_to(
        np.asarray(bounded, dtype=bool) | np.asarray(binary, dtype=bool), drawn.value.shape
    )
    low, high = (np.where(inside, a, b) for a, b in zip(share, free, strict=True))
    return Ends(low, high), np.where(inside, how, CiMethod.SKEWED_T)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Cells multiplied together: `table` has shape (n_cells * (n_measures + 1), n_clusters of the batch)."""

    cells: Ints
    clusters: Ints
    table: Floats


def _count(layout: UnitLayout) -> Ints:
    """Units, distinct needs and distinct clusters of each cell, shape (3, n_cells)."""

    def distinct(index: Ints) -> Ints:
        width = int(index.max(initial=0)) + 1
        pairs = np.unique(layout.cells * width + index)
        return np.bincount(pairs // width, minlength=layout.n_cells)

    units = np.bincount(layout.cells, minlength=layout.n_cells)
    return np.stack([units, distinct(layout.needs), distinct(layout.clusters)]).astype(np.int64)


def _present(name: str, cells: Sequence[int], n_cells: int, n_units: Ints) -> tuple[int, ...]:
    if len(set(cells)) != len(cells) or not all(0 <= c < n_cells for c in cells):
        raise ValueError(f"macro {name!r} must list distinct cells in [0, {n_cells}), found {list(cells)}")
    return tuple(c for c in cells if n_units[c])


def _passes(sums: ClusterSums, filled: Ints, n_measures: int) -> Iterator[list[_Batch]]:
    """Cells in batches of much the same clusters, so that products skip zeros; passes bound the memory."""
    edges = np.searchsorted(sums.cells, [filled, filled + 1])
    of = {int(cell): slice(start, stop) for cell, start, stop in zip(filled, *edges, strict=True)}
    width = n_measures + 1
    per_pass = max(1, PASS_COLUMNS // width)
    for start in range(0, len(filled), per_pass):
        groups: list[tuple[list[int], set[int], int]] = []
        for cell in map(int, filled[start : start + per_pass]):
            own = set(sums.clusters[of[cell]].tolist())
            for i, (members, union, smallest) in enumerate(groups):
                least = min(smallest, len(own))
                most = 1.25 * least  # at most a fifth of the multiplications is wasted on zeros
                if max(len(union), len(own)) <= most and len(both := union | own) <= most:
                    groups[i] = ([*members, cell], both, least)
                    break
            else:
                groups.append(([cell], own, len(own)))
        yield [_batch(sums, of, members, union, width) for members, union, _ in groups]


def _batch(
    sums: ClusterSums, of: Mapping[int, slice], members: list[int], union: set[int], width: int
) -> _Batch:
    clusters = np.array(sorted(union), dtype=np.int64)
    table = np.zeros((len(members), width, len(clusters)))
    for i, cell in enumerate(members):
        place = np.searchsorted(clusters, sums.clusters[of[cell]])
        table[i, :-1, place] = sums.sums[of[cell]]
        table[i, -1, place] = sums.counts[of[cell]]
    return _Batch(np.array(members, dtype=np.int64), clusters, table.reshape(-1, len(clusters)))


def _ratios(layout: UnitLayout, batches: Sequence[_Batch], n_measures: int, n_resamples: int) -> Floats:
    """Value of each cell in each resample, shape (n_cells, n_measures, n_resamples); NaN if empty."""
    ratios = np.empty((sum(len(batch.cells) for batch in batches), n_measures, n_resamples))
    done = 0
    for chunk in cluster_weights(layout.cluster_ids, n_resamples):
        weights = chunk.astype(np.float64)
        here, row = slice(done, done + len(weights)), 0
        for batch in batches:
            n = len(batch.cells)
            whole = len(batch.clusters) == weights.shape[1]
            used = weights if whole else np.take(weights, batch.clusters, axis=1)
            product = (batch.table @ used.T).reshape(n, n_measures + 1, len(weights))
            with np.errstate(invalid="ignore"):
                np.divide(product[:, :-1], product[:, -1:], out=ratios[row : row + n, :, here])
            row += n
        done = here.stop
    return ratios
