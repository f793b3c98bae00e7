"""`xlembed report`: everything known about the models on a task, as HTML, Markdown, LaTeX and a paper."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from xlembed.cli.options import check_declared, listed, open_workspace, without_skipped, workspace_options
from xlembed.cli.study import describe_run, show_tables, told

if TYPE_CHECKING:
    from xlembed.workspace import Workspace


@click.command()
@click.option(
    "-t", "--task", default="", help="Evaluated task. [default: the tasks and models of params.yaml]"
)
@click.option(
    "-m",
    "--model",
    "--models",
    "models",
    multiple=True,
    help="Only these. [default: all evaluated]",
)
@click.option(
    "--pdf",
    default="",
    is_flag=False,
    flag_value="true",
    help="Build the paper if LaTeX is installed (true or false).",
)
@workspace_options
def report(task: str, models: tuple[str, ...], pdf: str, params: str | None, out: str | None) -> None:
    """Write reports/report/TASK/: report.html, report.md, tables for LaTeX and a paper that fills itself in.

    The page's first screen says which model to take for which use and how sure that is. Tests and verdicts are computed
    from the stored units; what `xlembed paradox` and `analyse` found is taken over if it is there.
    """
    from xlembed.words import UserError

    if pdf not in ("", "true", "false"):
        raise UserError(f"--pdf: expected true or false, found {pdf!r}")
    workspace = open_workspace(params, out, {})
    names = listed(models)
    declared = workspace.settings.run
    if task:
        wanted = {task: names}
    else:
        check_declared(workspace)
        wanted = {t: names or without_skipped(workspace, t, declared.models) for t in declared.tasks}
    made = [_report(name, of, workspace, pdf == "true") for name, of in wanted.items()]
    if not all(made):
        sys.exit(1)


def _report(task: str, models: list[str], workspace: Workspace, pdf: bool) -> bool:
    """One report and its MLflow run; False if LaTeX is there and failed."""
    from xlembed.cli.progress import Bars
    from xlembed.data.loading import open_task
    from xlembed.report.job import report as stage
    from xlembed.tracking.log import log_folder, log_params, log_tags
    from xlembed.tracking.runs import open_run

    opened = open_task(workspace, task)
    folder = workspace.reports("report", opened.name)
    tags = {"task": opened.name, "kind": "report"}
    with open_run(workspace.root, task=opened.name, name="report", tags=tags) as run_id:
        with Bars("report") as bars:
            written = stage(opened, models, workspace, bars, pdf=pdf)
        verdicts = written.document.verdicts
        log_params({"report.models": ",".join(written.document.models)[:6000]})
        log_tags({f"verdict.{v.scenario}": v.said for v in verdicts})
        log_folder(folder)
        built = [written.pdf.text] if written.pdf is not None else []
        lines = [*(f"{v.title}: {v.said}" for v in verdicts), *built]
        describe_run(opened.name, written.document.models, [written.document.headline], lines, folder)
    show_tables((), lines)
    told(f"MLflow run {run_id}, {folder}")
    return written.pdf is None or written.pdf.made or not written.pdf.tried
