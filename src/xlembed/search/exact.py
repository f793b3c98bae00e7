"""Exact search: FAISS finds candidates block by block, float64 scores decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from xlembed.search.base import (
    NO_DIRECTION,
    EachByItself,
    Hits,
    Rows,
    exact_scores,
    id_order,
    stack,
    top_k,
)
from xlembed.words import Lang, Vectors

Coarse = NDArray[np.float32]

QUERY_BATCH_BYTES = 256 * 2**20
"""Upper bound of one batch's float64 score table."""
BLOCK_ROWS = 100_000
"""Documents that FAISS reads at a time from the memory-mapped vectors."""
SCORED_AT_ONCE = 64
"""Queries whose candidates are scored again in float64 together."""
MARGIN = 32
"""Candidates fetched beyond k, because float32 scores may swap near neighbours."""
FLOAT32_SLACK = 5e-6
"""More than float32 inner products of unit vectors can be off, and than rounding adds."""


# FAISS multiplies matrices from so many numbers of a call's queries on; its own figure (128,000) is 330 queries of 384
# dimensions, below which each costs six times as much.
faiss.cvar.distance_compute_blas_threshold = 4_000


@dataclass(frozen=True)
class _Pass:
    """What one pass over all documents found: of each language the `fetch` best of each query, best first.

    Attributes:
        rows: query -> its row.
        fetch: documents per query and language, as far as there are so many.
        found: language -> float32 scores, and positions in the language's pool, both (n_queries, fetch).
    """

    rows: dict[bytes, int]
    fetch: int
    found: dict[Lang, tuple[Coarse, Rows]]

    def of(self, queries: Vectors, fetch: int, lang: Lang | None) -> tuple[Coarse, Rows] | None:
        """For some of its queries and fewer documents; None where it does not know."""
        if lang not in self.found or fetch > self.fetch:
            return None
        rows = [self.rows.get(query.tobytes(), -1) for query in queries]
        if -1 in rows:
            return None
        scores, positions = self.found[lang]
        return scores[rows][:, :fetch], positions[rows][:, :fetch]


class ExactIndex(EachByItself):
    """Cosine search without loss over vectors of unit length (memory-mapped or in memory)."""

    exact = True

    def __init__(self, doc_ids: Sequence[str], langs: Sequence[Lang], vectors: Vectors) -> None:
        if not len(doc_ids) == len(langs) == len(vectors):
            raise ValueError(
                f"{len(doc_ids)} ids, {len(langs)} languages and {len(vectors)} vectors must be one each"
            )
        self.doc_ids = doc_ids
        self._vectors = vectors
        by_id = id_order(doc_ids)
        langs_by_id = np.asarray(langs)[by_id] if len(by_id) else np.empty(0, dtype=str)
        self._pools: dict[Lang | None, Rows] = {None: by_id}
        for lang in sorted(set(langs)):
            self._pools[lang] = by_id[langs_by_id == lang]
        self._place = np.argsort(by_id)
        self._last = _Pass({}, 0, {})

    def _pool(self, lang: Lang | None) -> Rows:
        return self._pools.get(lang, np.empty(0, dtype=np.int64))

    def search(self, queries: Vectors, k: int, lang: Lang | None = None) -> Hits:
        """See `VectorIndex.search`.

        Raises:
            ValueError: if the dimension of the queries is not the index's.
        """
        self._check_dim(queries)
        pool = self._pool(lang)
        # Scoring the whole pool in float64 beats fetching candidates unless the pool is much larger than k.
        if len(pool) <= 8 * (k + MARGIN):
            return self._search_dense(queries, k, pool)
        batch = max(1, QUERY_BATCH_BYTES // (16 * (k + MARGIN) * (1 if lang else len(self._pools))))
        return stack(
            [
                self._search_faiss(queries[i : i + batch], k, lang)
                for i in range(0, max(1, len(queries)), batch)
            ]
        )

    def _search_dense(self, queries: Vectors, k: int, pool: Rows) -> Hits:
        batch = max(1, QUERY_BATCH_BYTES // (8 * max(1, len(pool))))
        vectors = self._vectors[pool]
        return stack(
            [
                top_k(exact_scores(queries[i : i + batch], vectors), pool, k)
                for i in range(0, max(1, len(queries)), batch)
            ]
        )

    def _search_faiss(self, queries: Vectors, k: int, lang: Lang | None) -> Hits:
        """Candidates from FAISS in float32, scored again in float64; widened where a tie may be missing."""
        pool = self._pool(lang)
        found = Hits(
            np.empty((len(queries), k), dtype=np.int64),
            np.empty((len(queries), k)),
            np.empty(len(queries), dtype=np.int64),
        )
        fetch, asked = min(len(pool), k + MARGIN), np.arange(len(queries))
        while len(asked):
            lowest, positions = self._candidates(queries[asked], fetch, lang)
            hits = self._scored_again(queries[asked], positions, k, pool)
            found.rows[asked], found.scores[asked] = hits.rows, hits.scores
            found.boundary_ties[asked] = hits.boundary_ties
            if fetch == len(pool):
                break
            # A document that was not fetched scores at most `lowest`.
            asked = asked[lowest >= hits.scores[:, -1] - FLOAT32_SLACK]
            fetch = min(len(pool), 2 * fetch)
        return found

    def _scored_again(self, queries: Vectors, positions: Rows, k: int, pool: Rows) -> Hits:
        """The k best of each query's candidates by their float64 scores, some queries at a time."""
        positions.sort(axis=1)  # the pool is in id order, so positions are too
        parts = []
        for i in range(0, len(queries), SCORED_AT_ONCE):
            rows = pool[positions[i : i + SCORED_AT_ONCE]]
            some = zip(queries[i : i + SCORED_AT_ONCE], rows, strict=True)
            scores = np.concatenate([exact_scores(q[None], self._vectors[r]) for q, r in some])
            parts.append(top_k(scores, rows, k))
        return stack(parts)

    def _candidates(self, queries: Vectors, fetch: int, lang: Lang | None) -> tuple[Coarse, Rows]:
        """Each query's lowest float32 score among its candidates, and their positions in the pool, (n_queries, fetch).

        All documents are gone through by language, and what that finds is kept: the languages are searched next.
        """
        if lang is None and len(self._pools) > 2:
            return self._merged(queries, fetch)
        scores, positions = self._last.of(queries, fetch, lang) or self._nearest(queries, fetch, lang)
        return scores[:, -1], positions

    def _merged(self, queries: Vectors, fetch: int) -> tuple[Coarse, Rows]:
        langs = [lang for lang in self._pools if lang is not None]
        found = {lang: self._nearest(queries, min(fetch, len(self._pools[lang])), lang) for lang in langs}
        self._last = _Pass({query.tobytes(): i for i, query in enumerate(queries)}, fetch, found)
        lowest = np.empty(len(queries), dtype=np.float32)
        positions = np.empty((len(queries), fetch), dtype=np.int64)
        for i in range(0, len(queries), SCORED_AT_ONCE):
            some = slice(i, i + SCORED_AT_ONCE)
            scores = np.concatenate([found[lang][0][some] for lang in langs], axis=1)
            places = [self._place[self._pools[lang][found[lang][1][some]]] for lang in langs]
            best = np.argpartition(-scores, fetch - 1, axis=1)[:, :fetch]
            lowest[some] = np.take_along_axis(scores, best, axis=1).min(axis=1)
            positions[some] = np.take_along_axis(np.concatenate(places, axis=1), best, axis=1)
        return lowest, positions

    def _nearest(self, queries: Vectors, k: int, lang: Lang | None) -> tuple[Coarse, Rows]:
        """FAISS's scores and positions in the pool, best first, (n_queries, k), merged over blocks."""
        pool = self._pool(lang)
        heap = faiss.ResultHeap(len(queries), k, keep_max=True)
        for start in range(0, len(pool), BLOCK_ROWS):
            block = np.ascontiguousarray(self._vectors[pool[start : start + BLOCK_ROWS]], dtype=np.float32)
            scores, positions = faiss.knn(
                np.ascontiguousarray(queries, dtype=np.float32),
                block,
                min(k, len(block)),
                metric=faiss.METRIC_INNER_PRODUCT,
            )
            heap.add_result(scores, positions + start)
        heap.finalize()
        return heap.D, heap.I.astype(np.int64)

    def full_ranks(self, queries: Vectors, rows: Sequence[Rows], lang: Lang | None = None) -> list[Rows]:
        """See `VectorIndex.full_ranks`: counts the documents that score above, or equal with a smaller id.

        Float32 products decide where they differ by more than they can be off, float64 scores elsewhere.
        """
        self._check_dim(queries)
        pool = self._pool(lang)
        positions = np.full(len(self.doc_ids), -1, dtype=np.int64)
        positions[pool] = np.arange(len(pool))
        wanted = [positions[r] for r in rows]
        targets = [exact_scores(queries[i : i + 1], self._vectors[r])[0] for i, r in enumerate(rows)]
        above = [np.zeros(len(r), dtype=np.int64) for r in rows]
        block_rows = max(1, min(BLOCK_ROWS, QUERY_BATCH_BYTES // (4 * max(1, len(queries)))))
        for start in range(0, len(pool), block_rows):
            block = self._vectors[pool[start : start + block_rows]]
            zero = ~block.any(axis=1)
            for i, scores in enumerate(queries @ block.T):
                scores[zero] = NO_DIRECTION
                high = np.flatnonzero(scores >= targets[i].min(initial=np.inf) - FLOAT32_SLACK)
                scores = scores[high]
                for j, (score, position) in enumerate(zip(targets[i], wanted[i], strict=True)):
                    near = high[np.abs(scores - score) <= FLOAT32_SLACK]
                    sure = np.count_nonzero(scores > score + FLOAT32_SLACK)
                    again = exact_scores(queries[i : i + 1], block[near])[0]
                    level = (again == score) & (near + start < position)
                    above[i][j] += sure + np.count_nonzero((again > score) | level)
        return [a + 1 for a in above]

    def _check_dim(self, queries: Vectors) -> None:
        if queries.shape[1] != self._vectors.shape[1]:
            raise ValueError(
                f"queries have {queries.shape[1]} dimensions, the index has {self._vectors.shape[1]}"
            )
