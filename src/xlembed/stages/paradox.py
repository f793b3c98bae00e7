"""Stage paradox: models and their variants on one task -> tests, verdict, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlembed.corpus.task import Task
from xlembed.files import atomic_folder, write_json
from xlembed.metrics.measures import Measure, parse_measure
from xlembed.models.folder import fine_tuned_from
from xlembed.models.spec import ModelRef, Variation
from xlembed.report.figures import paradox as paradox_figures
from xlembed.report.figures.registry import write_figures
from xlembed.report.paradox_table import paradox_markdown
from xlembed.report.scorebook import (
    CROSS_LINGUAL,
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    read_scores,
)
from xlembed.stages.compare import Evaluation, read_folder
from xlembed.stages.encode import encode
from xlembed.stages.evaluate import MEASURES_VERSION
from xlembed.stages.index import index
from xlembed.stages.kinds import check_kinds
from xlembed.stages.separation import K, measure_separation
from xlembed.stages.workspace import Watch, Workspace, unwatched
from xlembed.stats.comparison import Evaluated, compare_models
from xlembed.stats.loss_change import loss_changes
from xlembed.stats.paradox import (
    AGAINST,
    Margins,
    ModelConditions,
    correlate,
    correlation_text,
    decide,
    judge_models,
    rule_lines,
    smallest_undecided,
)
from xlembed.types import Mode, UserError

FORMAT = 1
"""Version of paradox.json."""
SCORES = {
    "monolingual": (MONOLINGUAL.kind, MONOLINGUAL.pool),
    "cross_lingual": (CROSS_LINGUAL.kind, CROSS_LINGUAL.pool),
    "true_cross_all": (TRUE_CROSS_ALL.kind, TRUE_CROSS_ALL.pool),
    "true_cross_target": (TRUE_CROSS_TARGET.kind, TRUE_CROSS_TARGET.pool),
    "loss_weak": ("loss_weak", "target"),
    "loss_strong": ("loss_strong", "all"),
}
"""Macros shown per model: name in paradox.json -> kind and pool in scores.json."""


@dataclass(frozen=True)
class Subject:
    """A model to be evaluated.

    Attributes:
        ref: the model.
        variant_of: slug of the model it is set against before and after; None: of none that is evaluated.
        left_out: why it does not enter the paradox test; empty for a base model that does.
    """

    ref: ModelRef
    variant_of: str | None
    left_out: str

    @property
    def name(self) -> str:
        """The slug."""
        return self.ref.slug


def plan_subjects(names: Sequence[str], task: Task, workspace: Workspace) -> tuple[list[Subject], list[str]]:
    """Every model, each followed by its variants, and notes on variants that cannot be.

    Nothing is evaluated yet: a typo in the last name costs no hour.

    Args:
        names: anything that MODEL may be.
        task: whose languages a base model's card must have.
        workspace: settings name the variants.

    Raises:
        UserError: an unknown model or suffix, no model, no second language, or a mode that is not evaluated.
    """
    _check_task(task, workspace)
    suffixes, notes = workspace.settings.paradox.variants, []
    given = {ref.slug: (name, ref) for name in names for ref in [workspace.open_model(name)]}
    if not given:
        raise UserError("the paradox test needs models: -m MODEL -m MODEL")
    subjects: dict[str, Subject] = {}
    for name, ref in given.values():
        subjects[ref.slug] = _given(ref, given, task)
        if ref.card.lexical and suffixes:
            notes.append(f"{ref.slug} has no vectors, so there is no variant of it")
            continue
        for suffix in suffixes:
            variant = workspace.open_model(f"{name}+{suffix}")
            if variant.slug == ref.slug:
                notes.append(f"+{suffix} changes nothing of {ref.slug}")
            elif variant.slug not in given:
                subjects[variant.slug] = Subject(variant, ref.slug, f"variant of {ref.slug}")
    for subject in subjects.values():
        check_kinds(subject.ref)
    return list(subjects.values()), notes


def _check_task(task: Task, workspace: Workspace) -> None:
    if len(task.languages) < 2:
        raise UserError(f"{task.name} has one language ({task.languages[0]}); the paradox needs at least two")
    if lacking := [str(mode) for mode in Mode if mode not in workspace.settings.evaluate.modes]:
        raise UserError(f"the paradox test needs all modes; evaluate.modes lacks {', '.join(lacking)}")


def _given(ref: ModelRef, given: Mapping[str, Any], task: Task) -> Subject:
    """A model as the user named it: a base model, or a variant of one that was named too."""
    if ref.variation != Variation():
        base = ref.slug.partition("+")[0]
        return Subject(ref, base if base in given else None, f"variant of {base}")
    if ref.folder is not None and (base_name := fine_tuned_from(ref.folder)) is not None:
        return Subject(ref, base_name if base_name in given else None, f"fine-tuned from {base_name}")
    return Subject(ref, None, _not_a_base(ref, task))


def _not_a_base(ref: ModelRef, task: Task) -> str:
    """Why a model as it is does not enter; empty: it does."""
    if ref.card.lexical:
        return "finds words, has no embedding space"
    if not ref.card.languages:
        return "its card names no languages"
    lacking = [lang for lang in task.languages if ref.card.label(lang)]
    kind = "English-only model: " if ref.card.english_only else ""
    return f"{kind}its card lacks {', '.join(lacking)}" if lacking else ""


def stored_evaluation(
    task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched
) -> Evaluation | None:
    """Encode and index, then the finished evaluation of exactly these vectors, task and settings, if there is one.

    An evaluation by a server is never taken over: the server may have changed.
    """
    encoded = encode(task, ref, workspace, watch)
    description = index(task, ref, workspace, watch)
    folder = workspace.run_folder(task.name, ref.slug)
    if description["engine"] != "exact":
        return None
    try:
        found = read_folder(ref.slug, folder)
    except UserError:
        return None
    settings = workspace.settings
    wanted = {
        "task_digest": task.digest,
        "measures_version": MEASURES_VERSION,
        "fingerprint": encoded.fingerprint,
        "index": description,
        "primary_measure": settings.compare.primary_measure,
        "evaluate": settings.evaluate.model_dump(mode="json"),
        "corpus": settings.corpus.model_dump(mode="json"),
    }
    return found if all(found.scores.get(key) == value for key, value in wanted.items()) else None


def paradox_folder(workspace: Workspace, task: str) -> Path:
    """Where the report goes."""
    return workspace.out / "reports" / "paradox" / task


def paradox(
    task: Task,
    subjects: Sequence[Subject],
    evaluations: Mapping[str, Evaluation],
    workspace: Workspace,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Test, judge, and write paradox.json, paradox.md and figures.

    Args:
        task: evaluated.
        subjects: from `plan_subjects`.
        evaluations: slug -> its evaluation on this task with these settings.
        workspace: settings of the tests.
        notes: to be shown.

    Raises:
        UserError: units differ between models, or S cannot be computed.
    """
    subjects = _one_per_base(subjects, evaluations)
    settings = workspace.settings
    margins = Margins(settings.paradox.margin_mono, settings.paradox.margin_loss)
    measure, alpha = parse_measure(settings.compare.primary_measure), settings.compare.alpha
    report: dict[str, Any] = {
        "format": FORMAT,
        "task": task.name,
        "task_digest": task.digest,
        "languages": list(task.languages),
        "alignment": str(task.alignment),
        "measure": measure.name,
        "alpha": alpha,
        "margins": {"mono": margins.mono, "loss": margins.loss},
        "separation": {
            "k": K,
            "documents_per_language": settings.analyse.sample_per_language,
            "seed": settings.analyse.sampling_seed,
        },
        "models": [_model_json(s, evaluations[s.name], task, workspace) for s in subjects],
        "left_out": [{"model": s.name, "reason": s.left_out} for s in subjects if s.left_out],
        "notes": list(notes),
    }
    report |= _tests(report, subjects, evaluations, measure, margins, workspace)
    report |= _changes(subjects, evaluations, measure, workspace)
    with atomic_folder(paradox_folder(workspace, task.name)) as folder:
        write_json(folder / "paradox.json", report)
        (folder / "paradox.md").write_text(paradox_markdown(report), encoding="utf-8")
        write_figures(paradox_figures, folder / "figures", report)
    return report


def _one_per_base(subjects: Sequence[Subject], evaluations: Mapping[str, Evaluation]) -> list[Subject]:
    """One entry per base model: a second name of the same vectors is left out."""
    seen: dict[str, str] = {}
    result = []
    for subject in subjects:
        if not subject.left_out:
            fingerprint = str(evaluations[subject.name].scores["fingerprint"])
            first = seen.setdefault(fingerprint, subject.name)
            if first != subject.name:
                subject = Subject(subject.ref, subject.variant_of, f"the same vectors as {first}")
        result.append(subject)
    return result


def _model_json(subject: Subject, evaluation: Evaluation, task: Task, workspace: Workspace) -> dict[str, Any]:
    book = read_scores(evaluation.scores)
    row: dict[str, Any] = {
        "model": subject.name,
        "variant_of": subject.variant_of,
        "enters": not subject.left_out,
        "label": book.label(),
        "labels": dict(book.labels),
        "parameters": subject.ref.card.parameters,
        "objective": subject.ref.card.objective,
        "separation": None,
    }
    if not subject.ref.card.lexical:
        resamples = int(evaluation.scores["evaluate"]["resamples"])
        row["separation"] = measure_separation(task, subject.ref, workspace, resamples).to_json()
    for name, (kind, pool) in SCORES.items():
        found = book.cell(kind, pool, None, None)
        row[name] = (
            None
            if found is None
            else {
                "value": found.value,
                "ci_low": found.ci_low,
                "ci_high": found.ci_high,
                "n_units": found.n_units,
                "n_clusters": found.n_clusters,
            }
        )
    return row


def _evaluated(subject: Subject, evaluations: Mapping[str, Evaluation]) -> Evaluated:
    found = evaluations[subject.name]
    return Evaluated(subject.name, found.units, found.scores.get("labels", {}))


def _tests(
    report: Mapping[str, Any],
    subjects: Sequence[Subject],
    evaluations: Mapping[str, Evaluation],
    measure: Measure,
    margins: Margins,
    workspace: Workspace,
) -> dict[str, Any]:
    """The three correlations, conditions and verdict over base models, and the conditions of their variants."""
    alpha, n = workspace.settings.compare.alpha, workspace.settings.evaluate.resamples
    bases = [_evaluated(s, evaluations) for s in subjects if not s.left_out]
    names = {b.name for b in bases}
    variants = [_evaluated(s, evaluations) for s in subjects if s.variant_of in names]
    rows = {row["model"]: row for row in report["models"]}
    correlations = correlate(
        [rows[b.name]["separation"]["value"] for b in bases],
        {kind: [rows[b.name][kind]["value"] for b in bases] for kind in AGAINST},
        alpha,
    )
    judged = judge_models(bases, bases, measure, margins, alpha=alpha, n_resamples=n)
    of_variants = judge_models(variants, bases, measure, margins, alpha=alpha, n_resamples=n)
    verdict = decide({name: c.statuses for name, c in judged.items()})
    detectable = smallest_undecided(judged)
    return {
        "correlations": [c.to_json() for c in correlations],
        "correlation_text": correlation_text(correlations),
        "conditions": _conditions_json(judged),
        "variant_conditions": _conditions_json(of_variants),
        "rule": rule_lines(margins, measure.name, alpha),
        "verdict": {
            "outcome": str(verdict.outcome),
            "models": list(verdict.models),
            "text": verdict.text if bases else "Undecided: no model enters the test.",
            "n_models": len(bases),
            "smallest_detectable": None if detectable is None else round(detectable, 6),
        },
    }


def _conditions_json(judged: Mapping[str, ModelConditions]) -> list[dict[str, Any]]:
    return [{"model": name, **conditions.to_json()} for name, conditions in judged.items()]


def _changes(
    subjects: Sequence[Subject],
    evaluations: Mapping[str, Evaluation],
    measure: Measure,
    workspace: Workspace,
) -> dict[str, Any]:
    """Before and after: each variant against what it is a variant of."""
    alpha, n = workspace.settings.compare.alpha, workspace.settings.evaluate.resamples
    models = {s.name: _evaluated(s, evaluations) for s in subjects}
    pairs = [(s.name, s.variant_of) for s in subjects if s.variant_of is not None]
    if not pairs:
        return {"before_after": [], "untested": [], "loss_changes": []}
    involved = list(dict.fromkeys(name for pair in pairs for name in pair))
    found = compare_models(
        [models[name] for name in involved], [measure], measure, alpha=alpha, n_resamples=n, pairs=pairs
    )
    rows = [row.to_json(alpha) for row in found.rows]
    losses = loss_changes([(models[a], models[b]) for a, b in pairs], measure, alpha, n)
    return {
        "before_after": [row for row in rows if row["family"] == "primary"],
        "untested": list(found.untested),
        "loss_changes": [change.to_json(alpha) for change in losses],
    }
