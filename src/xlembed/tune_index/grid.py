"""The settings that tune-index tries, and which of them share an index."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pydantic

from xlembed.search.elastic.index_type import find_type, type_names
from xlembed.settings import IndexSettings
from xlembed.words import UserError, near_miss

MERGES = {"before": False, "after": True}
DEFAULTS = {
    "types": ",".join(type_names()),
    "m": "16",
    "num_candidates": "50,100,200,400",
    "oversample": "0,3",
    "force_merge": "before,after",
}


@dataclass(frozen=True)
class Build:
    """What an index is built with.

    Attributes:
        type: of the index.
        m: neighbours per vector; None without a graph.
    """

    type: str
    m: int | None

    @property
    def name(self) -> str:
        """For people: ``hnsw m16``."""
        return self.type if self.m is None else f"{self.type} m{self.m}"


@dataclass(frozen=True)
class Setting:
    """One point of the grid.

    Attributes:
        build: what the index is built with.
        merged: whether its segments were merged into one per shard.
        num_candidates: per shard; None without a graph.
        oversample: of quantised types; None for others.
    """

    build: Build
    merged: bool
    num_candidates: int | None
    oversample: float | None

    @property
    def name(self) -> str:
        """For people and for the child run: ``int8_hnsw m16 c100 o3 merged``."""
        parts = [self.build.name]
        parts += [f"c{self.num_candidates}"] if self.num_candidates is not None else []
        parts += [f"o{self.oversample:g}"] if self.oversample is not None else []
        return " ".join([*parts, *(["merged"] if self.merged else [])])

    @property
    def told(self) -> dict[str, Any]:
        """What the grid varies, as keys of the section `index` of params.yaml."""
        told = {
            "type": self.build.type,
            "m": self.build.m,
            "num_candidates": self.num_candidates,
            "oversample": self.oversample,
            "force_merge": self.merged,
        }
        return {key: value for key, value in told.items() if value is not None}

    def settings(self, base: IndexSettings) -> IndexSettings:
        """As that section; what the grid does not vary is taken from `base`."""
        return index_settings(base, {"engine": "elasticsearch", **self.told})

    def params(self, base: IndexSettings) -> dict[str, str]:
        """For the run of the setting."""
        fixed = {"shards": base.shards}
        if self.build.m is not None:
            fixed["ef_construction"] = base.ef_construction
        return {f"index.{key}": str(value) for key, value in {**self.told, **fixed}.items()}


@dataclass(frozen=True)
class Grid:
    """What is tried; made by `parse_grid`."""

    types: tuple[str, ...]
    m: tuple[int, ...]
    num_candidates: tuple[int, ...]
    oversample: tuple[float, ...]
    merged: tuple[bool, ...]

    def builds(self) -> list[Build]:
        """Indices that have to be built, each once."""
        return [
            Build(kind, m)
            for kind in self.types
            for m in (self.m if find_type(kind).graph else (None,))
        ]  # fmt: skip

    def settings_of(self, build: Build, merged: bool) -> list[Setting]:
        """Settings that one index can be searched with."""
        kind = find_type(build.type)
        if not kind.graph:
            return [Setting(build, merged, None, None)]
        oversamples: Sequence[float | None] = self.oversample if kind.quantised_bytes else (None,)
        return [
            Setting(build, merged, candidates, oversample)
            for candidates, oversample in itertools.product(self.num_candidates, oversamples)
        ]

    def settings(self) -> list[Setting]:
        """The whole grid in the order of work."""
        return [s for b in self.builds() for merged in self.merged for s in self.settings_of(b, merged)]


def parse_grid(
    *, types: str, m: str, num_candidates: str, oversample: str, force_merge: str, base: IndexSettings
) -> Grid:
    """Comma-separated lists to a grid; an empty list is the default.

    Raises:
        UserError: names the option, what was found and what is allowed.
    """

    def words(name: str, given: str) -> list[str]:
        return list(
            dict.fromkeys(w.strip() for w in (given.strip() or DEFAULTS[name]).split(",") if w.strip())
        )

    def chosen(name: str, given: str, known: Sequence[str]) -> list[str]:
        found = words(name, given)
        for word in found:
            if word not in known:
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option}: {word!r} is none of {', '.join(known)}.{near_miss(word, known)}")
        return found

    def numbers(name: str, given: str, convert: type[int] | type[float]) -> list[Any]:
        found = []
        for word in words(name, given):
            try:
                found.append(convert(word))
            except ValueError:
                raise UserError(
                    f"--{name.replace('_', '-')}: expected numbers, comma-separated, found {word!r}"
                ) from None
            index_settings(base, {name: found[-1]})
        return sorted(found)

    merged = chosen("force_merge", force_merge, tuple(MERGES))
    return Grid(
        types=tuple(chosen("types", types, type_names())),
        m=tuple(numbers("m", m, int)),
        num_candidates=tuple(numbers("num_candidates", num_candidates, int)),
        oversample=tuple(numbers("oversample", oversample, float)),
        merged=tuple(sorted(MERGES[word] for word in merged)),
    )


def index_settings(base: IndexSettings, told: dict[str, Any]) -> IndexSettings:
    """`base` with other values, checked.

    Raises:
        UserError: a value is out of range.
    """
    try:
        return IndexSettings.model_validate({**base.model_dump(), **told})
    except pydantic.ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][-1]).replace("_", "-")
        raise UserError(f"--{name}: {problem['msg']} (found {problem['input']!r})") from None
