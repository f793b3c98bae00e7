"""Stage finetune: a recipe -> finetuned/NAME/, with evaluations before the first training stage and after each."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from xlembed.data.task import Task
from xlembed.data.text_digest import text_digest
from xlembed.evaluate.compare import compare, read_evaluation
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.files import atomic_folder, write_json
from xlembed.finetune.recipe_loading import Opened, Record, Unrecorded, recipe_to_yaml
from xlembed.finetune.stage import TrainedStage, train_recipe_stage
from xlembed.finetune.sts import measure_sts, retrieval_against_sts, sts_change
from xlembed.finetune.tables import danger_lines, write_finetuning_report
from xlembed.measures import Measure, parse_measure
from xlembed.models.spec import ModelRef
from xlembed.stats.bootstrap import N_RESAMPLES
from xlembed.stats.comparison import Evaluated, align
from xlembed.stats.evaluation import cell_layout, number_json
from xlembed.stats.paired import difference_cells
from xlembed.stats.scorebook import ScoreBook
from xlembed.tracking.opening import open_model
from xlembed.workspace import Watch, Workspace, unwatched

FORMAT = 1
BASE = "base"
"""What the model is called before the first training stage."""
TEXTS = "text_digests.txt"
UNKEPT = {"took_seconds": None, "peak_memory_mb": None, "reused": False}
"""Of a stage, what would make two equal trainings differ in their files; MLflow has it."""


@dataclass
class _Measured:
    """Evaluations and STS of the model after one stage."""

    after: str
    ref: ModelRef
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    sts: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        sts = {name: found.to_json() for name, found in self.sts.items()}
        return {"after": self.after, "model": self.ref.slug, "tasks": self.tasks, "sts": sts}


def finetuned_folder(workspace: Workspace, name: str) -> Path:
    """Where the result of a recipe goes."""
    return workspace.out / "finetuned" / name


def finetune(
    opened: Opened, workspace: Workspace, watch: Watch = unwatched, record: Record | None = None
) -> dict[str, Any]:
    """Train stage by stage, measure before and after, and write finetuned/NAME/.

    A stage that was finished before, here or for another recipe that begins alike, is taken from the cache; an
    interrupted one goes on from its last checkpoint.

    Returns:
        What report.json holds.

    Raises:
        UserError: bad data, or a model that cannot be built as the recipe says.
    """
    recipe, record = opened.recipe, record or Unrecorded()
    base = replace(opened.base, slug=f"{recipe.name}.{BASE}")
    measured = [_measure(BASE, base, opened, workspace, watch, record)]
    trained: list[TrainedStage] = []
    for number, stage in enumerate(recipe.stages, 1):
        before = trained[-1] if trained else None
        settings = stage.model_dump(mode="json")
        with record.training(stage.name, settings) as log:

            def built(rows: Sequence[Mapping[str, Any]], name: str = stage.name) -> None:
                record.built(name, rows)

            done = train_recipe_stage(opened, number - 1, before, workspace, watch, log, built)
        trained.append(done)
        ref = replace(open_model(workspace, str(done.model)), slug=f"{recipe.name}.{number}-{stage.name}")
        ref = replace(ref, card=ref.card.model_copy(update={"name": ref.slug}))
        measured.append(_measure(stage.name, ref, opened, workspace, watch, record))
    with atomic_folder(finetuned_folder(workspace, recipe.name)) as folder:
        report = _write(opened, trained, measured, workspace, folder)
    headline = _headline(opened, measured[-1], finetuned_folder(workspace, recipe.name))
    write_json(workspace.out / "results" / f"finetune-{recipe.name}.json", headline)
    return report


def _headline(opened: Opened, last: _Measured, folder: Path) -> dict[str, Any]:
    """What goes into results/: the last stage's model on the recipe's first task; report.json has all the rest."""
    if not opened.tasks:
        return {}
    task = opened.tasks[0].name
    scores = folder / "runs" / task / last.ref.slug / "scores.json"
    return {"task": task, **ScoreBook.read(scores, "fine-tune again").headline()}


def _scratch(workspace: Workspace) -> Workspace:
    """Evaluations are built in the cache; only what belongs to the result is copied."""
    return replace(workspace, out=workspace.cache / "finetune" / "evaluations")


def _measure(
    after: str, ref: ModelRef, opened: Opened, workspace: Workspace, watch: Watch, record: Record
) -> _Measured:
    def tell(what: str, done: int, total: int) -> None:
        watch(f"{after}: {what}", done, total)

    scratch, found = _scratch(workspace), _Measured(after, ref)
    for task in opened.tasks:
        encode(task, ref, scratch, tell)
        index(task, ref, scratch, tell)
        found.tasks[task.name] = evaluate(task, ref, scratch, tell)
        record.evaluated(after, task, scratch.run_folder(task.name, ref.slug), found.tasks[task.name])
    for name in opened.recipe.evaluate.sts:
        found.sts[name] = measure_sts(ref, opened.sets[name], scratch, tell)
    return found


def _write(
    opened: Opened,
    trained: Sequence[TrainedStage],
    measured: Sequence[_Measured],
    workspace: Workspace,
    folder: Path,
) -> dict[str, Any]:
    """All files of the result."""
    recipe, scratch = opened.recipe, _scratch(workspace)
    shutil.copytree(trained[-1].model, folder / "model")
    (folder / "recipe.yaml").write_text(recipe_to_yaml(recipe), encoding="utf-8")
    (folder / TEXTS).write_text("".join(f"{d}\n" for d in trained[-1].texts), encoding="utf-8")
    for task in opened.tasks:
        for m in measured:
            place = folder / "runs" / task.name / m.ref.slug
            shutil.copytree(scratch.run_folder(task.name, m.ref.slug), place)
    report: dict[str, Any] = {
        "format": FORMAT,
        "recipe": recipe.name,
        "description": recipe.description,
        "base": recipe.base,
        "base_slug": opened.base.slug,
        "languages": list(trained[-1].languages),
        "dim": trained[-1].dim,
        "key": trained[-1].key,
        "trainable": list(trained[0].trainable),
        "stages": [t.to_json() for t in trained],
        "evaluations": [m.to_json() for m in measured],
        "changes": [change for task in opened.tasks for change in _changes(task, measured, scratch, folder)],
        **_sts_changes(opened, measured, scratch),
        "shared_texts": _shared_texts(opened, trained[-1].texts),
    }
    report["warnings"] = danger_lines(report)
    kept = {**report, "stages": [{**stage, **UNKEPT} for stage in report["stages"]]}
    write_json(folder / "report.json", kept)
    write_finetuning_report(kept, folder)
    return report


def _steps(measured: Sequence[_Measured]) -> list[tuple[_Measured, _Measured]]:
    """Each stage against the one before, then the last against the base."""
    pairs = list(itertools.pairwise(measured))
    return pairs if len(measured) < 3 else [*pairs, (measured[0], measured[-1])]


def _changes(
    task: Task, measured: Sequence[_Measured], scratch: Workspace, folder: Path
) -> list[dict[str, Any]]:
    """Paired tests between the models before and after (one Holm family), and what was learned beside them."""
    # The later model first: differences are then after - before.
    evaluations = {m.after: read_evaluation(f"{task.name}/{m.ref.slug}", scratch) for m in reversed(measured)}
    report = compare(list(evaluations.values()), scratch, folder / "changes" / task.name)
    found = []
    for before, after in _steps(measured):
        old, new = evaluations[before.after], evaluations[after.after]
        learned = learned_differences(
            old.evaluated(),
            new.evaluated(),
            parse_measure(report["primary_measure"]),
            n_resamples=old.scores["evaluate"]["resamples"],
        )
        rows = [r for r in report["primary"] if (r["a"], r["b"]) == (new.name, old.name)]
        steps = {"from": before.after, "to": after.after, "task": task.name}
        labels = {name: of for name, of in report["labels"].items() if of and name in (old.name, new.name)}
        found.append({**steps, "rows": rows, "learned": learned, "labels": labels})
    return found


def _sts_changes(opened: Opened, measured: Sequence[_Measured], scratch: Workspace) -> dict[str, Any]:
    changes, related = [], []
    for name in opened.recipe.evaluate.sts:
        for before, after in _steps(measured):
            change = sts_change(before.sts[name], after.sts[name])
            changes.append({"from": before.after, "to": after.after, "set": name, **change})
        for task in opened.tasks:
            found = retrieval_against_sts(task, opened.sets[name], measured[0].ref, measured[-1].ref, scratch)
            related.append({"task": task.name, "set": name, **found})
    return {"sts_changes": changes, "retrieval_vs_sts": related}


def _shared_texts(opened: Opened, texts: Sequence[str]) -> dict[str, int]:
    """How many texts of each evaluation task and scored set were trained on: its scores are then no test."""
    known = set(texts)
    sets = opened.recipe.evaluate.sts
    found = {f"similarity on {name}": len(opened.sets[name].text_digests() & known) for name in sets}
    for task in opened.tasks:
        digests = {text_digest(d.text) for d in task.documents} | {text_digest(q.text) for q in task.queries}
        found[task.name] = len(digests & known)
    return found


def learned_differences(
    before: Evaluated, after: Evaluated, measure: Measure, n_resamples: int = N_RESAMPLES
) -> list[dict[str, Any]]:
    """Paired differences after - before in every cell that only `after` supports.

    A test against a model that was never made for a language shows nothing about a method, so these rows carry the
    label of the model before, an unadjusted 95 % cluster bootstrap interval, and no p. Cells in languages that `after`
    does not support either are left out.

    Returns:
        Rows with `kind`, `pool`, `query_lang`, `doc_lang`, `measure`, `before`, `after`, `difference`, its interval and
        counts, and `label`.

    Raises:
        UserError: the two were evaluated on different units.
    """
    (first, second), _ = align([after, before], intersect=False)
    languages = first.units[["query_lang", "doc_lang"]]
    known = ~languages.isin(list(after.unsupported)).any(axis=1)
    new = languages.isin(list(before.unsupported)).any(axis=1)
    keep = (known & new).to_numpy()
    if not keep.any():
        return []
    cells = cell_layout(first.units[keep], sorted(set(first.units["cluster"])))
    values_after = first.units.loc[keep, [measure.column]].to_numpy(dtype=np.float64)
    values_before = second.units.loc[keep, [measure.column]].to_numpy(dtype=np.float64)
    differences = difference_cells(cells.layout, values_after, values_before, n_resamples=n_resamples)
    rows = []
    for i, (kind, pool, query_lang, doc_lang) in enumerate(cells.cells):
        difference = differences.cells[i][0]
        if difference is None:
            continue
        inside = cells.layout.cells == i
        row = number_json(difference)
        labels = {before.unsupported[x] for x in (query_lang, doc_lang) if x in before.unsupported}
        rows.append(
            {
                **{"kind": kind, "pool": pool, "query_lang": query_lang, "doc_lang": doc_lang},
                "measure": measure.name,
                "before": round(float(values_before[inside].mean()), 6),
                "after": round(float(values_after[inside].mean()), 6),
                "difference": row.pop("value"),
                **row,
                "label": "; ".join(sorted(labels)),
            }
        )
    return rows
