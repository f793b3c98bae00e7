"""scores.json in memory: a score is found by what it is, not by where it stands."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from pydantic import Field, ValidationError, field_serializer, field_validator

from xlembed.fields import Section
from xlembed.files import Record, rounded
from xlembed.search.kinds import KIND_OF
from xlembed.search.units import ANY_LANGUAGE
from xlembed.settings import CorpusSettings, EvaluateSettings
from xlembed.stats.score_rows import Estimate as Estimate
from xlembed.stats.score_rows import IndexFidelity, Key, Truncations
from xlembed.words import Lang, Mode, Pool, UserError, counted


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
MLFLOW_SCORES = 15
"""Metrics of a run, each with both ends of its interval: what a person can look through in the MLflow UI."""
SECOND, THIRD, RECALL = "MRR@10", "accuracy@10", "recall@10"
_ORDER: dict[str, int] = {kind: number for number, kind in enumerate(Mode)}
SHORT = {Mode.MONOLINGUAL: "mono", Mode.CROSS_LINGUAL: "cross"}


class ScoreBook(Record):
    """scores.json: all scores of one model on one task, and all that they depend on.

    Attributes:
        model: its name, variations included.
        languages: of the task, in its order.
        labels: language -> what must stand beside its numbers.
        index: what determines the answers of the search.
        primary_measure: as printed, ``accuracy@1``.
        weights: what must be known of them.
        postprocessing: what was done to the vectors; `note` says it in words.
        boundary_ties: of rankings cut at the depth.
        corpus_shares: language -> share of the corpus; empty if unknown.
        empty_queries: language -> queries that retrieved nothing.
        no_preference: query language -> what `preference` would be if a model had none.
        preference_left_out: query language -> queries without a right document among what they retrieve.
        scores: what has no units is not there.
    """

    format: int = 0
    measures_version: int = 0
    task: str
    task_digest: str = ""
    alignment: str = ""
    languages: tuple[Lang, ...]
    model: str
    english_only: bool = False
    labels: Mapping[Lang, str] = Field(default_factory=dict)
    fingerprint: str = ""
    base_fingerprint: str = ""
    index: Mapping[str, Any] = Field(default_factory=dict)
    primary_measure: str
    evaluate: EvaluateSettings = EvaluateSettings()
    corpus: CorpusSettings = CorpusSettings()
    warnings: tuple[str, ...] = ()
    weights: str = ""
    postprocessing: Mapping[str, Any] = Field(default_factory=dict)
    truncation: Truncations | None = None
    reranker_truncation: Truncations | None = None
    boundary_ties: int = 0
    zero_vectors: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    corpus_shares: Mapping[Lang, float] = Field(default_factory=dict)
    empty_queries: Mapping[Lang, int] = Field(default_factory=dict)
    no_preference: Mapping[Lang, float] = Field(default_factory=dict)
    preference_left_out: Mapping[Lang, int] = Field(default_factory=dict)
    queries_without_relevant: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    merged_documents: tuple[Mapping[str, str], ...] = ()
    scores: tuple[Estimate, ...]
    index_fidelity: IndexFidelity | None = None

    @field_validator("scores", mode="before")
    @classmethod
    def _with_value(cls, rows: Any) -> Any:
        return [r for r in rows if isinstance(r, Estimate) or not _is_nothing(r["value"])]

    @field_serializer("evaluate", "corpus")
    def _whole(self, section: Section) -> dict[str, Any]:
        return section.model_dump(mode="json")

    def to_json(self) -> dict[str, Any]:
        """What scores.json holds."""
        return self.model_dump(mode="json", exclude_unset=True)

    def params(self) -> dict[str, str]:
        """None beside those of the settings."""
        return {}

    def tags(self) -> dict[str, str]:
        """What must be known of the vectors and the model."""
        found = {
            "fingerprint": self.fingerprint,
            "task_digest": self.task_digest,
            "labels": ", ".join(f"{lang}: {label}" for lang, label in self.labels.items()),
            "postprocessing": self.postprocessing.get("note", ""),
            "weights": self.weights,
        }
        return {key: value for key, value in found.items() if value}

    def headline(self) -> dict[str, Any]:
        """The four macros of the primary measure, as `dvc metrics show` puts them side by side."""
        found: dict[str, Any] = {"measure": self.primary_measure}
        for name, macro in zip(("mono", "cross", "true_all", "true_target"), MACROS, strict=True):
            if (row := self.macro(macro)) is not None:
                found[name] = {"value": row.value, "ci_low": row.ci_low, "ci_high": row.ci_high}
        return dict(rounded(found))

    def metrics(self) -> dict[str, float]:
        """The headline: a few scores and what the index costs; files hold the rest."""
        return headline_metrics(self.scores, self.primary_measure, self.index_fidelity)

    @cached_property
    def cells(self) -> Mapping[Key, Estimate]:
        """Every score by its key."""
        return {row.key: row for row in self.scores}

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

    def of_language(self, macro: Macro, lang: Lang, measure: str | None = None) -> Estimate | None:
        """One language's part of a macro average: of its own pairs, or of its queries in other languages."""
        doc_lang = lang if macro in (MONOLINGUAL, CROSS_LINGUAL) else None
        return self.cell(macro.kind, macro.pool, lang, doc_lang, measure)

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

    def language_aware(self, measure: str, lang: Lang | None = None) -> Estimate | None:
        """A language-aware measure of a query language, default: the macro average; None if it has no queries."""
        return self.cell(KIND_OF[measure], Pool.ALL, lang, ANY_LANGUAGE if lang else None, measure)

    def expected_preference(self, lang: Lang | None = None) -> float | None:
        """What `preference` is under none, of a query language or as macro average; None where it is not stored."""
        values = [value for of, value in self.no_preference.items() if lang in (None, of)]
        return sum(values) / len(values) if values else None

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
                parts.append(
                    f"{name}: {counted(found.n_units, 'unit')}, {counted(found.n_clusters, 'cluster')}"
                )
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


def read_scores(scores: Mapping[str, Any] | ScoreBook) -> ScoreBook:
    """The content of scores.json as a typed value.

    Raises:
        UserError: if a field is missing or of another kind, or two rows are about the same thing.
    """
    if isinstance(scores, ScoreBook):
        return scores
    needed = ("task", "model", "languages", "primary_measure", "scores")
    if lacking := [name for name in needed if name not in scores]:
        raise UserError(f"not the content of a scores.json: {', '.join(lacking)} missing")
    try:
        book = ScoreBook.model_validate(scores)
    except (ValidationError, KeyError, TypeError) as error:
        raise UserError(
            f"not the content of a scores.json: a value is missing or of another kind ({_problem(error)})"
        ) from None
    if len(book.cells) < len(book.scores):
        twice = next(key for key, n in Counter(row.key for row in book.scores).items() if n > 1)
        raise UserError(f"{book.model} on {book.task}: two scores for {twice}")
    return book


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _problem(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def read_all(scores: Sequence[Mapping[str, Any] | ScoreBook]) -> list[ScoreBook]:
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


def headline_metrics(
    rows: Iterable[Estimate], primary: str, fidelity: IndexFidelity | None
) -> dict[str, float]:
    """At most 15 scores as `mono/accuracy@1`, `true_cross/all/accuracy@1/ci_low`, `index_loss/cross/accuracy@1` ...

    The four macros of the primary measure come first, then what an index on a server costs where it was exercised, then
    MRR@10, the two losses, accuracy@10 and the language bias.
    """
    macros = [row for row in rows if row.is_macro]
    named = dict(_by_weight(macros, primary, fidelity))
    return {
        key: value
        for name, row in islice(named.items(), MLFLOW_SCORES)
        for key, value in row.named(name).items()
    }


def _by_weight(
    macros: Iterable[Estimate], primary: str, fidelity: IndexFidelity | None
) -> Iterator[tuple[str, Estimate]]:
    """Names and scores, the weightiest first."""
    four, others = _of_modes(macros), [row for row in macros if row.kind not in set(Mode)]
    yield from four.get(primary, {}).items()
    if fidelity is not None:
        yield from (
            (f"index/{RECALL}", r)
            for r in fidelity.recall
            if r.query_lang is None and r.pool == Pool.ALL and r.measure == RECALL
        )
        lost = _of_modes(row for row in fidelity.loss if row.is_macro)
        yield from ((f"index_loss/{name}", row) for name, row in lost.get(primary, {}).items())
    yield from four.get(SECOND, {}).items()
    for row in others:
        if row.kind in ("loss_strong", "loss_weak") and row.measure == primary:
            yield f"{row.kind}/{row.measure}", row
    yield from four.get(THIRD, {}).items()
    yield from (("language_bias", row) for row in others if row.kind == "language_bias")


def _of_modes(macros: Iterable[Estimate]) -> Mapping[str, dict[str, Estimate]]:
    """Measure -> name -> macro average of a mode and pool, `mono` first: the UI keeps the order."""
    found: dict[str, dict[str, Estimate]] = {}
    for row in sorted(macros, key=lambda row: (_ORDER.get(row.kind, 0), row.pool or "")):
        if row.kind in SHORT:
            found.setdefault(row.measure, {})[f"{SHORT[Mode(row.kind)]}/{row.measure}"] = row
        elif row.kind == Mode.TRUE_CROSS_LINGUAL:
            found.setdefault(row.measure, {})[f"true_cross/{row.pool}/{row.measure}"] = row
    return found
