"""`xlembed run`: encode, index, evaluate and track; several models give one MLflow run each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.evaluating import JSON_HELP, force_option, recorded, reused
from xlembed.cli.options import listed, skip
from xlembed.cli.study import Asked, show_tables, study, told

if TYPE_CHECKING:
    from pathlib import Path

    from xlembed.data.task import Task
    from xlembed.evaluate.reuse import Finished, Reuse
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
@click.option(
    "-t", "--task", "tasks", metavar="TASK", multiple=True, help="Task under data/, or a folder; repeatable."
)
@force_option
def run(asked: Asked, tasks: tuple[str, ...], force: bool) -> None:
    """Encode, index and evaluate models on tasks; everything is tracked in MLflow."""
    from xlembed.cli import echo_json
    from xlembed.data.folders import find_task
    from xlembed.files import rounded
    from xlembed.settings import RunSettings
    from xlembed.words import UserError

    data, asked_for = asked.workspace.root / "data", listed(tasks) or [RunSettings().tasks[0]]
    names: dict[Path, str] = {}
    for name in asked_for:
        names.setdefault(find_task(name, data).resolve(), name)
    plans = [_plan(asked, name, force) for name in names.values()]
    pairs = [
        (plan.name, plan.opened, ref, plan.reuses[ref.slug])
        for plan in plans
        if plan.opened
        for ref in plan.refs
        if ref.slug not in plan.there
    ]
    elsewhere = asked.workspace.settings.encode.backend == "ray" and len(pairs) > 1
    results = [result for plan in plans for result in _run_plan(asked, plan, there_only=elsewhere)]
    failed: list[str] = []
    if elsewhere:
        from xlembed.cli.run_pairs import run_pairs

        more, failed = run_pairs(asked, pairs)
        results += more
    if asked.as_json:
        echo_json(rounded(results[0] if len(results) == 1 else results))
    else:
        for plan in plans:
            done = {result["model"] for result in results if result["task"] == plan.known.name}
            if done:
                slugs = [ref.slug for ref in plan.refs if ref.slug in done]
                _print_tables(asked.workspace, plan.known.name, slugs)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(pairs)} pairs failed, the others are written:\n" + "\n".join(failed)
        )


@dataclass(frozen=True)
class _Plan:
    """What is to be done on a task.

    Attributes:
        name: as it was asked for.
        folder: it is read from.
        opened: the task; None where all evaluations of it are there already.
        refs: models that this machine can have.
        reuses: their evaluations, by their names.
        there: those that are there already.
    """

    name: str
    folder: Path
    opened: Task | None
    refs: Sequence[ModelRef]
    reuses: Mapping[str, Reuse]
    there: Mapping[str, Finished]

    @property
    def known(self) -> Task | Finished:
        """What is known of the task without reading it, if that is enough."""
        return self.opened or next(iter(self.there.values()))


def _plan(asked: Asked, name: str, force: bool) -> _Plan:
    """Look for what is there; read the task where that is not all.

    Raises:
        UserError: an unknown task or model, or none of the models can be had here.
    """
    from xlembed.cli.console import open_console, print_warning
    from xlembed.data.folders import find_task
    from xlembed.evaluate.reuse import Reuse
    from xlembed.evaluate.skipping import why_skipped
    from xlembed.models.safety import check_kinds
    from xlembed.settings import RunSettings
    from xlembed.words import UserError

    workspace = asked.workspace
    folder = find_task(name, workspace.root / "data")
    refs = asked.refs(RunSettings().models)
    for ref in refs:
        check_kinds(ref, workspace.settings.index.engine)
    reuses = {ref.slug: Reuse(workspace, name, ref, "run") for ref in refs}
    there = {} if force else {slug: found for slug, of in reuses.items() if (found := of.find())}
    opened = None
    if len(there) < len(reuses):
        from xlembed.data.loading import open_task

        opened = open_task(workspace, name)
    plan = _Plan(name, folder, opened, refs, reuses, there)
    kept = [ref for ref in refs if ref.slug in there or not _skipped(ref, plan.known.name, workspace)]
    if not kept:
        raise UserError(f"nothing to run: {'; '.join(filter(None, map(why_skipped, refs)))}")
    for note in plan.known.notes:
        print_warning(open_console(stderr=True), f"{plan.known.name}: {note}")
    return replace(plan, refs=kept)


def _run_plan(asked: Asked, plan: _Plan, there_only: bool) -> Iterator[dict[str, Any]]:
    """The results of a task's models, in order; `there_only`: of those that are there already."""
    from xlembed.models.hub import locate

    # The first model's turn comes at once, and its failure is recorded.
    for ref in () if there_only else plan.refs[1:]:
        for part in (ref, *([ref.reranker] if ref.reranker else [])):
            if part.card.has_files and ref.slug not in plan.there:
                locate(part, asked.workspace.settings.encode.trust_remote_code)
    for ref in plan.refs:
        reuse = plan.reuses[ref.slug]
        if finished := plan.there.get(ref.slug):
            yield reused(asked, ref, reuse, finished, plan.folder)
        elif plan.opened and not there_only:
            yield _run_one(asked, plan.opened, ref, plan.folder, reuse)


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
