"""What `xlembed explore` found: how often each model fails and why, where two differ, and queries that tell."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from xlembed.explore.kinds import ErrorKind
from xlembed.files import Record, Rounded
from xlembed.stats.compared import Paired
from xlembed.stats.score_rows import Estimate
from xlembed.words import Lang


class Share(Estimate):
    """Share of the units of a cell or macro average; `measure` is ``right``, a kind of error or a flag."""

    model: str


class Crossed(Record):
    """Units of one mode and pool that fail by one kind: all, and those with a flag."""

    model: str
    kind: str
    pool: str
    error: str
    units: int
    truncated: int
    not_understood: int


class Found(Record):
    """A unit whose first document is right by A and wrong by B.

    Attributes:
        rank_b: of the first right document; 0: not known or not retrieved.
        doc_id: of the document that A has first.
    """

    query_id: str
    query: str
    query_lang: Lang
    doc_lang: Lang
    kind: str
    pool: str
    rank_a: int
    rank_b: int
    error_b: str
    doc_id: str
    document: str


class Shown(Record):
    """What a page shows, judged or not.

    Attributes:
        labels: model -> language -> what must stand beside its numbers and rankings.
        languages: of the queries that are shown; empty: all.
    """

    task: str
    task_digest: str
    models: tuple[str, ...]
    labels: Mapping[str, Mapping[Lang, str]]
    languages: tuple[Lang, ...]
    n_queries: int


class Explored(Shown):
    """All of it.

    Attributes:
        reference: the model that decides on near copies.
        unknown_tokens: share of a query's tokens from which on it is not understood.
        found: of the first two models, at most one per need, the worst rank by B first.
        n_found: needs with such a unit.
        fingerprints: model -> of the vectors that it was evaluated with.
        untested: pairs of models that share no language, with the reason.
    """

    n_units: int
    reference: str
    near_copy_percentile: float
    unknown_tokens: Rounded
    alpha: float
    shares: tuple[Share, ...]
    paired: tuple[Paired, ...]
    crossed: tuple[Crossed, ...]
    found: tuple[Found, ...]
    n_found: int
    fingerprints: Mapping[str, str] = Field(default={})
    untested: tuple[str, ...] = Field(default=())
    notes: tuple[str, ...] = Field(default=())

    def params(self) -> dict[str, str]:
        """What was explored, beside the settings."""
        return {"explore.models": ",".join(self.models)[:6000], "explore.language": ",".join(self.languages)}

    def tags(self) -> dict[str, str]:
        """None of its own."""
        return {}

    def metrics(self) -> dict[str, float]:
        """`MODEL/mode/pool/KIND` of every macro average of a kind that occurs."""
        kinds = [s for s in self.shares if s.is_macro and s.measure in list(ErrorKind) and s.value]
        return {f"{s.model}/{s.kind}/{s.pool}/{s.measure}": s.value for s in kinds}


class Ranked(Record):
    """A query of a task that nobody judged, and the document that each model has first.

    Attributes:
        shared: documents that the first two models both show; None: one model.
        first: of each model, ``id: text``; empty: it retrieves nothing.
    """

    query_id: str
    query: str
    query_lang: Lang
    shared: int | None
    first: tuple[str, ...]


class Unjudged(Shown):
    """All that is known of a task without judgements: what the models rank first.

    Attributes:
        shown: documents of each ranking.
        ranked: of several models, the queries on which the first two share least come first; of one, the task's order.
    """

    shown: int
    ranked: tuple[Ranked, ...]

    @property
    def n_units(self) -> int:
        """One per query."""
        return self.n_queries

    def params(self) -> dict[str, str]:
        """What was explored, beside the settings."""
        return {"explore.models": ",".join(self.models)[:6000], "explore.language": ",".join(self.languages)}

    def tags(self) -> dict[str, str]:
        """That nothing is known to be right."""
        return {"unjudged": "true"}

    def metrics(self) -> dict[str, float]:
        """None: nothing can be measured."""
        return {}
