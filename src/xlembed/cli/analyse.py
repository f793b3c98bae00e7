"""`xlembed analyse`: the geometry of models' vectors of a task, morphology, tokens, sanity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import (
    open_ref,
    open_workspace,
    settings_options,
    skip,
    variation_options,
    workspace_options,
)

if TYPE_CHECKING:
    from xlembed.corpus.task import Task
    from xlembed.models.spec import ModelRef
    from xlembed.stages.workspace import Workspace


@click.command()
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    required=True,
    help="Catalogue name, folder, Hub id or models:/name/1; repeatable, comma-separated.",
)
@click.option("-t", "--task", required=True, help="Task under data/, or a folder.")
@click.option("--experiment", default=None, help="MLflow experiment (default: the task's name).")
@click.option("--json", "as_json", is_flag=True, help="Print what analysis/TASK/MODEL/analysis.json holds.")
@variation_options
@settings_options("corpus", "encode", "analyse")
@workspace_options
def analyse(
    models: tuple[str, ...],
    task: str,
    experiment: str | None,
    as_json: bool,
    dim: str | None,
    max_tokens: str | None,
    dtype: str | None,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Look at models' vectors: are languages kept apart, are translations near, what do words and tokens tell?

    Writes analysis/TASK/MODEL/; several models are also drawn side by side, in reports/analysis/TASK/.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.report.analysis_table import analysis_tables
    from xlembed.tracking.runs import open_run
    from xlembed.types import UserError

    workspace = open_workspace(params, out, options)
    opened = workspace.open_task(task)
    names = list(dict.fromkeys(name for given in models for name in given.split(",") if name))
    if not names:
        raise UserError("-m: expected at least one model")
    # Every name is resolved before any work starts: a typo in the third model costs no hour.
    refs = [open_ref(workspace, name, dim, max_tokens, dtype) for name in names]
    refs = [ref for ref in refs if not skip(ref, workspace.analysis_folder(opened.name, ref.slug))]
    if not refs:
        return
    tags = {"task": opened.name, "kind": "analyse"}
    name = refs[0].slug if len(refs) == 1 else "analyse"
    with open_run(workspace.root, task=opened.name, experiment=experiment, name=name, tags=tags) as run_id:
        reports = _analyse_all(refs, opened, task, workspace)
    if as_json:
        echo_json(reports[0] if len(reports) == 1 else reports)
        return
    console = open_console()
    for table in analysis_tables(reports):
        print_table(console, table)
    for ref, report in zip(refs, reports, strict=True):
        for note in report.get("notes", ()):
            print_line(console, f"{ref.slug}: {note}")
        if not report["vectors"]:
            print_line(console, f"{ref.slug} finds texts by their words: there are no vectors to look at")
    places = [workspace.analysis_folder(opened.name, ref.slug) for ref in refs]
    print_line(console, f"MLflow run {run_id}; written to {', '.join(map(str, places))}")


def _analyse_all(refs: list[ModelRef], task: Task, name: str, workspace: Workspace) -> list[dict[str, Any]]:
    """One model in the open run; several in a child run each, with their comparison in the open one."""
    from contextlib import nullcontext

    from xlembed.cli.progress import Bars
    from xlembed.stages.analyse import analyse as stage
    from xlembed.stages.analyse import compare_analyses
    from xlembed.tracking.analysing import log_analysis, log_analysis_inputs
    from xlembed.tracking.log import log_folder
    from xlembed.tracking.runs import child_run

    reports = []
    for ref in refs:
        run = nullcontext() if len(refs) == 1 else child_run(ref.slug)
        with run, Bars(ref.slug) as bars:
            log_analysis_inputs(workspace.settings, ref, task, workspace.root, workspace.task_folder(name))
            report = stage(task, ref, workspace, bars)
            log_analysis(report, workspace.analysis_folder(task.name, ref.slug))
        reports.append(report)
    if len(refs) > 1:
        log_folder(compare_analyses(task, refs, workspace))
    return reports
