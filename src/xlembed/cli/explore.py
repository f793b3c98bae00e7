"""`xlembed explore`: every query with the rankings of the evaluated models side by side, and why queries fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xlembed.cli.study import Asked, run_job, study

if TYPE_CHECKING:
    from xlembed.explore.result import Explored, Unjudged
    from xlembed.workspace import Watch


@click.command()
@study(
    *("explore", "index.engine", "compare.alpha"),
    named=("index",),
    models="; repeatable, or several with commas: evaluated models, the first two are A and B.",
    task="Evaluated task, or one without judgements. [default: the first of params.yaml]",
    unjudged=True,
    required=("model",),
    json_help="Print the numbers for scripts.",
)
@click.option("--language", default="", help="Only queries in these languages, de,en. [default: all]")
def explore(asked: Asked, language: str) -> None:
    """Say why queries fail, print ten that A finds and B does not, and write the page to look at them all.

    The page, reports/explore/TASK/index.html, opens in a browser without server or network. Of a task without
    judgements (xlembed import table ... --unjudged) it shows the rankings alone, where A and B differ most first.
    """
    from xlembed.cli.options import listed
    from xlembed.explore.job import explore as judged
    from xlembed.explore.tables import terminal_grids
    from xlembed.explore.unjudged import explore_unjudged
    from xlembed.tracking.log import Inputs, log_folder
    from xlembed.tracking.runs import newest_comparison

    workspace, task = asked.workspace, asked.task
    folder = workspace.reports("explore", task.name)
    stage = explore_unjudged if task.unjudged else judged

    def work(watch: Watch, run_id: str) -> Explored | Unjudged:
        result = stage(task, asked.models, workspace, listed((language,)), watch)
        if compared := newest_comparison(task.name, result.models):
            log_folder(folder, "explore", compared)
        return result

    run_job(
        asked,
        work,
        kind="explore",
        folder=folder,
        inputs=Inputs(workspace.settings, ("explore",), task.name, asked.task_folder, task.digest),
        tables=terminal_grids,
        lines=lambda result: [f"look at every query: {folder / 'index.html'}"],
    )
