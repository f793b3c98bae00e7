"""What a report is made of, as read from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xlembed.data.summary import TaskSummary
from xlembed.explore.result import Explored
from xlembed.guide.result import Guide, Refused
from xlembed.show.content import Picture
from xlembed.stats.scorebook import ScoreBook, read_all

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Inputs:
    """Everything known about the models on one task.

    Attributes:
        scores: what scores.json holds, one per model.
        cards: model -> fields of its card; models without a known card are not there.
        comparison: content of comparison.json; None with one model.
        guides: scenario -> the guide, or why no model is left.
        paradox: content of paradox.json, if it was run.
        analyses: model -> content of analysis.json, where it was run.
        pictures: chapter -> its figures.
        warnings: about files that were left out.
    """

    task: TaskSummary
    scores: Sequence[Json | ScoreBook]
    cards: Mapping[str, Json] = field(default_factory=dict)
    comparison: Json | None = None
    guides: Mapping[str, Guide | Refused] = field(default_factory=dict)
    paradox: Json | None = None
    explored: Explored | None = None
    analyses: Mapping[str, Json] = field(default_factory=dict)
    pictures: Mapping[str, Sequence[Picture]] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @cached_property
    def books(self) -> list[ScoreBook]:
        """All scores, indexed."""
        return read_all(self.scores)

    @property
    def measure(self) -> str:
        """The primary one."""
        return self.books[0].primary_measure

    @property
    def name(self) -> str:
        """Of the task."""
        return self.task.name

    @property
    def models(self) -> list[str]:
        """Names, in order."""
        return [book.model for book in self.books]

    @property
    def opened(self) -> list[str]:
        """Those that another command could look into: not words, nor rankings and vectors from elsewhere."""
        return [model for model in self.models if self.cards.get(model, {}).get("dim")]
