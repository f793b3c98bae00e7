"""Late interaction: each token of a query looks for its best token in a document (MaxSim), without loss.

The score of Khattab and Zaharia 2020, "ColBERT" (SIGIR), divided by the query's tokens: the mean over a query's tokens
of the best inner product with a document's tokens. The division leaves every ranking as it is and puts the scores of
any query between -1 and 1, like the cosines of other models.

Vectors are multiplied in float64 and scores rounded to 1e-6: float32 products depend on the shape of a batch in the
seventh digit, float64 ones in the sixteenth, so that a score is the same whatever it is computed together with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings.tokens import TokenTable
from xlembed.search.base import (
    NO_DIRECTION,
    SCORE_DECIMALS,
    EachByItself,
    Hits,
    Rows,
    Scores,
    id_order,
    stack,
    top_k,
)
from xlembed.words import Lang, TokenVectors, Vectors

BLOCK_TOKENS = 16_384
"""Tokens of documents that are read and multiplied at a time."""
QUERY_TOKENS = 512
"""Tokens of queries that are multiplied at a time: a product of 64 MiB."""
TABLE_BYTES = 2**30
"""Scores that are kept between searches; every query is searched in several pools."""
BATCH_BYTES = 256 * 2**20
"""Upper bound of the scores that one search holds."""


def maxsim(queries: Sequence[Vectors], documents: Vectors, counts: NDArray[np.int64]) -> Scores:
    """Mean over a query's tokens of the best inner product with a document's tokens.

    Args:
        queries: float32, shape (tokens, dim) each; one without tokens scores 0.
        documents: float32, shape (sum of counts, dim), one below the other.
        counts: tokens of each document; one without any scores -2, below every cosine.

    Returns:
        float64, shape (n_queries, n_documents), rounded to 1e-6.

    >>> query, documents = np.eye(2), np.array([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]])
    >>> maxsim([query], documents, np.array([1, 0, 2])).tolist()  # (0.6 + 0.8) / 2, no tokens, (1 + 1) / 2
    [[0.7, -2.0, 1.0]]
    """
    scores = np.zeros((len(queries), len(counts)))
    full = np.flatnonzero(counts)
    asked = [i for i, query in enumerate(queries) if len(query)]
    if len(full) and asked:
        product = (
            np.concatenate([queries[i] for i in asked]).astype(np.float64) @ documents.astype(np.float64).T
        )
        ends = np.cumsum(counts[full])
        best = np.maximum.reduceat(product, ends - counts[full], axis=1)
        lengths = np.array([len(queries[i]) for i in asked])
        sums = np.add.reduceat(best, np.cumsum(lengths) - lengths, axis=0)
        scores[np.array(asked)[:, None], full] = np.round(sums / lengths[:, None], SCORE_DECIMALS) + 0.0
    scores[:, counts == 0] = NO_DIRECTION
    return scores


class TokenPairs:
    """How well documents fit a query, by their tokens; reads no other documents. See `reranking.PairScorer`."""

    def __init__(self, queries: TokenVectors, documents: TokenTable) -> None:
        self.queries, self.documents = queries, documents

    def score(self, query: int, rows: Rows) -> Scores:
        """See `PairScorer.score`: rounded to 1e-6; -2 for a document without tokens."""
        scores = np.empty(len(rows))
        for part in _blocks(self.documents.counts[rows], BLOCK_TOKENS):
            of = rows[part]
            asked = [self.queries[query]]
            scores[part] = maxsim(asked, self.documents.take(of), self.documents.counts[of])[0]
        return scores


class TokenSearcher(EachByItself):
    """Exact search by token vectors; see `searcher.Searcher`.

    Documents are read block by block, a block once for a batch of queries; scores of the first queries are kept for
    their other pools, up to `TABLE_BYTES`.
    """

    exact = True

    def __init__(
        self, doc_ids: Sequence[str], langs: Sequence[Lang], documents: TokenTable, queries: TokenVectors
    ) -> None:
        if not len(doc_ids) == len(langs) == len(documents.counts):
            raise ValueError(
                f"{len(doc_ids)} ids, {len(langs)} languages and {len(documents.counts)} texts: one each"
            )
        self.n_queries = len(queries)
        self._queries, self._documents = queries, documents
        self._by_id = id_order(doc_ids)
        self._langs = np.asarray(langs, dtype=str)
        self._known: dict[int, Scores] = {}

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`."""
        pool = self._pool(lang)
        parts = [top_k(scores, pool, k) for _, scores in self._scored(queries, pool)]
        return stack(parts) if parts else top_k(np.empty((0, len(pool))), pool, k)

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """See `Search.full_ranks`: counts the documents that score above, or equal with a smaller id."""
        pool = self._pool(lang)
        place = np.full(len(self._by_id), -1, dtype=np.int64)
        place[pool] = np.arange(len(pool))
        ranks: list[Rows] = []
        for start, scores in self._scored(queries, pool):
            for own, wanted in zip(scores, rows[start : start + len(scores)], strict=True):
                target, at = own[place[wanted]][:, None], place[wanted][:, None]
                above = (own > target) | ((own == target) & (np.arange(len(pool)) < at))
                ranks.append(above.sum(axis=1) + 1)
        return ranks

    def _pool(self, lang: Lang | None) -> Rows:
        """Rows in the order of their ids."""
        return self._by_id if lang is None else self._by_id[self._langs[self._by_id] == lang]

    def _scored(self, queries: Sequence[int], pool: Rows) -> Iterator[tuple[int, Scores]]:
        """Batches of queries: the place of the first one, and their scores of the pool, shape (n, len(pool))."""
        size = max(1, BATCH_BYTES // (8 * max(1, len(self._by_id))))
        for start in range(0, len(queries), size):
            yield start, self._scores(queries[start : start + size], pool)

    def _scores(self, queries: Sequence[int], pool: Rows) -> Scores:
        unknown = np.full(len(self._by_id), np.nan)
        table = np.stack([self._known.get(query, unknown) for query in queries])
        # Queries of a batch have mostly been in the same pools; what one of them lacks is computed for all.
        lacking = pool[np.isnan(table[:, pool]).any(axis=0)]
        for part in _blocks(self._documents.counts[lacking], BLOCK_TOKENS):
            rows = lacking[part]
            vectors, counts = self._documents.take(rows), self._documents.counts[rows]
            lengths = np.array([len(self._queries[query]) for query in queries])
            for some in _blocks(lengths, QUERY_TOKENS):
                asked = [self._queries[queries[i]] for i in range(*some.indices(len(queries)))]
                table[some, rows] = maxsim(asked, vectors, counts)
        most = TABLE_BYTES // (8 * max(1, len(self._by_id)))
        for query, scores in zip(queries, table, strict=True):
            if query in self._known or len(self._known) < most:
                self._known[query] = scores.copy()
        return table[:, pool]


def _blocks(counts: NDArray[np.int64], most: int) -> Iterator[slice]:
    """Neighbours with at most so many tokens together, or one that has more."""
    start, total = 0, 0
    for i, count in enumerate(counts.tolist()):
        if i > start and total + count > most:
            yield slice(start, i)
            start, total = i, 0
        total += count
    if len(counts):
        yield slice(start, len(counts))
