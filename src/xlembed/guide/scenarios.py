"""What each use of retrieval asks of a model: read from scenarios.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

from xlembed.files import read_yaml
from xlembed.words import UserError, near_miss

Part = Literal[
    "monolingual", "cross_lingual", "true_cross_all", "true_cross_target", "speed", "bytes", "morphology"
]
QUALITY: tuple[Part, ...] = ("monolingual", "cross_lingual", "true_cross_all", "true_cross_target")
PARTS: tuple[Part, ...] = (*QUALITY, "speed", "bytes", "morphology")
HALF_MS = 50.0
"""A query of so many milliseconds gets half the points of `speed`."""
HALF_MEMORY = 4.0 * 2**30
"""Vectors of a whole corpus that take so many bytes get half the points of `bytes`: 4 GiB, a small server's share."""


class Scenario(BaseModel):
    """One use of retrieval.

    Attributes:
        measure: of the parts of quality.
        weights: how much each part counts; not all zero.
        why: the reason in half a sentence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    measure: str
    weights: dict[Part, float]
    why: str = ""

    def shares(self) -> dict[Part, float]:
        """Weights divided by their sum."""
        total = sum(self.weights.values())
        return {part: weight / total for part, weight in self.weights.items()}


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Every scenario by name."""
    path = Path(__file__).with_name("scenarios.yaml")
    entries = read_yaml(path)
    return MappingProxyType({name: Scenario.model_validate(entry) for name, entry in entries.items()})


def find_scenario(name: str) -> Scenario:
    """One by name.

    Raises:
        UserError: lists them.
    """
    known = scenarios()
    if name not in known:
        raise UserError(f"no scenario {name!r}.{near_miss(name, known)} Known: {', '.join(known)}")
    return known[name]


def parse_weights(text: str) -> dict[Part, float]:
    """``cross_lingual=0.6,speed=0.4`` -> weights.

    Raises:
        UserError: an unknown part, a number that is negative or none, or nothing but zeros.
    """
    found: dict[Part, float] = {}
    for entry in filter(None, (e.strip() for e in text.split(","))):
        name, equals, number = (x.strip() for x in entry.partition("="))
        part = next((p for p in PARTS if p == name), None)
        if part is None:
            raise UserError(f"--weights: no part {name!r}.{near_miss(name, PARTS)} Parts: {', '.join(PARTS)}")
        try:
            value = float(number) if equals else -1.0
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise UserError(f"--weights: {part}: expected a number from 0 up, found {number!r}")
        found[part] = value
    if not sum(found.values()) > 0:
        raise UserError("--weights: expected at least one weight above 0")
    return found


def speed_points(ms: float) -> float:
    """Points of `speed`, in (0, 1].

    >>> speed_points(0), speed_points(50)
    (1.0, 0.5)
    """
    return 1 / (1 + ms / HALF_MS)


def bytes_points(size: float, documents: int) -> float:
    """Points of `bytes`, in (0, 1], of a corpus with a vector of `size` bytes per document.

    >>> bytes_points(1024, 2**22), bytes_points(3072, 2**22), round(bytes_points(3072, 1000), 3)
    (0.5, 0.25, 0.999)
    """
    return 1 / (1 + size * documents / HALF_MEMORY)
