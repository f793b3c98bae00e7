"""`xlembed report`: everything known about the models on a task, as HTML, Markdown, LaTeX and a paper."""

from __future__ import annotations

import click

from xlembed.cli.options import open_workspace, workspace_options


@click.command()
@click.option("-t", "--task", default=None, help="Evaluated task. [default: every task of params.yaml]")
@click.option("-m", "--model", "models", multiple=True, help="Only these. [default: all that were evaluated]")
@workspace_options
def report(task: str | None, models: tuple[str, ...], params: str | None, out: str | None) -> None:
    """Write reports/report/TASK/."""
    from xlembed.cli.console import open_console, print_line
    from xlembed.cli.progress import Bars
    from xlembed.stages.report import report as stage
    from xlembed.stages.report import report_folder

    workspace = open_workspace(params, out, {})
    names = [name for given in models for name in given.split(",") if name]
    opened = workspace.open_task(task or workspace.settings.run.tasks[0])
    with Bars("report") as bars:
        stage(opened, names, workspace, bars)
    print_line(open_console(), f"written to {report_folder(workspace, opened.name)}")
