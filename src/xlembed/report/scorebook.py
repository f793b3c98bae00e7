"""scores.json in memory: a score is found by what it is, not by where it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xlembed.types import Lang, Mode, Pool, UserError


@dataclass(frozen=True)
class Estimate:
    """One score. Both ends of the interval are numbers, or both are None (too few clusters)."""

    value: float
    ci_low: float | None
    ci_high: float | None
    n_units: int
    n_needs: int
    n_clusters: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the 95 % interval, if there is one."""
        return None if self.ci_low is None or self.ci_high is None else (self.ci_low, self.ci_high)


class Macro(NamedTuple):
    """A macro average: mode, pool and how it is printed."""

    kind: str
    pool: str
    title: str
    short: str

    @property
    def head(self) -> str:
        """As the head of a column."""
        return self.title.replace("true_cross_lingual", "true cross").replace("pool = ", "pool ")


MONOLINGUAL = Macro(Mode.MONOLINGUAL, Pool.TARGET, "monolingual", "mono")
CROSS_LINGUAL = Macro(Mode.CROSS_LINGUAL, Pool.ALL, "cross_lingual", "cross")
TRUE_CROSS_ALL = Macro(Mode.TRUE_CROSS_LINGUAL, Pool.ALL, "true_cross_lingual, pool = all", "true cross, all")
TRUE_CROSS_TARGET = Macro(
    Mode.TRUE_CROSS_LINGUAL, Pool.TARGET, "true_cross_lingual, pool = target", "true cross, target"
)
MACROS = (MONOLINGUAL, CROSS_LINGUAL, TRUE_CROSS_ALL, TRUE_CROSS_TARGET)
"""The four of the primary family, in the order of every figure and table."""


class Key(NamedTuple):
    """What identifies a score within one task and model."""

    kind: str
    pool: str | None
    query_lang: Lang | None
    doc_lang: Lang | None
    measure: str


@dataclass(frozen=True, eq=False)
class ScoreBook:
    """All scores of one model on one task.

    Attributes:
        task: name of the task.
        model: name of the model, variations included.
        languages: languages of the task, in its order.
        primary_measure: as printed, ``accuracy@1``.
        labels: language -> what must stand beside its numbers.
        cells: every score by its key; what has no units is not there.
        corpus_shares: language -> share of the corpus; empty if unknown.
        empty_queries: language -> queries that retrieved nothing.
    """

    task: str
    model: str
    languages: tuple[Lang, ...]
    primary_measure: str
    labels: Mapping[Lang, str]
    cells: Mapping[Key, Estimate]
    corpus_shares: Mapping[Lang, float] = field(default_factory=dict)
    empty_queries: Mapping[Lang, int] = field(default_factory=dict)

    def cell(
        self,
        kind: str,
        pool: str | None,
        query_lang: Lang | None,
        doc_lang: Lang | None,
        measure: str | None = None,
    ) -> Estimate | None:
        """One score of the given measure (default: the primary one); None if it has no units."""
        return self.cells.get(Key(kind, pool, query_lang, doc_lang, measure or self.primary_measure))

    def macro(self, macro: Macro, measure: str | None = None) -> Estimate | None:
        """A macro average; None if none of its cells has units."""
        return self.cell(macro.kind, macro.pool, None, None, measure)

    def pair(
        self, pool: str, query_lang: Lang, doc_lang: Lang, measure: str | None = None
    ) -> Estimate | None:
        """One cell of the language matrix of a pool.

        The diagonal is monolingual for pool = target and cross_lingual for pool = all.
        """
        if query_lang != doc_lang:
            return self.cell(Mode.TRUE_CROSS_LINGUAL, pool, query_lang, doc_lang, measure)
        diagonal = CROSS_LINGUAL if pool == Pool.ALL else MONOLINGUAL
        return self.cell(diagonal.kind, pool, query_lang, doc_lang, measure)

    def measures(self) -> tuple[str, ...]:
        """Measures that have at least one of the four macros; the primary one first, then as stored."""
        kinds = {(m.kind, m.pool) for m in MACROS}
        present = [k.measure for k in self.cells if (k.kind, k.pool) in kinds and not k.query_lang]
        ordered = dict.fromkeys([self.primary_measure, *present])
        return tuple(m for m in ordered if m in present)

    def marked(self, lang: Lang) -> str:
        """The language, with an asterisk if its numbers carry a label."""
        return f"{lang}*" if lang in self.labels else lang

    def label(self) -> str:
        """All labels with their languages, or an empty string."""
        return label_text(self.labels, self.languages)

    def footnote(self) -> str:
        """What the asterisk means, or an empty string."""
        return (
            f"* {self.label()}: these numbers and averages over them are invalid for a decision."
            if self.labels
            else ""
        )

    def counts(self) -> str:
        """Units and clusters of the primary measure, within and across languages."""
        parts = []
        for macro, name in ((MONOLINGUAL, "same language"), (TRUE_CROSS_ALL, "different languages")):
            if found := self.macro(macro):
                parts.append(f"{name}: {found.n_units:,} units, {found.n_clusters:,} clusters")
        return " · ".join(parts) if parts else "no macro average"


def label_text(labels: Mapping[Lang, str], languages: Sequence[Lang] = ()) -> str:
    """All labels with their languages (more than six are counted), or an empty string.

    >>> label_text({"ja": "language not supported", "zh": "language not supported"})
    'language not supported (ja, zh)'
    """
    order = [*(x for x in languages if x in labels), *sorted(set(labels) - set(languages))]
    parts = []
    for text in dict.fromkeys(labels[x] for x in order):
        langs = [x for x in order if labels[x] == text]
        many = f"{len(langs)} of {len(languages)} languages" if languages else f"{len(langs)} languages"
        parts.append(f"{text} ({', '.join(langs) if len(langs) <= 6 else many})")
    return "; ".join(parts)


def read_scores(scores: Mapping[str, Any]) -> ScoreBook:
    """Index the content of scores.json.

    Raises:
        UserError: if a field is missing or of another kind, or two rows are about the same thing.
    """
    needed = ("task", "model", "languages", "primary_measure", "scores")
    if lacking := [name for name in needed if name not in scores]:
        raise UserError(f"not the content of a scores.json: {', '.join(lacking)} missing")
    try:
        return _indexed(scores)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"not the content of a scores.json: a value is missing or of another kind ({error})"
        ) from None


def _indexed(scores: Mapping[str, Any]) -> ScoreBook:
    cells: dict[Key, Estimate] = {}
    for row in scores["scores"]:
        value = row["value"]
        if value is None or math.isnan(value):
            continue
        key = Key(row["kind"], row["pool"], row["query_lang"], row["doc_lang"], row["measure"])
        if key in cells:
            raise UserError(f"{scores['model']} on {scores['task']}: two scores for {key}")
        cells[key] = Estimate(
            value=float(value),
            ci_low=row["ci_low"],
            ci_high=row["ci_high"],
            n_units=int(row["n_units"]),
            n_needs=int(row["n_needs"]),
            n_clusters=int(row["n_clusters"]),
        )
    return ScoreBook(
        task=scores["task"],
        model=scores["model"],
        languages=tuple(scores["languages"]),
        primary_measure=scores["primary_measure"],
        labels=dict(scores.get("labels") or {}),
        cells=cells,
        corpus_shares=dict(scores.get("corpus_shares") or {}),
        empty_queries=dict(scores.get("empty_queries") or {}),
    )


def read_all(scores: Sequence[Mapping[str, Any]]) -> list[ScoreBook]:
    """Index the scores of several models on one task with one primary measure.

    Raises:
        UserError: if there is none, a model comes twice, or tasks or primary measures differ.
    """
    books = [read_scores(s) for s in scores]
    if not books:
        raise UserError("expected the scores of at least one model, found none")
    for what, values in (
        ("task", {b.task for b in books}),
        ("primary measure", {b.primary_measure for b in books}),
    ):
        if len(values) > 1:
            raise UserError(f"expected scores of one {what}, found {', '.join(sorted(values))}")
    names = [b.model for b in books]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise UserError(f"expected each model once, found again: {', '.join(repeated)}")
    return books
