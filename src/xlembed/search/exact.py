"""Exact search: FAISS finds candidates block by block, float64 scores decide."""

from __future__ import annotations

from collections.abc import Sequence

import faiss
import numpy as np

from xlembed.search.base import EachByItself, Hits, Rows, exact_scores, id_order, stack, top_k
from xlembed.words import Lang, Vectors

QUERY_BATCH_BYTES = 256 * 2**20
"""Upper bound of one batch's float64 score table."""
BLOCK_ROWS = 100_000
"""Documents that FAISS reads at a time from the memory-mapped vectors."""
MARGIN = 32
"""Candidates fetched beyond k, because float32 scores may swap near neighbours."""
FLOAT32_SLACK = 5e-6
"""More than float32 inner products of unit vectors can be off, and than rounding adds."""


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
        dense = len(pool) <= 8 * (k + MARGIN)
        width = max(1, len(pool) if dense else k + MARGIN)
        batch = max(1, QUERY_BATCH_BYTES // (8 * width * (1 if dense else self._vectors.shape[1])))
        parts = [
            self._search_dense(queries[i : i + batch], k, pool)
            if dense
            else self._search_faiss(queries[i : i + batch], k, pool)
            for i in range(0, len(queries), batch)
        ]
        if not parts:
            parts = [self._search_dense(queries, k, pool)]
        return stack(parts)

    def _search_dense(self, queries: Vectors, k: int, pool: Rows) -> Hits:
        return top_k(exact_scores(queries, self._vectors[pool]), pool, k)

    def _search_faiss(self, queries: Vectors, k: int, pool: Rows) -> Hits:
        """Candidates from FAISS in float32, scored again in float64; widened until no tie can be missing."""
        fetch = min(len(pool), k + MARGIN)
        while True:
            coarse, positions = self._candidates(queries, fetch, pool)
            positions.sort(axis=1)  # the pool is in id order, so positions are too
            rows = pool[positions]
            scores = np.stack(
                [exact_scores(q[None], self._vectors[r])[0] for q, r in zip(queries, rows, strict=True)]
            )
            hits = top_k(scores, rows, k)
            # A document that was not fetched scores at most `coarse[:, -1]`.
            safe = coarse[:, -1] < hits.scores[:, -1] - FLOAT32_SLACK
            if fetch == len(pool) or bool(safe.all()):
                return hits
            fetch = min(len(pool), 2 * fetch)

    def _candidates(self, queries: Vectors, k: int, pool: Rows) -> tuple[Vectors, Rows]:
        """FAISS scores and positions within the pool, shape (n_queries, k), merged over blocks."""
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
        """See `VectorIndex.full_ranks`: counts the documents that score above, or equal with a smaller id."""
        self._check_dim(queries)
        pool = self._pool(lang)
        positions = np.full(len(self.doc_ids), -1, dtype=np.int64)
        positions[pool] = np.arange(len(pool))
        wanted = [positions[r] for r in rows]
        targets = [exact_scores(queries[i : i + 1], self._vectors[r])[0] for i, r in enumerate(rows)]
        above = [np.zeros(len(r), dtype=np.int64) for r in rows]
        block_rows = max(1, min(BLOCK_ROWS, QUERY_BATCH_BYTES // (8 * max(1, len(queries)))))
        for start in range(0, len(pool), block_rows):
            block = exact_scores(queries, self._vectors[pool[start : start + block_rows]])
            place = np.arange(start, start + block.shape[1])
            for i, scores in enumerate(block):
                for j, (score, position) in enumerate(zip(targets[i], wanted[i], strict=True)):
                    above[i][j] += int(((scores > score) | ((scores == score) & (place < position))).sum())
        return [a + 1 for a in above]

    def _check_dim(self, queries: Vectors) -> None:
        if queries.shape[1] != self._vectors.shape[1]:
            raise ValueError(
                f"queries have {queries.shape[1]} dimensions, the index has {self._vectors.shape[1]}"
            )
