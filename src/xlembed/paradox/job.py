"""Stage paradox: models and their variants on one task -> tests, verdict, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypedDict

from xlembed.analyse.job import K, Separation, measure_separation
from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation
from xlembed.files import atomic_folder, write_json
from xlembed.measures import Measure, parse_measure
from xlembed.paradox import figures as paradox_figures
from xlembed.paradox.grids import paradox_markdown
from xlembed.paradox.loss_change import LossChange, loss_changes
from xlembed.paradox.remedies import Choice, Remedy, choose, judging_measures, remedies
from xlembed.paradox.subjects import AUTO, Subject, one_per_base
from xlembed.paradox.verdict import AGAINST, Correlation, correlate, correlation_text, decide, rule_lines
from xlembed.search.chance import monolingual_chance
from xlembed.search.remedied import searches_per_query
from xlembed.settings import Settings
from xlembed.show.figures.registry import write_figures
from xlembed.show.notes import notes_of
from xlembed.stats.compared import PRIMARY, Paired
from xlembed.stats.comparison import Evaluated, compare_models
from xlembed.stats.conditions import Margins, ModelConditions, judge_models, smallest_undecided
from xlembed.stats.scorebook import (
    CROSS_LINGUAL,
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    Estimate,
    ScoreBook,
)
from xlembed.stats.standing import YARDSTICK, Standing, standings
from xlembed.workspace import Workspace

FORMAT = 2
"""Version of paradox.json; 1 judged by margins alone."""
SCORES = {
    "monolingual": (MONOLINGUAL.kind, MONOLINGUAL.pool),
    "cross_lingual": (CROSS_LINGUAL.kind, CROSS_LINGUAL.pool),
    "true_cross_all": (TRUE_CROSS_ALL.kind, TRUE_CROSS_ALL.pool),
    "true_cross_target": (TRUE_CROSS_TARGET.kind, TRUE_CROSS_TARGET.pool),
    "loss_weak": ("loss_weak", "target"),
    "loss_strong": ("loss_strong", "all"),
}
"""Macros shown per model: name in paradox.json -> kind and pool in scores.json."""
LOGGED = ("separation", "monolingual", "true_cross_all", "true_cross_target", "loss_weak", "loss_strong")
"""Numbers of each model that the run keeps."""


class Level(TypedDict):
    """Of tests, and of the bootstrap."""

    alpha: float
    n_resamples: int


@dataclass(frozen=True)
class Row:
    """One model: what it is, its separation (None: it has no vectors) and its scores."""

    subject: Subject
    book: ScoreBook
    notes: Sequence[str]
    separation: Separation | None

    def score(self, name: str) -> Estimate | None:
        """One of `SCORES`; None without units."""
        return self.book.cell(*SCORES[name], None, None)

    def to_json(self) -> dict[str, Any]:
        """Flat, but for the numbers with their intervals."""
        card = self.subject.ref.card
        wanted = {"value", "ci_low", "ci_high", "n_units", "n_clusters"}
        return {
            "model": self.subject.name,
            "variant_of": self.subject.variant_of,
            "enters": not self.subject.left_out,
            "label": self.book.label(),
            "labels": dict(self.book.labels),
            "notes": list(self.notes),
            "parameters": card.parameters,
            "objective": card.objective,
            "separation": None if self.separation is None else self.separation.to_json(),
            **{name: (e := self.score(name)) and e.model_dump(include=wanted) for name in SCORES},
        }


@dataclass(frozen=True)
class Judged:
    """Some models: who of them may be judged, and the conditions of those."""

    standings: Mapping[str, Standing]
    conditions: Mapping[str, ModelConditions]


@dataclass(frozen=True)
class Changes:
    """Before and after: each variant against what it is a variant of, and whether it mends what that loses."""

    tested: Sequence[Paired] = ()
    untested: Sequence[str] = ()
    losses: Sequence[LossChange] = ()
    remedies: Sequence[Remedy] = ()
    choices: Sequence[Choice] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Paradox:
    """The whole test of every model, by its units; each part is computed once, when it is asked for."""

    task: Task
    settings: Settings
    rows: Sequence[Row]
    models: Mapping[str, Evaluated]
    notes: Sequence[str]

    @property
    def level(self) -> Level:
        """Of all tests and intervals."""
        return {"alpha": self.settings.compare.alpha, "n_resamples": self.settings.evaluate.resamples}

    @cached_property
    def measure(self) -> Measure:
        """What is scored."""
        return parse_measure(self.settings.compare.primary_measure)

    @cached_property
    def margins(self) -> Margins:
        """Of the conditions."""
        wanted = self.settings.paradox
        return Margins(wanted.margin_mono, wanted.margin_loss, wanted.margin_loss_share, wanted.margin_bm25)

    @cached_property
    def chance(self) -> float:
        """Monolingual macro average under random order."""
        return monolingual_chance(self.task, self.models[YARDSTICK].units, self.measure)

    @cached_property
    def correlations(self) -> list[Correlation]:
        """S against three scores, over base models."""
        rows = [row for row in self.rows if not row.subject.left_out]
        separation = [round(row.separation.score.value, 6) for row in rows if row.separation]
        scores = {kind: [e.value for row in rows if (e := row.score(kind))] for kind in AGAINST}
        return correlate(separation, scores, self.settings.compare.alpha)

    @cached_property
    def bases(self) -> Judged:
        """Base models; the verdict is over those judged."""
        return self._judged([row.subject.name for row in self.rows if not row.subject.left_out], None)

    @cached_property
    def variants(self) -> Judged:
        """Variants of base models, against the judged ones of these."""
        names = [
            row.subject.name
            for row in self.rows
            if row.subject.variant_of in self.bases.standings and not row.subject.ref.variation.translated
        ]
        return self._judged(names, list(self.bases.conditions))

    def _judged(self, names: Sequence[str], rivals: Sequence[str] | None) -> Judged:
        """`rivals` None: those of the models that may be judged."""
        measure, margins = self.measure, self.margins
        models, bm25 = [self.models[name] for name in names], self.models[YARDSTICK]
        found = standings(models, bm25, measure, self.chance, margins, **self.level)
        judged = [m for m in models if found[m.name].is_judged]
        others = judged if rivals is None else [self.models[name] for name in rivals]
        return Judged(found, judge_models(judged, others, measure, margins, **self.level))

    @cached_property
    def changes(self) -> Changes:
        """Each variant against what it is a variant of."""
        subjects = [row.subject for row in self.rows]
        pairs = [(s.name, s.variant_of) for s in subjects if s.variant_of is not None]
        if not pairs:
            return Changes()
        measure = self.measure
        involved = [self.models[name] for name in dict.fromkeys(name for pair in pairs for name in pair)]
        shared = set.intersection(*(set(model.units.columns) for model in self.models.values()))
        judging = judging_measures(self.task.alignment, measure, shared)
        found = compare_models(involved, judging, measure, pairs=pairs, cells=False, **self.level)
        losses = {row.subject.name: e.value for row in self.rows if (e := row.score("loss_strong"))}
        reasons = self._not_judged()
        searches = {s.name: searches_per_query(self.task, s.ref.variation) for s in subjects}
        return Changes(
            found.rows,
            found.untested,
            loss_changes([(self.models[a], self.models[b]) for a, b in pairs], measure, **self.level),
            remedies(found.rows, judging, losses, reasons, self.margins, searches),
            self._choices(judging, reasons),
            self._remedy_notes(judging),
        )

    def _not_judged(self) -> dict[str, str]:
        """Model or variant -> why nothing is said of a remedy; empty: it is."""
        standing = {**self.variants.standings, **self.bases.standings}
        subjects = {row.subject.name: row.subject for row in self.rows}

        def reason(model: str) -> str:
            return standing[model].reason if model in standing else "no base model of the test"

        reasons = {}
        for name, subject in subjects.items():
            if subject.ref.variation.translated:
                reasons[name] = "all translations of a question have one ranking (an oracle)"
            elif (model := subject.variant_of) is None:
                reasons[name] = reason(name)
            elif subjects[model].variant_of is not None and reason(model):  # of a fine-tuned model, say
                reasons[name] = reason(model)
        return reasons

    def _choices(self, judging: Sequence[Measure], reasons: Mapping[str, str]) -> list[Choice]:
        """The best remedy of each model that may be judged, where all that fit were tried."""
        if AUTO not in self.settings.paradox.variants:
            return []
        found = []
        for base in (name for name in self.bases.standings if not reasons[name]):
            variants = [row.subject.name for row in self.rows if row.subject.variant_of == base]
            tried = [self.models[name] for name in variants if name not in reasons]
            how = (self.measure, judging, reasons, self.margins)
            found += [choose(self.models[base], tried, *how, **self.level)] if tried else []
        return found

    def _remedy_notes(self, judging: Sequence[Measure]) -> list[str]:
        """A measure by which a remedy is judged and that has fewer places than there are languages."""
        n = len(self.task.languages)
        return [
            f"{n} languages compete for {'one place' if m.cutoff == 1 else f'{m.cutoff} places'} in {m.name}: what a "
            "remedy does may show further down only"
            for m in judging
            if m.cutoff is not None and n > m.cutoff
        ]

    @cached_property
    def rule(self) -> list[str]:
        """The rule of the verdict, to be printed beside it."""
        return rule_lines(self.margins, self.measure.name, self.settings.compare.alpha)

    def to_json(self) -> dict[str, Any]:
        """Content of paradox.json."""
        settings, task, alpha = self.settings, self.task, self.settings.compare.alpha
        left_out = [row.subject for row in self.rows if row.subject.left_out]
        return {
            "format": FORMAT,
            "task": task.name,
            "task_digest": task.digest,
            "languages": list(task.languages),
            "alignment": str(task.alignment),
            "measure": self.measure.name,
            "alpha": alpha,
            "margins": asdict(self.margins),
            "demonstration": task.demonstration,
            "separation": {
                "k": K,
                "documents_per_language": settings.analyse.sample_per_language,
                "seed": settings.analyse.sampling_seed,
            },
            "models": [row.to_json() for row in self.rows],
            "left_out": [{"model": s.name, "reason": s.left_out} for s in left_out],
            "notes": list(self.notes),
            "correlations": [c.to_json() for c in self.correlations],
            "correlation_text": correlation_text(self.correlations),
            "chance": round(self.chance, 6),
            "standings": _named_json(self.bases.standings),
            "variant_standings": _named_json(self.variants.standings),
            "conditions": _named_json(self.bases.conditions),
            "variant_conditions": _named_json(self.variants.conditions),
            "rule": self.rule,
            "verdict": self._verdict_json(),
            "before_after": [row.to_json() for row in self.changes.tested if row.family == PRIMARY],
            "untested": list(self.changes.untested),
            "loss_changes": [change.to_json(alpha) for change in self.changes.losses],
            "remedies": [row for remedy in self.changes.remedies for row in remedy.to_json()],
            "choices": [choice.to_json() for choice in self.changes.choices],
            "remedy_notes": list(self.changes.notes),
        }

    def _verdict_json(self) -> dict[str, Any]:
        verdict = decide(self.bases.conditions, self.task.demonstration)
        detectable = smallest_undecided(self.bases.conditions)
        return {
            "outcome": str(verdict.outcome),
            "models": list(verdict.models),
            "text": verdict.text,
            "general": verdict.is_general,
            "n_models": len(self.bases.standings),
            "n_judged": verdict.n_judged,
            "smallest_detectable": None if detectable is None else round(detectable, 6),
        }

    def params(self) -> dict[str, str]:
        """Models, measure and margins."""
        return {
            "paradox.models": ",".join(row.subject.name for row in self.rows)[:6000],
            "paradox.measure": self.measure.name,
            "paradox.alpha": str(self.settings.compare.alpha),
            **{f"paradox.margin_{name}": str(value) for name, value in asdict(self.margins).items()},
        }

    def tags(self) -> dict[str, str]:
        """The task's digest and the verdict."""
        return {"task_digest": self.task.digest, "verdict": self._verdict_json()["outcome"]}

    def metrics(self) -> dict[str, float]:
        """`MODEL/separation`, `rho/loss_strong`, `VARIANT_minus_BASE/loss_weak` ...; unknown ones are left out."""
        found: dict[str, float | None] = {}
        for row in map(Row.to_json, self.rows):
            found |= {f"{row['model']}/{key}": row[key]["value"] for key in LOGGED if row[key] is not None}
        for row in (c.to_json() for c in self.correlations):
            found[f"rho/{row['against']}"] = row["rho"]
            found[f"rho/{row['against']}/p_adjusted"] = row["p_adjusted"]
        for change in self.changes.losses:
            name = f"{change.variant}_minus_{change.base}/{change.kind}"
            found[name] = round(change.difference.value, 6)
        return {key: value for key, value in found.items() if value is not None}


def _named_json(found: Mapping[str, Standing] | Mapping[str, ModelConditions]) -> list[dict[str, Any]]:
    return [{"model": name, **of.to_json()} for name, of in found.items()]


def paradox(
    task: Task,
    subjects: Sequence[Subject],
    evaluations: Mapping[str, Evaluation],
    workspace: Workspace,
    notes: Sequence[str] = (),
) -> Paradox:
    """Test, judge, and write paradox.json, paradox.md and figures.

    Raises:
        UserError: units differ between models, or S cannot be computed.
    """
    rows = [_row(s, evaluations[s.name], task, workspace) for s in one_per_base(subjects, evaluations)]
    models = {name: of.evaluated() for name, of in evaluations.items()}
    result = Paradox(task, workspace.settings, rows, models, notes)
    with atomic_folder(workspace.reports("paradox", task.name)) as folder:
        content = result.to_json()
        write_json(folder / "paradox.json", content)
        (folder / "paradox.md").write_text(paradox_markdown(content), encoding="utf-8")
        write_figures(paradox_figures, folder / "figures", content)
    return result


def _row(subject: Subject, evaluation: Evaluation, task: Task, workspace: Workspace) -> Row:
    separation = None
    if subject.ref.card.has_vectors:
        separation = measure_separation(task, subject.ref, workspace, evaluation.book.evaluate.resamples)
    notes = notes_of([evaluation.scores]).get(subject.name, [])
    return Row(subject, evaluation.book, notes, separation)
