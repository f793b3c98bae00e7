"""What `xlembed guide` found: the models weighed for a use of retrieval, the best first, and what is not known."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from xlembed.analyse.result import Estimate
from xlembed.files import Record, Rounded
from xlembed.guide.scenarios import QUALITY, Part
from xlembed.words import Lang


class Weighed(Record):
    """One model, and what its points are the sum of; ranked as by `stats.utility.Ranked`.

    Attributes:
        parts: in [0, 1], of each part that counts.
        quality: of those parts that are scores.
        ms_per_query: None: not timed.
        vetoed: why it stands behind models with fewer points; empty: it does not.
    """

    model: str
    place: int
    with_best: bool | None
    points: Rounded
    first: Rounded | None
    behind: Rounded
    behind_low: Rounded | None
    behind_high: Rounded | None
    parts: dict[Part, Rounded]
    quality: dict[Part, Estimate]
    ms_per_query: Rounded | None
    bytes_per_vector: float | None
    n_clusters: int
    vetoed: str = ""


class Standing(Record):
    """Whether it finds more than chance (None: too few clusters), and what it is not shown to do."""

    beats_chance: bool | None
    shortfall: str


class Spread(Record):
    """Milliseconds per query in the fastest and the slowest round."""

    low: float
    high: float


class Timing(Record):
    """How queries were timed."""

    device: str
    machine: str
    queries: int
    rounds: int
    spread: dict[str, Spread]

    @property
    def where(self) -> str:
        """The device in words."""
        return self.device or "no device"


class Limits(Record):
    """What excludes a model; None: no limit."""

    ms_per_query: float | None
    bytes_per_vector: float | None


class Guide(Record):
    """Content of guide.json.

    Attributes:
        weights: of the parts that count, summing to 1.
        models: the best first.
        excluded: model -> reasons.
        unknown: what nobody should think was measured.
        advice: what to do instead.
        model_notes: model -> what must stand beside its numbers.
        standing: of each model whose scores within languages are known.
        documents: that bytes and speed are meant for.
    """

    format: Literal[1] = 1
    task: str
    task_digest: str
    scenario: str
    title: str
    why: str
    measure: str
    languages: tuple[Lang, ...]
    limits: Limits
    weights: dict[Part, Rounded]
    models: list[Weighed]
    excluded: dict[str, list[str]]
    unknown: list[str]
    timing: Timing | None
    advice: list[str]
    model_notes: dict[str, list[str]] = Field(default_factory=dict)
    standing: dict[str, Standing]
    documents: int | None = None
    demonstration: bool = False

    @field_validator("timing", mode="before")
    @classmethod
    def _is_timed(cls, value: Any) -> Any:
        return value or None

    def to_json(self) -> dict[str, Any]:
        """What guide.json holds: an empty `timing` for none, no `model_notes` without notes."""
        found = super().to_json()
        if not self.model_notes:
            del found["model_notes"]
        return found | {"timing": found["timing"] or {}}

    @property
    def firsts(self) -> list[str]:
        """The models that share the first place."""
        return [m.model for m in self.models if m.place == 1]

    @property
    def not_told_apart(self) -> list[str]:
        """Further models that paired tests do not tell apart from the first."""
        return [m.model for m in self.models if m.place > 1 and m.with_best]

    @property
    def shortfall(self) -> str:
        """What the first model is not shown to do; empty: nothing."""
        found = self.standing.get(self.firsts[0])
        return found.shortfall if found else ""

    @property
    def beats_chance(self) -> bool:
        """Whether nothing speaks against the first model in this."""
        found = self.standing.get(self.firsts[0])
        return found is None or found.beats_chance is not False

    @property
    def main_part(self) -> Part:
        """The part of quality with the most weight; of equal ones the first of `QUALITY`."""
        return max((part for part in QUALITY if part in self.weights), key=lambda part: self.weights[part])


class Refused(Record):
    """A use for which no model is left, and why."""

    title: str
    refused: str
