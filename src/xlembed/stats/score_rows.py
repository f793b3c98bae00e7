"""Rows of scores.json: scores with their intervals, what an index costs, what is cut off texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field

from xlembed.files import Record, rounded
from xlembed.words import Lang


class Key(NamedTuple):
    """What identifies a score within one task and model."""

    kind: str
    pool: str | None
    query_lang: Lang | None
    doc_lang: Lang | None
    measure: str


class WithInterval(Record):
    """What every stored number has. Both ends are numbers, or both are None (too few clusters)."""

    ci_low: float | None
    ci_high: float | None
    ci_method: str = ""
    n_units: int
    n_needs: int = 0
    n_clusters: int
    cells: tuple[str, ...] = ()
    """``b->a`` that a macro is the mean of; empty if not told."""

    def to_json(self) -> dict[str, Any]:
        """Numbers rounded to 1e-6; what it does not have is left out."""
        return dict(rounded(self.model_dump(mode="json", exclude_unset=True), 6))

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the 95 % interval, if there is one."""
        return None if self.ci_low is None or self.ci_high is None else (self.ci_low, self.ci_high)


class Estimate(WithInterval):
    """One score."""

    kind: str = ""
    pool: str | None = None
    query_lang: Lang | None = None
    doc_lang: Lang | None = None
    measure: str = ""
    value: float
    n_needs: int
    label: str = ""

    @property
    def is_macro(self) -> bool:
        """Whether it is a mean over languages or pairs."""
        return self.query_lang is None and self.doc_lang is None

    def named(self, name: str) -> dict[str, float]:
        """Its value under a name, and both ends of its interval, if there is one."""
        ends = {} if self.interval is None else dict(zip(("ci_low", "ci_high"), self.interval, strict=True))
        return {name: self.value, **{f"{name}/{end}": value for end, value in ends.items()}}

    @property
    def key(self) -> Key:
        """What it is found by."""
        return Key(self.kind, self.pool, self.query_lang, self.doc_lang, self.measure)


class ExactScore(Record):
    """A macro average of exact search, beside that of the index."""

    kind: str
    pool: str
    measure: str
    value: float


class IndexFidelity(Record):
    """What an index takes away from exact search.

    Attributes:
        exercised: language or ``*`` -> whether searches of its pool went through the index.
        recall_exercised: the same of the searches for `recall`.
        note: where nothing went through the index.
        exact: macros of exact search.
        loss: exact minus index, paired by unit.
        recall: of the exact nearest neighbours.
    """

    exercised: Mapping[str, bool]
    recall_exercised: Mapping[str, bool] = Field(default_factory=dict)
    note: str = ""
    exact: tuple[ExactScore, ...]
    loss: tuple[Estimate, ...]
    recall: tuple[Estimate, ...]


class Truncation(Record):
    """What of some texts in one language is cut off."""

    texts: int = 0
    texts_cut: int = 0
    tokens: int = 0
    tokens_lost: int = 0
    share_cut: float = 0.0
    share_lost: float = 0.0


class Truncations(Record):
    """What is cut off at a model's limit, by language."""

    max_tokens: int
    documents: Mapping[Lang, Truncation] = Field(default_factory=dict)
    queries: Mapping[Lang, Truncation] = Field(default_factory=dict)

    def by_kind(self) -> dict[str, Mapping[Lang, Truncation]]:
        """Documents, then queries."""
        return {"documents": self.documents, "queries": self.queries}
