"""`xlembed paradox`: is good retrieval within languages bought with bad retrieval across them, and who breaks that?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xlembed.cli.study import Asked, describe_run, show_tables, study, told

if TYPE_CHECKING:
    from xlembed.data.task import Task
    from xlembed.evaluate.compare import Evaluation
    from xlembed.models.spec import ModelRef
    from xlembed.workspace import Workspace


@click.command()
@study(
    *("paradox", "corpus", "encode", "index", "evaluate", "compare"),
    models="; repeatable (default: run.models of params.yaml).",
    json_help="Print the report for scripts.",
)
def paradox(asked: Asked) -> None:
    """Evaluate models and their variants on a task, run the paradox test, and print the verdict with its rule.

    Finished evaluations of the same vectors, task and settings are taken over; what is missing is evaluated, each in
    an MLflow run of its own. Writes reports/paradox/TASK/.
    """
    from xlembed.cli import echo_json
    from xlembed.paradox.grids import paradox_tables, verdict_lines
    from xlembed.paradox.job import paradox as stage
    from xlembed.paradox.subjects import plan_subjects
    from xlembed.tracking.log import log_result, log_tags, version_tags
    from xlembed.tracking.runs import open_run

    workspace, task = asked.workspace, asked.task
    subjects, notes = plan_subjects(asked.models or workspace.settings.run.models, task, workspace)
    folder, tags = workspace.reports("paradox", task.name), {"task": task.name, "kind": "paradox"}
    with open_run(
        workspace.root, task=task.name, experiment=asked.experiment, name="paradox", tags=tags
    ) as run_id:
        log_tags(version_tags(workspace.root, asked.task_folder))
        evaluations = {s.name: _evaluation(task, s.ref, workspace) for s in subjects}
        result = stage(task, subjects, evaluations, workspace, notes)
        log_result(result, folder)
        report = result.to_json()
        tables = paradox_tables(report)
        lines = [*(f"Rule: {line}" for line in result.rule), *verdict_lines(report)]
        describe_run(task.name, [s.name for s in subjects], tables, lines, folder)
    if asked.as_json:
        echo_json(report)
    else:
        show_tables(tables, lines)
    told(f"MLflow run {run_id}, {folder}")


def _evaluation(task: Task, ref: ModelRef, workspace: Workspace) -> Evaluation:
    """The finished evaluation of these vectors and settings, or a new one in a child run."""
    from xlembed.cli.progress import Bars
    from xlembed.evaluate.compare import read_folder
    from xlembed.evaluate.job import evaluate
    from xlembed.paradox.subjects import stored_evaluation
    from xlembed.tracking.evaluation import log_evaluation, run_tags
    from xlembed.tracking.log import log_tags
    from xlembed.tracking.runs import child_run

    with Bars(ref.slug) as bars:
        found = stored_evaluation(task, ref, workspace, bars)
        if found is not None:
            return found
        with child_run(ref.slug):
            log_tags(run_tags(ref, task))
            evaluate(task, ref, workspace, bars)
            folder = workspace.run_folder(task.name, ref.slug)
            log_evaluation(folder)
    return read_folder(ref.slug, folder)
