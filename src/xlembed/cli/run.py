"""`xlembed run`: encode, index, evaluate and track; several models give one MLflow run each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.evaluating import JSON_HELP, force_option, recorded, reused
from xlembed.cli.options import skip
from xlembed.cli.study import Asked, show_tables, study, told

if TYPE_CHECKING:
    from pathlib import Path

    from xlembed.data.task import Task
    from xlembed.evaluate.reuse import Reuse
    from xlembed.models.spec import ModelRef
    from xlembed.stages import Stages
    from xlembed.workspace import Watch, Workspace


@click.command()
@study(
    *("corpus", "encode", "index", "evaluate"),
    models="; repeatable.",
    task=None,
    variation=True,
    json_help=JSON_HELP,
)
@click.option("-t", "--task", metavar="TASK", default=None, help="Task under data/, or a folder.")
@force_option
def run(asked: Asked, task: str | None, force: bool) -> None:
    """Encode, index and evaluate models on a task; everything is tracked in MLflow."""
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_warning
    from xlembed.data.folders import find_task
    from xlembed.evaluate.reuse import Reuse
    from xlembed.evaluate.skipping import why_skipped
    from xlembed.files import rounded
    from xlembed.models.hub import locate
    from xlembed.models.kinds import check_kinds
    from xlembed.settings import RunSettings
    from xlembed.words import UserError

    workspace, defaults = asked.workspace, RunSettings()
    name = task or defaults.tasks[0]
    folder = find_task(name, workspace.root / "data")
    refs = asked.refs(defaults.models)
    for ref in refs:
        check_kinds(ref, workspace.settings.index.engine)
    reuses = {ref.slug: Reuse(workspace, name, ref, "run") for ref in refs}
    there = {} if force else {slug: found for slug, of in reuses.items() if (found := of.find())}
    opened = None if len(there) == len(reuses) else _open(workspace, name)
    known = opened or next(iter(there.values()))
    refs = [ref for ref in refs if ref.slug in there or not _skipped(ref, known.name, workspace)]
    if not refs:
        raise UserError(
            f"nothing to run: {'; '.join(filter(None, map(why_skipped, asked.refs(defaults.models))))}"
        )
    for ref in refs[1:]:  # the first model's turn comes at once, and its failure is recorded
        for part in (ref, *([ref.reranker] if ref.reranker else [])):
            if part.card.has_files and ref.slug not in there:
                locate(part, workspace.settings.encode.trust_remote_code)
    for note in known.notes:
        print_warning(open_console(stderr=True), f"{known.name}: {note}")
    results = []
    for ref in refs:
        reuse = reuses[ref.slug]
        if found := there.get(ref.slug):
            results.append(reused(asked, ref, reuse, found, folder))
        elif opened is not None:
            results.append(_run_one(asked, opened, ref, folder, reuse))
    if asked.as_json:
        echo_json(rounded(results[0] if len(results) == 1 else results))
    else:
        _print_tables(workspace, known.name, [ref.slug for ref in refs])


def _open(workspace: Workspace, name: str) -> Task:
    from xlembed.data.loading import open_task  # not where all is there already

    return open_task(workspace, name)


def _run_one(asked: Asked, task: Task, ref: ModelRef, folder: Path, reuse: Reuse) -> dict[str, Any]:
    """One model: an MLflow run; `folder`: where the task was read from."""
    workspace = asked.workspace
    n_new, notes = 0, [""]

    def work(bars: Watch, stages: Stages, run_id: str) -> dict[str, Any]:
        from xlembed.evaluate.eight_bits import check_eight_bits
        from xlembed.evaluate.encode import encode
        from xlembed.evaluate.index import index
        from xlembed.evaluate.job import evaluate
        from xlembed.tracking.log import log_json, log_metrics
        from xlembed.tracking.runs import begin_stage

        nonlocal n_new, notes
        begin_stage("encode")
        with stages("encode"):
            checked = check_eight_bits(task, ref, workspace, bars)
            encoded = encode(task, ref, workspace, bars)
        n_new, notes = encoded.n_encoded, [checked, encoded.spent]
        begin_stage("index")
        with stages("index"):
            index(task, ref, workspace, bars, run_id)
        begin_stage("evaluate")
        result = evaluate(task, ref, workspace, bars, stages)
        with stages("logging"):
            log_metrics(encoded.speed_metrics())
            log_json({**encoded.to_json(), **stages.to_json()}, "speed.json")
        return result

    run_id, result = recorded(asked, task, ref, folder, work)
    reuse.note(task, result)
    for text in filter(None, notes):
        told(text)
    headline = workspace.result_file(task.name, ref.slug)
    told(f"{ref.slug}: {n_new:,} texts encoded, MLflow run {run_id}, {headline}")
    return result


def _skipped(ref: ModelRef, task: str, workspace: Workspace) -> bool:
    """Whether this machine cannot have the model; an evaluation from elsewhere stays where it is."""
    places = (workspace.run_folder, workspace.result_file, workspace.details_file)
    folder, *files = (place(task, ref.slug) for place in places)
    return skip(ref, *([] if (folder / "units.parquet").is_file() else [folder, *files]))


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
