"""Exact search against FAISS flat on the same vectors, as ratios of processor time; run by hand.

    OMP_NUM_THREADS=1 python benchmarks/search.py [DOCUMENTS]

FAISS gives float32 scores and breaks ties as it likes; ours are float64 scores, ties by id, and how many equal ones the
cut left out. Vectors are random, a quarter of them twice, so that there are ties. Medians of three interleaved rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import faiss
import numpy as np

from xlembed.search.exact import ExactIndex

DIMENSIONS = 384
N_QUERIES = 600


def seconds(job: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    job()
    return time.process_time() - start


def ratio(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 3
) -> tuple[float, float, float]:
    """Median seconds of both, and of their ratio round by round."""
    both = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, peer = (statistics.median(column) for column in zip(*both, strict=True))
    return mine, peer, statistics.median(a / b for a, b in both)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(n, DIMENSIONS)).astype(np.float32)
    vectors[-(n // 4) :] = vectors[: n // 4]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[rng.integers(0, n, N_QUERIES)] + 0.02 * rng.normal(size=(N_QUERIES, DIMENSIONS)).astype(
        "f4"
    )
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    langs = [("de", "en", "es", "fr", "ja", "zh")[i % 6] for i in range(n)]
    index = ExactIndex([f"d{i:08d}" for i in range(n)], langs, vectors)
    print(f"{n:,} documents, {N_QUERIES} queries, {DIMENSIONS} dimensions")

    def faiss_flat(k: int) -> Callable[[], object]:
        return lambda: faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)

    for k in (100, 1000):
        for name, job in (
            ("one pool", lambda k=k: index.search(queries, k)),
            (
                "all and six languages",
                lambda k=k: [index.search(queries, k, x) for x in (None, *sorted(set(langs)))],
            ),
        ):
            mine, peer, times = ratio(job, faiss_flat(k))
            print(f"k = {k:5}, {name}: {mine:.2f} s, FAISS (one pool) {peer:.2f} s, ratio {times:.2f}")
    wanted = [rng.integers(0, n, 6) for _ in range(100)]
    mine = statistics.median(seconds(lambda: index.full_ranks(queries[:100], wanted)) for _ in range(3))
    print(f"full_ranks, 100 queries x 6 documents: {mine:.2f} s")


if __name__ == "__main__":
    main()
