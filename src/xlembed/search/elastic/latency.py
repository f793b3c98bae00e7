"""How long single searches take, and how many a second several clients get through."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.elastic.trouble import ask
from xlembed.words import Lang, UserError, Vectors

WARM_UP = 50
"""Searches before the clock starts: caches of the system and code that the server compiles."""
ANSWER_PARTS = "timed_out,_shards.failed,hits.hits._score,hits.hits.fields"


@dataclass(frozen=True)
class Latency:
    """Percentiles in milliseconds of so many searches one at a time, as the client sees them."""

    p50: float
    p95: float
    p99: float
    searches: int


def summarise(seconds: NDArray[np.float64]) -> Latency:
    """Percentiles of single searches.

    >>> summarise(np.array([0.001] * 99 + [0.011]))
    Latency(p50=1.0, p95=1.0, p99=1.1, searches=100)
    """
    p50, p95, p99 = (round(float(v), 4) for v in 1000 * np.percentile(seconds, [50, 95, 99]))
    return Latency(p50, p95, p99, len(seconds))


def time_searches(
    server: Server,
    index: ElasticIndex,
    queries: Vectors,
    k: int,
    langs: Sequence[Lang | None],
    *,
    clients: int = 1,
    searches: int | None = None,
    warm_up: int = WARM_UP,
) -> tuple[NDArray[np.float64], float]:
    """Search with one question per request, as an application does; after some that are not timed.

    Requests are built by the index, whose settings are what is timed. Queries, float32, shape (n, dim), n > 0, are
    asked in turn, each in its language of `langs` (None: all documents), by so many clients at a time, each on a thread
    of its own. There are as many searches as queries, unless told.

    Returns:
        seconds of each search, and seconds of all together.
    """
    n = len(queries) if searches is None else searches
    bodies = [index.request(query, k, lang) for query, lang in zip(queries, langs, strict=True)]

    def one(number: int) -> float:
        started = time.perf_counter()
        answer = ask(
            server,
            lambda: server.client.search(
                index=index.name,
                body=bodies[number % len(bodies)],
                request_cache=False,
                filter_path=ANSWER_PARTS,
            ),
        )
        took = time.perf_counter() - started
        if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
            raise UserError(f"{server.url}: a search of {index.name} timed out or missed a shard")
        return took

    for number in range(min(warm_up, n)):
        one(number)
    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        run = map if clients == 1 else pool.map
        seconds = list(run(one, range(n)))
        total = time.perf_counter() - started
    return np.array(seconds), total
