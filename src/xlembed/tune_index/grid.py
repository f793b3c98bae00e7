"""What tune-index tries and what counts as good: the settings, and which of them share an index."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from xlembed.evaluate.fidelity import RECALL_CUTS
from xlembed.search.elastic.index_type import find_type, type_names
from xlembed.search.elastic.padding import NO_LANGUAGE
from xlembed.settings import IndexSettings
from xlembed.words import Lang, UserError, near_miss

MERGES = {"before": False, "after": True}
DEFAULTS = {
    "types": ",".join(type_names()),
    "m": "16",
    "num_candidates": "50,100,200,400",
    "oversample": "0,3",
    "force_merge": "before,after",
}
COSTS = ("latency", "memory")


@dataclass(frozen=True)
class Build:
    """What an index is built with: its type, and its neighbours per vector; None without a graph."""

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
        merged: whether the index's segments were merged into one per shard.
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
        none: Sequence[int | None] = (None,)
        return [Build(kind, m) for kind in self.types for m in (self.m if find_type(kind).graph else none)]

    def settings_of(self, build: Build, merged: bool) -> list[Setting]:
        """Settings that one index can be searched with."""
        kind = find_type(build.type)
        if not kind.graph:
            return [Setting(build, merged, None, None)]
        oversamples: Sequence[float | None] = self.oversample if kind.quantised_bytes else (None,)
        pairs = itertools.product(self.num_candidates, oversamples)
        return [Setting(build, merged, candidates, oversample) for candidates, oversample in pairs]

    def settings(self) -> list[Setting]:
        """The whole grid in the order of work."""
        return [s for b in self.builds() for merged in self.merged for s in self.settings_of(b, merged)]


@dataclass(frozen=True)
class TuneOptions:
    """What is tried, and what counts as good.

    Attributes:
        pad_to: vectors that the indices shall hold at least.
        pad_texts: file of texts for distractors; None interpolates.
        pad_lang: language of texts that do not say.
        recall: wanted, at the lower end of its interval.
        k: documents that an application asks for: recall@k decides, searches for k are timed.
        cheapest_by: `latency` (95th percentile of single searches) or `memory`; the other breaks ties.
        queries: most queries that are asked, a seeded sample.
        timed: searches that are timed.
        seed: of the distractors, the sample and the halves.
        keep: leave the indices on the server.
    """

    grid: Grid
    pad_to: int = 50_000
    pad_texts: Path | None = None
    pad_lang: Lang = NO_LANGUAGE
    recall: float = 0.99
    k: int = 10
    cheapest_by: str = "latency"
    queries: int = 300
    timed: int = 200
    seed: int = 42
    keep: bool = False

    def __post_init__(self) -> None:
        if self.k not in RECALL_CUTS:
            raise UserError(f"--k: expected one of {', '.join(map(str, RECALL_CUTS))}, found {self.k}")
        if not 0 < self.recall <= 1:
            raise UserError(f"--recall: expected a share above 0, at most 1, found {self.recall}")
        if self.cheapest_by not in COSTS:
            raise UserError(f"--cheapest-by: expected {' or '.join(COSTS)}, found {self.cheapest_by!r}")
        if min(self.queries, self.timed) < 1 or self.pad_to < 0:
            raise UserError("--queries, --timed: expected at least 1; --pad-to: at least 0")

    def params(self) -> dict[str, str]:
        """For the run; files by name only."""
        told: dict[str, Any] = {key: ",".join(map(str, value)) for key, value in vars(self.grid).items()}
        told |= {key: value for key, value in vars(self).items() if key not in ("grid", "keep")}
        told["pad_texts"] = self.pad_texts.name if self.pad_texts else ""
        return {f"tune_index.{key}": str(value) for key, value in told.items()}


def parse_grid(
    *, types: str, m: str, num_candidates: str, oversample: str, force_merge: str, base: IndexSettings
) -> Grid:
    """Comma-separated lists to a grid; an empty list is the default.

    Raises:
        UserError: names the option, what was found and what is allowed.
    """

    def words(name: str, given: str) -> tuple[str, list[str]]:
        listed = (w.strip() for w in (given.strip() or DEFAULTS[name]).split(","))
        return f"--{name.replace('_', '-')}", list(dict.fromkeys(filter(None, listed)))

    def chosen(name: str, given: str, known: Sequence[str]) -> list[str]:
        option, found = words(name, given)
        if word := next((word for word in found if word not in known), ""):
            raise UserError(f"{option}: {word!r} is none of {', '.join(known)}.{near_miss(word, known)}")
        return found

    def numbers(name: str, given: str, convert: type[int] | type[float]) -> list[Any]:
        option, listed = words(name, given)
        found = []
        for word in listed:
            try:
                found.append(convert(word))
            except ValueError:
                raise UserError(f"{option}: expected numbers, comma-separated, found {word!r}") from None
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
