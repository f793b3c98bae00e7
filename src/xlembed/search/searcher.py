"""What ranking needs from any kind of search: the queries are known to it by their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xlembed.search.base import Hits, Rows, VectorIndex
from xlembed.words import Lang, Vectors


class Searcher(Protocol):
    """Finds documents for the queries of a task, whatever it knows of them: vectors, words, or both."""

    @property
    def exact(self) -> bool:
        """True when the full ranking is known, so that ranks beyond the retrieved depth can be told."""

    @property
    def n_queries(self) -> int:
        """How many queries it knows."""

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """Documents of each query, best first; equal scores in `doc_id` order.

        Args:
            queries: rows of the task's queries.
            k: documents per query. Fewer columns come back if the pool holds fewer; -1 fills a row whose query
                retrieves fewer, and then everything it can retrieve is there.
            lang: search only documents of this language; None searches all.
        """

    def search_each(self, queries: Sequence[int], k: int, langs: Sequence[Lang]) -> list[Hits]:
        """The same in several languages, one ranking each; a server is asked for all of them at once."""

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """Ranks (from 1) of given documents in the full ranking of the pool, per query; 0: never retrieved.

        Only exact ones can tell; others raise NotImplementedError.
        """


class VectorSearcher:
    """Queries with vectors, searched in an index of vectors.

    Args:
        index: any engine.
        vectors: float32, shape (n_queries, dim), in the order of the task's queries.
    """

    def __init__(self, index: VectorIndex, vectors: Vectors) -> None:
        self._index, self._vectors = index, vectors
        self.exact = index.exact
        self.n_queries = len(vectors)

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Searcher.search`."""
        return self._index.search(self._vectors[list(queries)], k, lang)

    def search_each(self, queries: Sequence[int], k: int, langs: Sequence[Lang]) -> list[Hits]:
        """See `Searcher.search_each`."""
        return self._index.search_each(self._vectors[list(queries)], k, langs)

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """See `Searcher.full_ranks`."""
        return self._index.full_ranks(self._vectors[list(queries)], rows, lang)
