"""Several rankings of the same documents into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from xlembed.index.base import Hits, Rows, id_places
from xlembed.retrieval.searcher import Searcher
from xlembed.types import Lang

CONSTANT = 60
"""Of Cormack, Clarke and Büttcher 2009, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods" (SIGIR); every search engine's default too."""
SHALLOWEST = 100
"""Documents of each ranking that are fused at least, however few are wanted."""
DECIMALS = 12
"""Of a fused score: below any difference between ranks, above what the order of a sum can change."""

Retrieve = Callable[[Sequence[int], int, Lang | None], Sequence[Hits]]
"""(rows of queries, depth, language) -> one ranking of each kind."""


def fuse_ranks(rankings: Sequence[Hits], places: Rows, k: int) -> Hits:
    """Reciprocal rank fusion: a document scores the sum of 1 / (60 + rank) over the rankings that have it.

    Ranks are those of the rankings as they are, ties in them broken by id already; equal sums go by id.

    Args:
        rankings: of the same queries.
        places: of each document in the order of ids.
        k: documents per query; a row is filled with -1 where the rankings hold fewer.

    Example:
        >>> one, other = (Hits(np.array([rows]), np.zeros((1, 2)), np.zeros(1)) for rows in ([0, 1], [1, -1]))
        >>> fuse_ranks([one, other], np.arange(2), k=2).rows.tolist()  # 1/61 against 1/62 + 1/61
        [[1, 0]]
    """
    n_queries = len(rankings[0].rows)
    fused = Hits(
        np.full((n_queries, k), -1, dtype=np.int64),
        np.full((n_queries, k), -np.inf),
        np.zeros(n_queries, dtype=np.int64),
    )
    for i in range(n_queries):
        found = [hits.rows[i][hits.rows[i] >= 0] for hits in rankings]
        rows, which = np.unique(np.concatenate(found), return_inverse=True)
        shares = np.concatenate([1.0 / (CONSTANT + 1 + np.arange(len(part))) for part in found])
        sums = np.round(np.bincount(which, weights=shares, minlength=len(rows)), DECIMALS)
        order = np.lexsort((places[rows], -sums))
        kept = order[:k]
        fused.rows[i, : len(kept)] = rows[kept]
        fused.scores[i, : len(kept)] = sums[kept]
        if len(kept):
            fused.boundary_ties[i] = int((sums[order[k:]] == sums[kept[-1]]).sum())
    return fused


class FusedSearcher:
    """Two or more kinds of search as one, all asked for the same depth, with equal weights.

    What lies below the depth of a ranking is unknown to the fusion, so it is never exact.

    Args:
        retrieve: the rankings to be fused.
        doc_ids: all documents.
        n_queries: rows that `retrieve` knows.
    """

    exact = False

    def __init__(self, retrieve: Retrieve, doc_ids: Sequence[str], n_queries: int) -> None:
        self._retrieve = retrieve
        self._places = id_places(doc_ids)
        self.n_queries = n_queries

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Searcher.search`."""
        rankings = self._retrieve(queries, max(k, SHALLOWEST), lang)
        return fuse_ranks(rankings, self._places, min(k, len(self._places)))

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """Not known."""
        raise NotImplementedError("the fusion of rankings that were cut does not know the full ranking")


def one_after_another(searchers: Sequence[Searcher]) -> Retrieve:
    """Ask each by itself."""
    return lambda queries, k, lang: [searcher.search(queries, k, lang) for searcher in searchers]
