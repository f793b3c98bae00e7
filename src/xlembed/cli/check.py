"""`xlembed check-queries`: can the questions of a task be believed, and which of them stay?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xlembed.cli.study import Asked, run_job, study

if TYPE_CHECKING:
    from xlembed.data.task import Task


@click.command()
@study(
    "check",
    json_help="Print verdicts and numbers for scripts.",
    task="Task or folder. [default: params.yaml's]",
)
@click.option(
    "--apply",
    "verdicts",
    default="",
    metavar="FILE",
    help="Write the task without the queries that this file rejects: queries.csv as edited, a workbook, .jsonl.",
)
@click.option("--name", default="", metavar="NAME", help="--apply: of the new task, written to data/NAME.")
@click.option(
    "--review",
    type=click.Choice(["keep", "drop"]),
    help="--apply: what becomes of queries that still say review.",
)
@click.option("--force", is_flag=True, help="--apply: replace a task of that name.")
def check_queries(asked: Asked, verdicts: str, name: str, review: str | None, force: bool) -> None:
    """Look at every question of a task: its language, copied words, length, copies, and whether it finds its document.

    \b
    xlembed check-queries -t asked     # writes reports/check/asked/queries.csv
    xlembed check-queries -t asked --apply queries.csv --name clean --review drop

    Edit the column verdict (accept, review, reject) before it is applied. Questions by people are looked at too.
    """  # noqa: D301 (\b keeps click from joining the examples' lines)
    from xlembed.check.job import FILE
    from xlembed.check.job import check_queries as stage
    from xlembed.check.tables import check_grids
    from xlembed.data.loading import load_whole
    from xlembed.tracking.log import Inputs
    from xlembed.tracking.opening import open_model
    from xlembed.words import UserError

    workspace = asked.workspace
    task = load_whole(workspace, asked.task_name)
    if verdicts:
        _apply(asked, task, Path(verdicts), name, review or "", force)
        return
    if name or review or force:
        raise UserError("--name, --review and --force go with --apply FILE")
    ref = open_model(workspace, workspace.settings.check.by)
    folder = workspace.reports("check", task.name)
    run_job(
        asked,
        lambda watch, run_id: stage(task, ref, workspace, watch),
        kind="check-queries",
        folder=folder,
        task=task.name,
        inputs=Inputs(workspace.settings, ("check",), task.name, asked.task_folder, task.digest),
        tables=check_grids,
        lines=lambda result: [
            f"Edit the verdicts in {folder / FILE}, then: xlembed check-queries -t {asked.task_name} "
            f"--apply {folder / FILE} --name NAME"
        ],
    )


def _apply(asked: Asked, task: Task, file: Path, name: str, review: str, force: bool) -> None:
    from xlembed.check.job import apply_verdicts, read_verdicts
    from xlembed.cli import echo_json
    from xlembed.cli.console import say
    from xlembed.data.summary import summarise
    from xlembed.data.writing import check_target, write_task
    from xlembed.words import UserError

    if not name:
        raise UserError("--name: what shall the new task be called?")
    folder = asked.workspace.root / "data" / name
    check_target(name, folder, force)
    found = read_verdicts(file, task)
    cleaned = apply_verdicts(task, found, str(file), name, review)
    write_task(cleaned, folder, force)
    if asked.as_json:
        echo_json(summarise(cleaned).to_json())
        return
    say(summarise(cleaned).text())
    if silent := len(task.queries) - len(found):
        say(f"\n{silent:,} queries have no verdict in {file} and stay.")
    say(f"\nWrote {folder}. Next: xlembed run -t {name}")
