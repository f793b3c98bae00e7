"""`xlembed run`: encode, index, evaluate and track; several models give one MLflow run each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import listed, skip
from xlembed.cli.study import Asked, show_tables, study, told

if TYPE_CHECKING:
    from pathlib import Path

    from xlembed.data.task import Task
    from xlembed.models.spec import ModelRef
    from xlembed.workspace import Workspace


@click.command()
@study(
    *("corpus", "encode", "index", "evaluate"),
    models="; repeatable.",
    task=None,
    variation=True,
    json_help="Print what results/TASK/MODEL.details.json holds.",
)
@click.option(
    "-t", "--task", "tasks", metavar="TASK", multiple=True, help="Task under data/, or a folder; repeatable."
)
def run(asked: Asked, tasks: tuple[str, ...]) -> None:
    """Encode, index and evaluate models on tasks; everything is tracked in MLflow."""
    from xlembed.cli import echo_json
    from xlembed.data.loading import task_folder
    from xlembed.files import rounded
    from xlembed.models.hub import locate
    from xlembed.settings import RunSettings
    from xlembed.words import UserError

    names = list(dict.fromkeys(listed(tasks))) or [RunSettings().tasks[0]]
    opened = [_open(asked, name) for name in names]
    failed: list[str] = []
    if asked.workspace.settings.encode.backend == "ray" and sum(len(refs) for _, refs in opened) > 1:
        from xlembed.cli.run_pairs import run_pairs

        pairs = [(name, task, ref) for name, (task, refs) in zip(names, opened, strict=True) for ref in refs]
        results, failed = run_pairs(asked, pairs)
    else:
        results = []
        for name, (task, refs) in zip(names, opened, strict=True):
            folder = task_folder(asked.workspace, name)
            for ref in refs[1:]:  # the first model's turn comes at once, and its failure is recorded
                for part in (ref, *([ref.reranker] if ref.reranker else [])):
                    if part.card.has_files:
                        locate(part, asked.workspace.settings.encode.trust_remote_code)
            results += [_run_one(asked, task, ref, folder) for ref in refs]
    if asked.as_json:
        echo_json(rounded(results[0] if len(results) == 1 else results))
    else:
        for task, _ in opened:
            done = [result["model"] for result in results if result["task"] == task.name]
            if done:
                _print_tables(asked.workspace, task.name, done)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(pairs)} pairs failed, the others are written:\n" + "\n".join(failed)
        )


def _open(asked: Asked, name: str) -> tuple[Task, list[ModelRef]]:
    """A task, and the models that can be evaluated on it."""
    from xlembed.cli.console import open_console, print_warning
    from xlembed.data.loading import open_task
    from xlembed.models.safety import check_kinds
    from xlembed.settings import RunSettings

    workspace = asked.workspace
    opened = open_task(workspace, name)
    refs = asked.refs(RunSettings().models)
    for ref in refs:
        check_kinds(ref, workspace.settings.index.engine)
    refs = _not_skipped(refs, opened.name, workspace)
    for note in opened.notes:
        print_warning(open_console(stderr=True), f"{opened.name}: {note}")
    return opened, refs


def _run_one(asked: Asked, task: Task, ref: ModelRef, folder: Path) -> dict[str, Any]:
    """One model: an MLflow run; `folder`: where the task was read from."""
    from xlembed.cli.progress import Bars
    from xlembed.evaluate.eight_bits import check_eight_bits
    from xlembed.evaluate.encode import encode
    from xlembed.evaluate.index import index
    from xlembed.evaluate.job import evaluate
    from xlembed.tracking.evaluation import evaluation_inputs, log_evaluation, run_tags
    from xlembed.tracking.log import log_inputs, log_json, log_metrics
    from xlembed.tracking.runs import open_run, stage

    workspace, tags, experiment = asked.workspace, run_tags(ref, task), asked.experiment
    with (
        open_run(workspace.root, task=task.name, experiment=experiment, name=ref.slug, tags=tags) as run_id,
        Bars(ref.slug) as bars,
    ):
        log_inputs(evaluation_inputs(workspace.settings, ref, task, folder), workspace.root)
        seconds: dict[str, float] = {}
        with stage("encode", seconds):
            checked = check_eight_bits(task, ref, workspace, bars)
            encoded = encode(task, ref, workspace, bars)
        with stage("index", seconds):
            index(task, ref, workspace, bars, run_id)
        with stage("evaluate", seconds):
            result = evaluate(task, ref, workspace, bars)
        log_evaluation(workspace.run_folder(task.name, ref.slug))  # first: the UI shows metrics in this order
        log_metrics({**encoded.speed_metrics(), **seconds, "speed/total_seconds": sum(seconds.values())})
        log_json(encoded.to_json(), "speed.json")
    n_new, headline = encoded.n_encoded, workspace.result_file(task.name, ref.slug)
    for text in filter(None, (checked, encoded.spent)):
        told(text)
    told(f"{ref.slug}: {n_new:,} texts encoded, MLflow run {run_id}, {headline}")
    return result


def _not_skipped(refs: list[ModelRef], task: str, workspace: Workspace) -> list[ModelRef]:
    """Models that this machine can have; an evaluation from elsewhere stays where it is.

    Raises:
        UserError: there is none.
    """
    from xlembed.evaluate.skipping import why_skipped
    from xlembed.words import UserError

    kept = []
    for ref in refs:
        places = (workspace.run_folder, workspace.result_file, workspace.details_file)
        folder, *files = (place(task, ref.slug) for place in places)
        if not skip(ref, *([] if (folder / "units.parquet").is_file() else [folder, *files])):
            kept.append(ref)
    if not kept:
        raise UserError(f"nothing to run: {'; '.join(filter(None, map(why_skipped, refs)))}")
    return kept


def _print_tables(workspace: Workspace, task: str, models: list[str]) -> None:
    from xlembed.evaluate.language_tables import language_aware_table
    from xlembed.evaluate.tables import index_table, language_table, scores_table
    from xlembed.stats.scorebook import ScoreBook

    books = [
        ScoreBook.read(workspace.run_folder(task, model) / "scores.json", "evaluate it again")
        for model in models
    ]
    tables = [scores_table(books), *(language_table(book) for book in books if len(books) == 1)]
    if mixed := language_aware_table(books, brief=True):
        tables.append(mixed)
    show_tables([*tables, *(index_table(book) for book in books if book.index_fidelity)], ())
