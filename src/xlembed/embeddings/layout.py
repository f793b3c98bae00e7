"""What a layout of vectors reads and writes, and finding the one of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings import layouts
from xlembed.registry import load_all
from xlembed.words import Role, UserError

ID_NAMES = ("id", "_id", "ids", "doc_id", "document_id", "query_id")
VECTOR_NAMES = ("vector", "vectors", "embedding", "embeddings", "values")
ROLE_NAMES = ("role", "kind")


@dataclass(frozen=True)
class Names:
    """What fields are called, where not as usual."""

    id: str = ""
    vector: str = ""

    def choose_id(self, there: Iterable[str], source: str) -> str:
        """The field with the ids.

        Raises:
            UserError: it is not there.
        """
        return _choose(self.id, ID_NAMES, there, source, "id-field")

    def choose_vector(self, there: Iterable[str], source: str) -> str:
        """The field with the vectors.

        Raises:
            UserError: it is not there.
        """
        return _choose(self.vector, VECTOR_NAMES, there, source, "vector-field")


def _choose(said: str, usual: Sequence[str], there: Iterable[str], source: str, option: str) -> str:
    known = list(there)
    for name in [said] if said else usual:
        if name in known:
            return name
    what = repr(said) if said else f"none of {', '.join(usual)}"
    raise UserError(
        f"{source}: {what} is there; it has {', '.join(known) or 'nothing'}. Name it with --{option}"
    )


@dataclass(frozen=True)
class Table:
    """Vectors as a source has them: ids as strings, and numbers of any kind, shape (n, dim)."""

    ids: Sequence[str]
    vectors: NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """An entry of the registry.

    Attributes:
        spelling: of its sources, for people.
        matches: whether a source, a path or an address, is of this kind.
        read: the vectors of one role; a source that says no roles gives all. UserError for what cannot be read.
        write: ids and vectors by role into a file; None: it only reads.
    """

    spelling: str
    matches: Callable[[str], bool]
    read: Callable[[str, Role, Names], Table]
    write: Callable[[Any, Mapping[Role, Table]], None] | None = None


def find_layout(source: str, *, written: bool = False) -> Layout:
    """The layout of a source.

    Raises:
        UserError: there is none, or it only reads and is to be `written`.
    """
    known: dict[str, Layout] = load_all(layouts, "LAYOUT")
    for layout in known.values():
        if layout.matches(source) and (layout.write or not written):
            return layout
    spellings = ", ".join(of.spelling for of in known.values() if of.write or not written)
    raise UserError(f"{source!r}: no known form of vectors; known: {spellings}")


def stacked(rows: Sequence[Any], ids: Sequence[str], source: str) -> NDArray[Any]:
    """Rows of numbers as one array.

    Raises:
        UserError: names the first that is missing, no list of numbers, or of another length than the first.
    """
    arrays = []
    for row_id, row in zip(ids, rows, strict=True):
        try:
            arrays.append(np.asarray(row, dtype=np.float32))
        except (TypeError, ValueError):
            raise UserError(
                f"{source}: id {row_id!r}: expected a list of numbers, found {str(row)[:60]}"
            ) from None
        if arrays[-1].ndim != 1 or arrays[-1].shape != arrays[0].shape:
            raise UserError(
                f"{source}: id {row_id!r} has {arrays[-1].size} numbers, the first vector {arrays[0].size}: one model "
                "gives vectors of one dimension"
            )
    return np.stack(arrays) if arrays else np.empty((0, 0), dtype=np.float32)
