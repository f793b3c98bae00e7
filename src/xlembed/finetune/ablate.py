"""Stage ablate: variants of one recipe, trained, compared and recorded -> reports/ablations/NAME/."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation, compare, read_evaluation
from xlembed.evaluate.dimensions import measure_dimensions, timing_words
from xlembed.files import atomic_folder, write_json
from xlembed.finetune.ablation import Ablation, Training, Variant, load_ablation, trainings
from xlembed.finetune.ablation_tables import write_ablation_report
from xlembed.finetune.danger import dimension_lines
from xlembed.finetune.job import finetune, finetuned_folder
from xlembed.finetune.recipe_loading import Opened, Record, check_data, open_recipe, read_recipe
from xlembed.finetune.stage import rehearse
from xlembed.stats.scorebook import MACROS
from xlembed.tracking.log import log_folder, log_metrics, log_params, log_tags
from xlembed.tracking.opening import open_model
from xlembed.tracking.runs import child_run
from xlembed.tracking.training import TrainingRecord, flat
from xlembed.words import UserError
from xlembed.workspace import Watch, Workspace, unwatched

FORMAT = 1
PAIRED = ("kind", "pool", "measure", "value", "ci_low", "ci_high", "n_units", "n_needs", "n_clusters")


class Finetune(Protocol):
    """What trains one variant."""

    def __call__(
        self, opened: Opened, workspace: Workspace, watch: Watch = ..., record: Record | None = ...
    ) -> dict[str, Any]:
        """See `stages.finetune.finetune`."""


RecordTraining = Callable[[Training], AbstractContextManager[Record | None]]
"""Around each training; yields what is told of it as it goes on."""


@dataclass(frozen=True)
class OpenedAblation:
    """An ablation with every variant's recipe, data and tasks found and checked.

    Trainings are in the order of the variants, each with its seeds.
    """

    ablation: Ablation
    trainings: tuple[tuple[Training, Opened], ...]

    @property
    def task(self) -> Task:
        """What all are evaluated on."""
        return self.trainings[0][1].tasks[0]

    def of(self, variant: Variant) -> list[tuple[Training, Opened]]:
        """Its trainings, the first seed first."""
        return [pair for pair in self.trainings if pair[0].variant == variant]


def open_ablation(source: str, workspace: Workspace) -> OpenedAblation:
    """Read an ablation, make every variant's recipe and find what it names; nothing is trained.

    Raises:
        UserError: names everything wrong in the file, or else every variant that cannot be trained, with the reasons.
    """
    ablation = load_ablation(source)
    recipe = read_recipe(ablation.recipe)
    found: list[tuple[Training, Opened]] = []
    problems: dict[str, None] = {}
    for training in trainings(ablation, recipe):
        wrong = list(check_data(training.recipe, workspace.root / "data"))
        try:
            if not wrong:
                opened = open_recipe(training.recipe, workspace)
                if not any(training.variant == other.variant for other, _ in found):  # seeds change no shape
                    rehearse(opened, workspace)
                found.append((training, opened))
        except UserError as error:
            wrong = [str(error)]
        problems |= dict.fromkeys(f"variant {training.variant.name}: {why}" for why in wrong)
    if problems:
        raise UserError("\n".join([f"ablation {ablation.name}:", *problems]))
    return OpenedAblation(ablation, tuple(found))


def ablate(
    opened: OpenedAblation,
    workspace: Workspace,
    watch: Watch = unwatched,
    record: RecordTraining = lambda training: nullcontext(),
    train: Finetune = finetune,
) -> dict[str, Any]:
    """Train every variant, compare each with the first and write reports/ablations/NAME/.

    Stages that variants have in common are trained once: finished ones come from the cache. The models lie in
    finetuned/ABLATION.VARIANT/.

    Returns:
        What report.json holds.

    Raises:
        UserError: a variant cannot be trained or evaluated.
    """
    reports: dict[str, dict[str, Any]] = {}
    for number, (training, recipe) in enumerate(opened.trainings):
        watch("trainings", number, len(opened.trainings))
        with record(training) as told:
            reports[training.recipe.name] = train(recipe, workspace, watch, told)
    watch("trainings", len(opened.trainings), len(opened.trainings))
    with atomic_folder(workspace.reports("ablations", opened.ablation.name)) as folder:
        report = _report(opened, reports, workspace, folder, watch)
        write_json(folder / "report.json", report)
        write_ablation_report(report, folder)
    return report


def _report(
    opened: OpenedAblation,
    reports: Mapping[str, Mapping[str, Any]],
    workspace: Workspace,
    folder: Path,
    watch: Watch,
) -> dict[str, Any]:
    ablation = opened.ablation
    firsts = [opened.of(variant)[0][0] for variant in ablation.variants]
    evaluations = [_evaluation(t, reports[t.recipe.name], opened.task, workspace) for t in firsts]
    base = _evaluation(firsts[0], reports[firsts[0].recipe.name], opened.task, workspace, step=0)
    first_report = reports[firsts[0].recipe.name]
    dimensions, too_large = _dimensions(opened, reports, workspace, watch)
    names = [training.recipe.name for training, _ in opened.trainings]
    warnings = [f"{name}: {line}" for name in names for line in reports[name]["warnings"]]
    return {
        "format": FORMAT,
        "ablation": ablation.name,
        "title": ablation.title or ablation.name,
        "recipe": ablation.recipe,
        "task": opened.task.name,
        "task_digest": opened.task.digest,
        "sts": ablation.sts,
        "primary_measure": base.scores["primary_measure"],
        "base_slug": first_report["base_slug"],
        "base": {"scores": _macros(base), "sts": _sts(first_report, ablation.sts, 0)},
        "variants": [
            _variant(opened, variant, evaluation, reports, workspace)
            for variant, evaluation in zip(ablation.variants, evaluations, strict=True)
        ],
        "comparison": _comparison(evaluations, workspace, folder / "comparison"),
        "dimensions": dimensions,
        "timing": timing_words(opened.task, opened.task.queries) if dimensions else None,
        "storage_dtype": workspace.settings.encode.storage_dtype,
        "warnings": [*warnings, *dimension_lines(dimensions), *too_large],
    }


def _evaluation(
    training: Training, report: Mapping[str, Any], task: Task, workspace: Workspace, step: int = -1
) -> Evaluation:
    """Of the model after a stage (default: the last), under the variant's name."""
    slug = report["evaluations"][step]["model"]
    folder = finetuned_folder(workspace, training.recipe.name) / "runs" / task.name / slug
    found = read_evaluation(str(folder), workspace)
    return replace(found, scores={**found.scores, "model": training.variant.name})


def _macros(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Rows of the primary measure's macro averages."""
    kinds = {(m.kind, m.pool) for m in MACROS}
    measure = evaluation.scores["primary_measure"]
    rows = [row for row in evaluation.scores["scores"] if (row["kind"], row["pool"]) in kinds]
    whole = (measure, None, None)
    rows = [row for row in rows if (row["measure"], row["query_lang"], row["doc_lang"]) == whole]
    return [{key: row[key] for key in PAIRED} for row in rows]


def _variant(
    opened: OpenedAblation,
    variant: Variant,
    evaluation: Evaluation,
    reports: Mapping[str, Mapping[str, Any]],
    workspace: Workspace,
) -> dict[str, Any]:
    all_seeds = [training for training, _ in opened.of(variant)]
    recipe, report = all_seeds[0].recipe, reports[all_seeds[0].recipe.name]
    contrastive = [s for s in recipe.stages if s.loss.in_batch]
    sts = opened.ablation.sts
    return {
        "name": variant.name,
        "title": variant.shown,
        "model": report["evaluations"][-1]["model"],
        "folder": f"finetuned/{recipe.name}",
        "stages": [s.name for s in recipe.stages],
        "changes": dict(variant.changes),
        "batch": contrastive[-1].batch if contrastive else None,
        "dim": report["dim"],
        "took_seconds": sum(s["took_seconds"] for s in report["stages"]),
        "scores": _macros(evaluation),
        "sts": {
            "before": _sts(report, sts, 0),
            "after": _sts(report, sts, -1),
            "change": _sts_change(report, sts),
        }
        if sts
        else None,
        "seeds": [_of_seed(t, reports[t.recipe.name], opened, workspace) for t in all_seeds],
    }


def _of_seed(
    training: Training, report: Mapping[str, Any], opened: OpenedAblation, workspace: Workspace
) -> dict[str, Any]:
    scores = _macros(_evaluation(training, report, opened.task, workspace))
    spearman = (_sts(report, opened.ablation.sts, -1) or {}).get("spearman")
    return {"seed": training.seed, "scores": scores, "spearman": spearman}


def _sts(report: Mapping[str, Any], name: str | None, step: int) -> dict[str, Any] | None:
    return dict(report["evaluations"][step]["sts"][name]) if name else None


def _sts_change(report: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """From the base model to the last stage."""
    whole = (report["evaluations"][0]["after"], report["evaluations"][-1]["after"])
    return next(dict(c) for c in report["sts_changes"] if c["set"] == name and (c["from"], c["to"]) == whole)


def _comparison(
    evaluations: Sequence[Evaluation], workspace: Workspace, target: Path
) -> dict[str, Any] | None:
    """Paired tests of all pairs of variants; those against the first one are kept. None for a single variant.

    The first goes last, since a difference is the earlier model minus the later one. Holm's correction is over all
    pairs, which is stricter than the pairs shown need.
    """
    if len(evaluations) < 2:
        return None
    report = compare([*evaluations[1:], evaluations[0]], workspace, target)
    first = evaluations[0].name
    kept = [r for r in report["primary"] if r["b"] == first]
    return {**{k: v for k, v in report.items() if k != "exploratory"}, "primary": kept}


def _dimensions(
    opened: OpenedAblation, reports: Mapping[str, Mapping[str, Any]], workspace: Workspace, watch: Watch
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of every variant that is cut, and a sentence for dimensions that a model does not have."""
    rows: list[dict[str, Any]] = []
    notes = []
    scratch = replace(workspace, out=workspace.cache / "finetune" / "evaluations")
    for variant in opened.ablation.variants:
        if variant.name not in opened.ablation.is_cut:
            continue
        recipe = opened.of(variant)[0][0].recipe
        full = int(reports[recipe.name]["dim"])
        if large := ", ".join(str(d) for d in opened.ablation.dims if d > full):
            notes.append(f"{variant.name} has {full} dimensions; {large} of `dims` left out.")
        model = open_model(workspace, str(finetuned_folder(workspace, recipe.name) / "model"))
        refs = {}
        for dim in {full, *(d for d in opened.ablation.dims if d < full)}:
            variation = replace(model.variation, dim=None if dim == full else dim)
            refs[dim] = replace(model, slug=f"{recipe.name}+dim{dim}", variation=variation)
        for row in measure_dimensions(opened.task, refs, scratch, watch):
            folder = row.pop("run")
            found = read_evaluation(str(folder), workspace)
            rows.append({**row, "variant": variant.name, "scores": _macros(found)})
    return rows, notes


class VariantRecord(TrainingRecord):
    """Tells the tracking store of one training, and keeps the scores of the model it ended with."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        super().__init__(folders)
        self.last: dict[str, float] = {}

    def evaluated(self, after: str, task: Task, run_folder: Path, result: Mapping[str, Any]) -> None:
        """As any fine-tuning does."""
        super().evaluated(after, task, run_folder, result)
        self.last = self._scores[after, task.digest]


@contextlib.contextmanager
def variant_run(
    name: str, variant: str, seed: int, recipe: Mapping[str, Any], folders: Mapping[str, Path]
) -> Iterator[VariantRecord]:
    """A child run around one training; its stages and evaluations are child runs of it."""
    with child_run(name):
        log_tags({"variant": variant, "seed": str(seed)})
        log_params({f"recipe.{key}": str(value)[:500] for key, value in flat(recipe).items()})
        record = VariantRecord(folders)
        yield record
        log_metrics(record.last)  # so that the variants' runs can be compared in the UI


def log_ablation(report: Mapping[str, Any], folder: Path) -> None:
    """The variants' scores and all files, in the active run."""
    told = ("ablation", "recipe", "task_digest")
    log_tags({"kind": "ablation", **{key: str(report[key]) for key in told}})
    numbers: dict[str, float] = {}
    for variant in report["variants"]:
        numbers |= _numbers(variant["name"], variant["scores"])
        if variant["sts"]:
            numbers |= _known({f"{variant['name']}/sts_spearman": variant["sts"]["after"]["spearman"]})
    for row in report["dimensions"]:
        name = f"{row['variant']}/dim{row['dim']}"
        numbers |= _numbers(name, row["scores"])
        numbers |= {f"{name}/ms_per_query": row["ms"]["median"], f"{name}/bytes": float(row["bytes"])}
    log_metrics(numbers)
    log_folder(folder)


def _numbers(name: str, scores: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in scores:
        place = f"{name}/{row['kind']}/{row['pool']}/{row['measure']}"
        found |= _known({place: row["value"], **{f"{place}/{e}": row[e] for e in ("ci_low", "ci_high")}})
    return found


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {key: value for key, value in values.items() if value is not None}
