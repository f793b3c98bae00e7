"""`xlembed paradox`: is good retrieval within languages bought with bad retrieval across them, and who breaks that?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import open_workspace, settings_options, workspace_options

if TYPE_CHECKING:
    from xlembed.corpus.task import Task
    from xlembed.models.spec import ModelRef
    from xlembed.stages.compare import Evaluation
    from xlembed.stages.workspace import Workspace


@click.command()
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="Catalogue name, folder, Hub id or models:/name/1; repeatable (default: run.models of params.yaml).",
)
@click.option("-t", "--task", default=None, help="Task under data/, or a folder.")
@click.option("--experiment", default=None, help="MLflow experiment (default: the task's name).")
@click.option("--json", "as_json", is_flag=True, help="Print the report for scripts.")
@settings_options("paradox", "corpus", "encode", "index", "evaluate", "compare")
@workspace_options
def paradox(
    models: tuple[str, ...],
    task: str | None,
    experiment: str | None,
    as_json: bool,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Evaluate models and their variants on a task, run the paradox test, and print the verdict with its rule.

    Finished evaluations of the same vectors, task and settings are taken over; what is missing is evaluated, each in
    an MLflow run of its own. Writes reports/paradox/TASK/.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.report.document.paradox_grids import verdict_lines
    from xlembed.report.paradox_table import paradox_tables
    from xlembed.stages.paradox import paradox as stage
    from xlembed.stages.paradox import paradox_folder, plan_subjects
    from xlembed.tracking.log import log_tags, version_tags
    from xlembed.tracking.paradox import log_paradox
    from xlembed.tracking.runs import open_run

    workspace = open_workspace(params, out, options)
    declared = workspace.settings.run
    opened = workspace.open_task(task or declared.tasks[0])
    names = [name for given in models for name in given.split(",") if name] or list(declared.models)
    subjects, notes = plan_subjects(names, opened, workspace)
    console = open_console(stderr=as_json)
    folder = paradox_folder(workspace, opened.name)
    tags = {"task": opened.name, "kind": "paradox"}
    with open_run(
        workspace.root, task=opened.name, experiment=experiment, name="paradox", tags=tags
    ) as run_id:
        log_tags(version_tags(workspace.root, workspace.task_folder(task or declared.tasks[0])))
        evaluations = {s.name: _evaluation(opened, s.ref, workspace) for s in subjects}
        report = stage(opened, subjects, evaluations, workspace, notes)
        log_paradox(report, folder)
    if as_json:
        echo_json(report)
    else:
        for table in paradox_tables(report):
            print_table(console, table)
        for line in report["rule"]:
            print_line(console, f"Rule: {line}")
        for line in verdict_lines(report):
            print_line(console, line)
    print_line(open_console(stderr=True), f"MLflow run {run_id}, {folder}")


def _evaluation(task: Task, ref: ModelRef, workspace: Workspace) -> Evaluation:
    """The finished evaluation of these vectors and settings, or a new one in a child run."""
    from xlembed.cli.progress import Bars
    from xlembed.stages.compare import read_folder
    from xlembed.stages.evaluate import evaluate
    from xlembed.stages.paradox import stored_evaluation
    from xlembed.tracking.evaluation import log_evaluation, run_tags
    from xlembed.tracking.log import log_tags
    from xlembed.tracking.runs import child_run

    with Bars(ref.slug) as bars:
        found = stored_evaluation(task, ref, workspace, bars)
        if found is not None:
            return found
        with child_run(ref.slug):
            log_tags(run_tags(ref, task))
            result = evaluate(task, ref, workspace, bars)
            folder = workspace.run_folder(task.name, ref.slug)
            log_evaluation(folder, result)
    return read_folder(ref.slug, folder)
