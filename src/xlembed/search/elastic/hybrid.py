"""Vectors and words asked for in the same requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xlembed.search.base import Hits, nothing_found, stack
from xlembed.search.elastic.engine import BATCH, ElasticIndex, converse
from xlembed.search.elastic.words import ElasticWords
from xlembed.words import Lang, Vectors


def in_one_request(
    index: ElasticIndex, vectors: Vectors, words: ElasticWords
) -> Callable[[Sequence[int], int, Lang | None], Sequence[Hits]]:
    """A function that gives both rankings of some queries, fetched by one msearch per batch.

    Args:
        index: of the vectors.
        vectors: of the queries.
        words: knows the texts of the same queries; on the same server.
    """

    def retrieve(queries: Sequence[int], k: int, lang: Lang | None) -> Sequence[Hits]:
        by_vector: list[Hits] = []
        by_word: list[Hits] = []
        for start in range(0, len(queries), BATCH):
            rows = list(queries[start : start + BATCH])
            found = converse(index.server, [index.plan(vectors[rows], k, lang), words.plan(rows, k, lang)])
            by_vector.append(found[0])
            by_word.append(found[1])
        return [stack(parts) if parts else nothing_found(0) for parts in (by_vector, by_word)]

    return retrieve
