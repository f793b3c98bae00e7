"""Search whose answers are kept: many indices are measured against the same exact ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from xlembed.search.base import EachByItself, Hits, Rows, VectorIndex
from xlembed.words import Lang, Vectors


class Remembered(EachByItself):
    """Any engine, asked each question once; nobody looks deeper than what was retrieved."""

    exact = False

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._hits: dict[tuple[bytes, int, Lang | None], Hits] = {}

    @property
    def doc_ids(self) -> Sequence[str]:
        """As the engine itself."""
        return self._index.doc_ids

    def search(self, queries: Vectors, k: int, lang: Lang | None = None) -> Hits:
        """See `VectorIndex.search`."""
        key = hashlib.sha256(queries.tobytes()).digest(), k, lang
        if key not in self._hits:
            self._hits[key] = self._index.search(queries, k, lang)
        return self._hits[key]

    def full_ranks(self, queries: Vectors, rows: Sequence[Rows], lang: Lang | None = None) -> list[Rows]:
        """See `VectorIndex.full_ranks`."""
        raise NotImplementedError("only what was retrieved is known")
