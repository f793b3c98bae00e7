"""Exact search against FAISS flat on the same vectors, as ratios of processor time; run by hand.

    OMP_NUM_THREADS=1 python benchmarks/search.py [DOCUMENTS]

FAISS gives float32 scores and breaks ties as it likes; ours are float64 scores, ties by id, and how many equal ones the
cut left out. Vectors are random, a quarter of them twice, so that there are ties. Medians of three interleaved rounds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import faiss
import numpy as np
from measuring import Line, interleaved, say

from xlembed.search.exact import ExactIndex

DIMENSIONS = 384
N_QUERIES = 600
LANGUAGES = ("de", "en", "es", "fr", "ja", "zh")


def lines(n: int = 200_000) -> list[Line]:
    """Two depths, one pool and all of them, and the ranks of some documents."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(n, DIMENSIONS)).astype(np.float32)
    vectors[-(n // 4) :] = vectors[: n // 4]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[rng.integers(0, n, N_QUERIES)] + 0.02 * rng.normal(size=(N_QUERIES, DIMENSIONS))
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    index = ExactIndex([f"d{i:08d}" for i in range(n)], [LANGUAGES[i % 6] for i in range(n)], vectors)

    def faiss_flat(k: int) -> Callable[[], object]:
        return lambda: faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)

    parts = [vectors, *(np.ascontiguousarray(vectors[i::6]) for i in range(6))]

    def faiss_pools(k: int) -> Callable[[], object]:
        return lambda: [faiss.knn(queries, part, k, metric=faiss.METRIC_INNER_PRODUCT) for part in parts]

    def pools(k: int) -> Callable[[], object]:
        return lambda: [index.search(queries, k, lang) for lang in (None, *LANGUAGES)]

    found = []
    for k in (100, 1000):
        what, peer = f"exact search, {n:,} x {DIMENSIONS}, {N_QUERIES} queries, k = {k}", faiss_flat(k)
        found.append(interleaved(what, lambda k=k: index.search(queries, k), "FAISS flat", peer))
        found.append(
            interleaved(
                f"{what}, all and six language pools", pools(k), "FAISS flat, each pool", faiss_pools(k)
            )
        )
    wanted = [rng.integers(0, n, 6) for _ in range(100)]
    product = lambda: queries[:100] @ vectors.T  # noqa: E731
    what = f"ranks of 100 x 6 documents among {n:,}"
    found.append(
        interleaved(
            what, lambda: index.full_ranks(queries[:100], wanted), "the float32 product alone", product
        )
    )
    return found


if __name__ == "__main__":
    say(lines(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
