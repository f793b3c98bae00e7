"""On a server: approximate or exact search for vectors, the server's BM25 for words."""

from __future__ import annotations

from typing import Any

from xlembed.search.base import VectorIndex
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.elastic.hybrid import in_one_request
from xlembed.search.elastic.index_type import find_type
from xlembed.search.elastic.layout import oversample_of
from xlembed.search.elastic.task_words import build_words, open_words
from xlembed.search.elastic.tasks import build_index, open_elastic
from xlembed.search.elastic.words import ElasticWords
from xlembed.search.engine import Engine
from xlembed.search.fusion import Retrieve
from xlembed.search.searcher import Searcher
from xlembed.settings import IndexSettings
from xlembed.words import Vectors


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
