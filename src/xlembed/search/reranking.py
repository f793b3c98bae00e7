"""The best documents of a fast search, put in order by a slower one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from xlembed.search.base import EachByItself, Hits, Rows, Scores, exact_scores, id_places
from xlembed.search.searcher import Searcher
from xlembed.words import Lang, Vectors

GAP = 1.0
"""Between the lowest score of the documents ranked anew and the highest of those below them."""

PAIR_DECIMALS = 4
"""Of a score by a model that reads both texts."""


class PairScorer(Protocol):
    """Says how well documents fit a query; queries and documents are known to it by their rows."""

    def score(self, query: int, rows: Rows) -> Scores:
        """Of documents by their rows, float64, shape (n,); higher is better, and rounded so that equal is equal."""


class VectorPairs:
    """Cosine between the vectors of a bi-encoder.

    Both are float32, shape (n, dim), of unit length or zero; those of the documents may be a memory map.
    """

    def __init__(self, queries: Vectors, documents: Vectors) -> None:
        self._queries, self._documents = queries, documents

    def score(self, query: int, rows: Rows) -> Scores:
        """See `PairScorer.score`: in [-1, 1], rounded to 1e-6; -2 for a document without a direction."""
        scores: Scores = exact_scores(self._queries[query : query + 1], self._documents[rows])[0]
        return scores


class RerankedSearcher(EachByItself):
    """Retrieve, then rank the first `depth` documents anew; what lies below them keeps its order.

    The two stages of Nogueira and Cho 2019, "Passage Re-ranking with BERT". Equal scores of the slow model go by id.
    Where the fast search knows its full ranking, so does this one.
    """

    def __init__(self, fast: Searcher, slow: PairScorer, doc_ids: Sequence[str], depth: int) -> None:
        self._fast, self._slow, self._depth = fast, slow, depth
        self._places = id_places(doc_ids)
        self.exact = fast.exact
        self.n_queries = fast.n_queries

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`.

        Returns:
            Hits: scores of the slow model; below the documents that it ranked, scores of the fast one, shifted so that
            the column descends.
        """
        hits = self._fast.search(queries, max(k, self._depth), lang)
        rows, scores = hits.rows.copy(), hits.scores.copy()
        for i, query in enumerate(queries):
            rows[i], scores[i] = self._rank(query, rows[i], scores[i])
        ties = hits.boundary_ties
        if k < rows.shape[1]:
            last = scores[:, k - 1 : k]
            ties = ((scores[:, k:] == last) & np.isfinite(last)).sum(axis=1) if k else np.zeros_like(ties)
        return Hits(rows[:, :k], scores[:, :k], ties)

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """See `Search.full_ranks`: those of the fast search, put right among the first ones."""
        ranks = self._fast.full_ranks(queries, rows, lang)
        first = self.search(queries, self._depth, lang).rows
        for i, wanted in enumerate(rows):
            place = {int(row): rank for rank, row in enumerate(first[i], 1) if row >= 0}
            ranks[i] = np.array(
                [place.get(int(row), int(rank)) for row, rank in zip(wanted, ranks[i], strict=True)],
                dtype=np.int64,
            )
        return ranks

    def _rank(self, query: int, rows: Rows, scores: Scores) -> tuple[Rows, Scores]:
        """One ranking, put in order; -1 and -inf stay at its end."""
        n = min(self._depth, int((rows >= 0).sum()))
        if n == 0:
            return rows, scores
        anew = self._slow.score(query, rows[:n])
        order = np.lexsort((self._places[rows[:n]], -anew))
        below = scores[n:]
        if len(below):
            below = below - below[0] + anew.min() - GAP if np.isfinite(below[0]) else below
        return np.concatenate([rows[:n][order], rows[n:]]), np.concatenate([anew[order], below])


class TextPairs:
    """What a model that reads both texts says; every pair is read once, however many pools it is in."""

    def __init__(
        self, judge: Callable[[str, Sequence[str]], Scores], queries: Sequence[str], documents: Sequence[str]
    ) -> None:
        self._judge, self._queries, self._documents = judge, queries, documents
        self._known: dict[int, tuple[Rows, Scores]] = {}

    def score(self, query: int, rows: Rows) -> Scores:
        """See `PairScorer.score`: rounded to 1e-4, because what a batch is filled up with moves a float32 score."""
        known, scores = self._known.get(query, (np.empty(0, dtype=np.int64), np.empty(0)))
        new = np.setdiff1d(rows, known)
        if len(new):
            judged = self._judge(self._queries[query], [self._documents[row] for row in new])
            known, scores = (
                np.concatenate([known, new]),
                np.concatenate([scores, np.round(judged, PAIR_DECIMALS)]),
            )
            order = np.argsort(known)
            known, scores = known[order], scores[order]
            self._known[query] = known, scores
        return np.asarray(scores[np.searchsorted(known, rows)], dtype=np.float64)
