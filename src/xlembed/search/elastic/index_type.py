"""What a type of vector index is, and which ones there are: one file of types/ each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xlembed.registry import load_all, load_entry
from xlembed.search.elastic import types
from xlembed.words import UserError, near_miss


@dataclass(frozen=True)
class IndexType:
    """A type of Elasticsearch's `dense_vector`.

    Attributes:
        place: in lists, ascending: from the most exact graph to the smallest one, then those without a graph.
        colour: of its curve in figures.
        marker: of its points.
        graph: whether searches go through a graph and may miss something; otherwise every vector is compared.
        quantised_bytes: dimensions -> bytes of a vector that is searched instead of the vector itself; None: itself.
        default_oversample: of a mapping that rescores unless it is told otherwise.
        mapping: further index options.
        unfit: dimensions -> why such vectors cannot be indexed, and what to do; empty if they can.
    """

    place: int
    colour: str
    marker: str
    graph: bool = True
    quantised_bytes: Callable[[int], int] | None = None
    default_oversample: float | None = None
    mapping: Mapping[str, Any] = field(default_factory=dict)
    unfit: Callable[[int], str] = lambda dims: ""

    def oversample(self, asked: float | None) -> float | None:
        """What searches ask for where settings ask so: 0 turns off the mapping's, None asks for nothing."""
        if self.quantised_bytes is None:
            return None
        if self.default_oversample is not None:
            return self.default_oversample if asked is None else asked
        return asked or None

    def options(self, name: str, m: int | None, ef_construction: int | None) -> dict[str, Any]:
        """`index_options` of the mapping; all are said, because the servers' defaults differ by version."""
        found = {"type": name, **self.mapping}
        return found | {"m": m, "ef_construction": ef_construction} if self.graph else found


def type_names() -> tuple[str, ...]:
    """All, in their order in lists."""
    found = load_all(types, "TYPE")
    return tuple(sorted(found, key=lambda name: (found[name].place, name)))


def find_type(name: str) -> IndexType:
    """A type by name.

    Raises:
        UserError: with the known ones and the near miss.
    """
    if name not in type_names():
        known = type_names()
        raise UserError(f"index.type {name!r} is none of {', '.join(known)}.{near_miss(name, known)}")
    found: IndexType = load_entry(types, name).TYPE
    return found
