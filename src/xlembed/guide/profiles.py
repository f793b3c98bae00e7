"""What is known of one model beside others: scores, morphology, separation of languages, speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from xlembed.guide.scenarios import speed_points
from xlembed.stats.scorebook import ScoreBook, read_all


@dataclass(frozen=True)
class Profile:
    """One model's numbers; None: not known.

    Morphology is P(inflected pair nearer than unrelated pair) by language; the silhouette a row of analysis.json.
    """

    book: ScoreBook
    morphology: Mapping[str, float] = field(default_factory=dict)
    silhouette: Mapping[str, Any] | None = None
    ms: float | None = None

    @property
    def name(self) -> str:
        """Of the model."""
        return self.book.model

    @property
    def mean_morphology(self) -> float | None:
        """Over the languages that have word pairs."""
        return fmean(self.morphology.values()) if self.morphology else None

    @property
    def speed(self) -> float | None:
        """Points of the guide, in (0, 1]."""
        return None if self.ms is None else speed_points(self.ms)


def profiles(
    scores: Sequence[Mapping[str, Any]],
    analyses: Mapping[str, Mapping[str, Any]],
    times: Mapping[str, float] | None = None,
) -> list[Profile]:
    """One per model, in the order of `scores`; an analysis of other vectors than were searched is not used."""
    found = []
    for book, content in zip(read_all(scores), scores, strict=True):
        analysis = analyses.get(book.model) or {}
        if analysis.get("fingerprint") != content.get("fingerprint"):
            analysis = {}
        forms = {r["lang"]: float(r["superiority"]["value"]) for r in analysis.get("morphology") or ()}
        of_space = {r["measure"]: r for r in analysis.get("separation") or () if r["lang"] is None}
        found.append(Profile(book, forms, of_space.get("silhouette"), (times or {}).get(book.model)))
    return found
