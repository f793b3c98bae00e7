"""`xlembed analyse`: the geometry of models' vectors of a task, morphology, tokens, sanity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xlembed.cli.study import Asked, describe_run, show_tables, study, told

if TYPE_CHECKING:
    from xlembed.analyse.result import Analysed
    from xlembed.data.task import Task
    from xlembed.models.spec import ModelRef
    from xlembed.show.content import Grid
    from xlembed.workspace import Workspace


@click.command()
@study(
    *("corpus", "encode", "analyse"),
    models="; repeatable, comma-separated.",
    required=("model", "task"),
    variation=True,
    unjudged=True,
    json_help="Print what analysis/TASK/MODEL/analysis.json holds.",
)
def analyse(asked: Asked) -> None:
    """Look at models' vectors: are languages kept apart, are translations near, what do words and tokens tell?

    Writes analysis/TASK/MODEL/; several models are also drawn side by side, in reports/analysis/TASK/.
    """
    from xlembed.cli import echo_json
    from xlembed.tracking.runs import open_run

    task, workspace = asked.task, asked.workspace
    refs = asked.unskipped(lambda ref: workspace.analysis_folder(task.name, ref.slug))
    if not refs:
        return
    name = refs[0].slug if len(refs) == 1 else "analyse"
    tags = {"task": task.name, "kind": "analyse"}
    with open_run(
        workspace.root, task=task.name, experiment=asked.experiment, name=name, tags=tags
    ) as run_id:
        reports = _analyse_all(refs, task, asked.task_name, workspace)
    if asked.as_json:
        echo_json([r.to_json() for r in reports] if len(reports) > 1 else reports[0].to_json())
    else:
        show_tables(*_said(reports))
    places = [workspace.analysis_folder(task.name, ref.slug) for ref in refs]
    told(f"MLflow run {run_id}; written to {', '.join(map(str, places))}")


def _said(reports: list[Analysed]) -> tuple[list[Grid], list[str]]:
    """Tables, and sentences below them."""
    from xlembed.analyse.tables import analysis_tables, notes_lines

    notes, lexical = notes_lines(reports)
    return analysis_tables(reports), [*notes, *lexical]


def _analyse_all(refs: list[ModelRef], task: Task, name: str, workspace: Workspace) -> list[Analysed]:
    """One model in the open run; several in a child run each, with their comparison in the open one."""
    from contextlib import nullcontext
    from pathlib import Path

    from xlembed.analyse.job import analyse as stage
    from xlembed.analyse.job import compare_analyses
    from xlembed.cli.progress import Bars
    from xlembed.data.loading import task_folder
    from xlembed.tracking.log import Inputs, log_folder, log_inputs, log_result
    from xlembed.tracking.runs import child_run

    words = Path(workspace.settings.analyse.word_pairs).name
    reports = []
    for ref in refs:
        run = nullcontext() if len(refs) == 1 else child_run(ref.slug)
        with run, Bars(ref.slug) as bars:
            log_inputs(
                Inputs(
                    workspace.settings,
                    ("corpus", "encode", "analyse"),
                    task.name,
                    task_folder(workspace, name),
                    task.digest,
                    params={"model.slug": ref.slug, "task.name": task.name, "analyse.word_pairs": words},
                    tags={"kind": "analyse", "model": ref.slug},
                ),
                workspace.root,
            )
            report, folder = stage(task, ref, workspace, bars), workspace.analysis_folder(task.name, ref.slug)
            log_result(report, folder)
            describe_run(task.name, [ref.slug], *_said([report]), folder)
        reports.append(report)
    if len(refs) > 1:
        folder = compare_analyses(task, refs, workspace)
        log_folder(folder)
        describe_run(task.name, [ref.slug for ref in refs], *_said(reports), folder)
    return reports
