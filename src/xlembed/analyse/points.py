"""The balanced sample of a task's documents that the geometry of a space is computed on, and means over its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlembed.data.sampling import drawn
from xlembed.data.task import Alignment, Document, Task
from xlembed.settings import AnalyseSettings
from xlembed.stats.bootstrap import N_RESAMPLES, score_cells
from xlembed.stats.layout import Floats, Ints, unit_layout
from xlembed.stats.scores import Score, Table
from xlembed.words import Lang, UserError, Vectors

BLOCK_CELLS = 2**24
"""Cosines that are in memory at one time."""
SAME = 1e-6
"""Cosines this close are equal."""
MIN_PER_LANGUAGE = 10
"""A language with fewer documents would shrink everyone's sample to nothing."""


@dataclass(frozen=True, eq=False)
class BalancedSample:
    """Rows of a corpus.

    Attributes:
        rows: int64, shape (n_langs * per_language,), ascending.
        langs: int64, same shape, positions in `languages`, which are in the order asked for.
        left_out: languages with too few documents, and how many they have.
    """

    rows: Ints
    langs: Ints
    languages: tuple[Lang, ...]
    per_language: int
    left_out: dict[Lang, int]


def balanced_sample(
    langs: Sequence[Lang],
    keys: Sequence[str],
    languages: Sequence[Lang],
    most: int,
    seed: int = 42,
    usable: Sequence[bool] | None = None,
) -> BalancedSample:
    """The same number of rows of every language, at most `most`.

    Rows are taken in the order of the hash of seed and key. Where translations share a key (a parallel task's group),
    languages get the translations of the same texts, as far as they have them.

    Rows of one language with the same key keep their order; those that are not `usable` (zero vectors) are not taken.

    Raises:
        UserError: if no language has 10 documents.
    """
    found: dict[Lang, list[int]] = {lang: [] for lang in languages}
    for row, lang in enumerate(langs):
        if lang in found and (usable is None or usable[row]):
            found[lang].append(row)
    kept = {lang: rows for lang, rows in found.items() if len(rows) >= MIN_PER_LANGUAGE}
    if not kept:
        counts = ", ".join(f"{lang}: {len(rows)}" for lang, rows in found.items())
        raise UserError(
            f"an analysis needs a language with at least {MIN_PER_LANGUAGE} documents that have a vector; found "
            f"{counts or 'none'}"
        )
    size, order = min(most, *map(len, kept.values())), drawn(seed)
    chosen = {
        row: code
        for code, rows in enumerate(kept.values())
        for row in sorted(rows, key=lambda row: order(keys[row]))[:size]
    }
    rows = np.array(sorted(chosen), dtype=np.int64)
    return BalancedSample(
        rows,
        np.array([chosen[row] for row in rows.tolist()], dtype=np.int64),
        tuple(kept),
        size,
        {lang: len(rows) for lang, rows in found.items() if lang not in kept},
    )


@dataclass(frozen=True, eq=False)
class Points:
    """The balanced sample of one model: unit vectors, float32, shape (n, dim), and where they are from.

    Points of one group are resampled together, and never on both sides of a fold.
    """

    vectors: Vectors
    sample: BalancedSample
    groups: tuple[str, ...]


def sample_points(task: Task, documents: Vectors, settings: AnalyseSettings) -> tuple[Points, Ints]:
    """The sample of a task's documents, and all rows that have a vector.

    `documents`: unit vectors in corpus order, shape (n, dim).

    Raises:
        UserError: no language has enough documents.
    """
    usable = np.setdiff1d(np.arange(len(documents)), np.concatenate(vector_faults(documents)))
    sample = sample_rows(task, usable, settings.sample_per_language, settings.sampling_seed)
    groups = tuple(group_of(task.documents[row]) for row in sample.rows.tolist())
    return Points(documents[sample.rows], sample, groups), usable


def sample_rows(task: Task, usable: Ints, most: int, seed: int) -> BalancedSample:
    """Rows of documents among the usable ones, the same number of every language.

    Raises:
        UserError: no language has enough documents.
    """
    documents, parallel = task.documents, task.alignment is Alignment.PARALLEL
    # a comparable task is sampled by document: whole groups would leave fewer topics
    keys = [group_of(d) if parallel else d.doc_id for d in documents]
    kept = np.isin(np.arange(len(documents)), usable).tolist()
    return balanced_sample([d.lang for d in documents], keys, task.languages, most, seed, kept)


def group_of(document: Document) -> str:
    """What is resampled together; a document without a group stands alone."""
    return f"group {document.group}" if document.group is not None else f"document {document.doc_id}"


def vector_faults(vectors: NDArray[np.floating]) -> tuple[Ints, Ints]:
    """Rows of zeros, and rows that hold NaN or infinity.

    >>> [rows.tolist() for rows in vector_faults(np.array([[0, 0], [1, 0], [np.nan, 0]]))]
    [[0], [2]]
    """
    finite = np.isfinite(vectors).all(axis=1)
    zero = finite & ~vectors.any(axis=1)
    return np.flatnonzero(zero).astype(np.int64), np.flatnonzero(~finite).astype(np.int64)


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
        n_resamples: of the bootstrap.
    """
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    layout = unit_layout(cells, clusters, clusters, n_cells, all_clusters)
    flags = [False] * table.shape[1] if binary is None else binary
    means = {"all": range(n_cells)} if macros is None else macros
    return score_cells(layout, table, flags, means, n_resamples)


def estimate_each(lists: Sequence[Floats], clusters: Sequence[str], **how: Any) -> Table[Score]:
    """`estimate` with a cell per list of values, shape (n,) or (n, n_measures)."""
    cells = np.repeat(np.arange(len(lists)), [len(values) for values in lists])
    return estimate(cells, np.concatenate(lists), clusters, len(lists), **how)
