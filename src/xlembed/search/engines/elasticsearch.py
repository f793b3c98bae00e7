"""On a server: approximate or exact search for vectors, the server's BM25 for words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xlembed.search.base import Hits, VectorIndex, nothing_found, stack
from xlembed.search.elastic.engine import BATCH, ElasticIndex, converse
from xlembed.search.elastic.index_type import find_type
from xlembed.search.elastic.layout import oversample_of
from xlembed.search.elastic.tasks import build_index, build_words, open_elastic, open_words
from xlembed.search.elastic.words import ElasticWords
from xlembed.search.engine import Engine
from xlembed.search.fusion import Retrieve
from xlembed.search.searcher import Searcher
from xlembed.settings import IndexSettings
from xlembed.words import Lang, Vectors


def _describe(settings: IndexSettings) -> dict[str, Any]:
    found = settings.model_dump(include={"type", "shards", "force_merge"})
    if find_type(settings.type).graph:
        found |= settings.model_dump(include={"m", "ef_construction", "num_candidates"})
        found["oversample"] = oversample_of(settings)
    return found


def _both(
    by_vector: Searcher, index: VectorIndex | None, vectors: Vectors | None, words: Searcher
) -> Retrieve:
    if not isinstance(index, ElasticIndex) or not isinstance(words, ElasticWords) or vectors is None:
        raise TypeError("vectors and words must be on one server")
    return in_one_request(index, vectors, words)


def in_one_request(index: ElasticIndex, vectors: Vectors, words: ElasticWords) -> Retrieve:
    """Both rankings of queries that vectors and texts are known of, fetched by one msearch per batch."""

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


ENGINE = Engine(
    compared=True,
    exact=lambda settings: not find_type(settings.type).graph,
    describe=_describe,
    index_vectors=build_index,
    open_vectors=open_elastic,
    index_words=build_words,
    open_words=open_words,
    both=_both,
)
