"""Models in order: equal ones share a place, and the group that is not told apart from the best is marked.

An order of means promises more than the data hold: of 180 models of an English board, 176 neighbours cannot be told
apart (MTEB issue 5208).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.stats.compared import PRIMARY, Paired
from xlembed.stats.comparison import Evaluated

DIGITS = 9
"""Scores that agree to so many are equal."""
Pair = frozenset[str]


@dataclass(frozen=True)
class Place:
    """One model among others: its place from 1, which equal models share, and how far it is behind the first.

    `with_best`: whether it is not told apart from a first one; None: not tested.
    """

    model: str
    place: int
    behind: float
    with_best: bool | None


@dataclass(frozen=True)
class Order:
    """The models in one macro average, the best first."""

    kind: str
    pool: str | None
    measure: str
    places: tuple[Place, ...]

    def to_json(self) -> dict[str, Any]:
        """With every model."""
        models = [
            {"model": p.model, "place": p.place, "behind": round(p.behind, 6), "with_best": p.with_best}
            for p in self.places
        ]
        return {"kind": self.kind, "pool": self.pool, "measure": self.measure, "models": models}


def places(
    values: Mapping[str, float], told_apart: Collection[Pair], tested: Collection[Pair]
) -> tuple[Place, ...]:
    """The models from the highest value down; equal ones by name.

    >>> [(p.model, p.place, p.with_best) for p in places({"a": 0.5, "b": 0.9, "c": 0.9}, [], [frozenset("ab")])]
    [('b', 1, True), ('c', 1, True), ('a', 3, True)]
    """
    rounded = {m: round(v, DIGITS) for m, v in values.items()}
    best = max(rounded.values(), default=0.0)
    firsts = [m for m, v in rounded.items() if v == best]
    found = []
    for model in sorted(rounded, key=lambda m: (-rounded[m], m)):
        pairs = [frozenset((model, first)) for first in firsts]
        known = [pair not in told_apart for pair in pairs if pair in tested]
        with_best = True if model in firsts else any(known) if known else None
        place = 1 + sum(v > rounded[model] for v in rounded.values())
        found.append(Place(model, place, best - rounded[model], with_best))
    return tuple(found)


def orders(rows: Sequence[Paired], models: Sequence[Evaluated]) -> list[Order]:
    """The order in every macro of the primary family, by its paired tests.

    Models whose card lacks a language are left out: they were not tested on the same cells.
    """
    names = [m.name for m in models if not m.unsupported]
    of_macro: dict[tuple[str, str | None, str], list[Paired]] = {}
    for row in rows:
        if row.family == PRIMARY and {row.a, row.b} <= set(names):
            of_macro.setdefault((row.kind, row.pool, row.measure), []).append(row)
    found = []
    for key, tests in of_macro.items():
        behind = dict.fromkeys(names[:1], 0.0)  # relative to one model, on the cells that all share
        for row in tests:
            if row.a == names[0]:
                behind[row.b] = -row.difference
            elif row.b == names[0]:
                behind[row.a] = row.difference
        pairs = {frozenset((r.a, r.b)): r for r in tests}
        apart = {pair for pair, r in pairs.items() if r.verdict.endswith(" better")}
        found.append(Order(*key, places(behind, apart, pairs)))
    return found
