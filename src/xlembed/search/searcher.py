"""What ranking needs from any kind of search: the queries are known to it by their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xlembed.search.base import Hits, Rows, Search, VectorIndex
from xlembed.words import Lang, Vectors


class Searcher(Search[Sequence[int]], Protocol):
    """Finds documents for the queries of a task, by their rows, whatever it knows of them: vectors, words, or both."""

    @property
    def n_queries(self) -> int:
        """How many queries it knows."""


class VectorSearcher:
    """Queries by their vectors, float32, shape (n_queries, dim), in the order of the task's queries."""

    def __init__(self, index: VectorIndex, vectors: Vectors) -> None:
        self._index, self._vectors = index, vectors
        self.exact = index.exact
        self.n_queries = len(vectors)

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`."""
        return self._index.search(self._vectors[list(queries)], k, lang)

    def search_each(self, queries: Sequence[int], k: int, langs: Sequence[Lang]) -> list[Hits]:
        """See `Search.search_each`."""
        return self._index.search_each(self._vectors[list(queries)], k, langs)

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """See `Search.full_ranks`."""
        return self._index.full_ranks(self._vectors[list(queries)], rows, lang)
