"""How many of the exact nearest neighbours an index finds; exact answers that are kept for many indices."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlembed.search.base import AsRetrieved, Hits, VectorIndex
from xlembed.words import Lang, Vectors

TIE = 1e-6
"""A document that scores within this of the k-th exact neighbour is as good as it: duplicates are no misses."""


def neighbour_recall(
    index: VectorIndex, exact: VectorIndex, queries: Vectors, cuts: Sequence[int], lang: Lang | None = None
) -> NDArray[np.float64]:
    """Recall@k per query, each k of `cuts` searched as an application would: k results, no more.

    A hit is any retrieved document whose exact score reaches that of the k-th exact neighbour (Aumüller et al.
    2020, ANN-Benchmarks, arXiv:1807.05614: recall by distance); scores of the index are exact for what it retrieves.

    Returns:
        float64, shape (n_queries, len(cuts)); NaN where the pool is empty.
    """
    deepest = exact.search(queries, max(cuts), lang)
    return np.column_stack([_recall(index.search(queries, k, lang), deepest, k) for k in cuts])


def _recall(found: Hits, exact: Hits, k: int) -> NDArray[np.float64]:
    k = min(k, exact.scores.shape[1])
    if k == 0:
        return np.full(len(exact.scores), np.nan)
    threshold = exact.scores[:, k - 1] - TIE
    hits = (found.rows[:, :k] >= 0) & (found.scores[:, :k] >= threshold[:, None])
    return np.asarray(hits.sum(axis=1) / k, dtype=np.float64)


class Remembered(AsRetrieved):
    """Any engine, asked each question once; nobody looks deeper than what was retrieved."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._hits: dict[tuple[bytes, int, Lang | None], Hits] = {}

    @property
    def doc_ids(self) -> Sequence[str]:
        """As the engine itself."""
        return self._index.doc_ids

    def search(self, queries: Vectors, k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`."""
        key = hashlib.sha256(queries.tobytes()).digest(), k, lang
        if key not in self._hits:
            self._hits[key] = self._index.search(queries, k, lang)
        return self._hits[key]
