"""`xlembed encode`, `index` and `evaluate`: the stages of dvc.yaml, one at a time."""

from __future__ import annotations

from typing import Any

import click

from xlembed.cli.options import skip, undeclared_runs
from xlembed.cli.study import Asked, study, told

ONE: dict[str, Any] = {"models": ".", "one": True, "required": ("model", "task")}


@click.command()
@study("corpus", "encode", variation=True, tracked=False, json_help="", unjudged=True, **ONE)
def encode(asked: Asked) -> None:
    """Turn a task's texts into vectors: embeddings/TASK/MODEL/. What the store holds already is not encoded again."""
    from xlembed.cli.progress import Bars
    from xlembed.evaluate.eight_bits import check_eight_bits
    from xlembed.evaluate.encode import encode as stage

    task, ref = asked.task, asked.ref
    if skip(ref, asked.workspace.embeddings(task.name, ref.slug)):
        return
    with Bars(ref.slug) as bars:
        checked = check_eight_bits(task, ref, asked.workspace, bars)
        encoded = stage(task, ref, asked.workspace, bars)
    counts = ", ".join(
        f"{report.n_encoded:,} of {report.n_unique:,} {role} texts"
        for role, report in encoded.reports.items()
    )
    for text in filter(None, (checked, encoded.spent)):
        told(text)
    told(f"{encoded.folder}: {f'encoded {counts}' if counts else 'nothing to encode'}")


@click.command()
@study("corpus", "index", tracked=False, json_help="", unjudged=True, **ONE)
def index(asked: Asked) -> None:
    """Index a task's vectors: indices/TASK/MODEL.json says what, where and with which settings."""
    from xlembed.cli.progress import Bars
    from xlembed.evaluate.index import index as stage

    task, ref = asked.task, asked.ref
    target = asked.workspace.index_file(task.name, ref.slug)
    if skip(ref, target):
        return
    with Bars(ref.slug) as bars:
        found = stage(task, ref, asked.workspace, bars)
    what = f"{found['dim']} dimensions" if "dim" in found else "words only"
    told(f"{target}: {found['engine']} search over {found['documents']:,} documents, {what}")


@click.command()
@study("corpus", "index", "evaluate", json_help="Print what results/TASK/MODEL.details.json holds.", **ONE)
def evaluate(asked: Asked) -> None:
    """Score a model's vectors in every mode; logs one MLflow run."""
    from xlembed.cli import echo_json
    from xlembed.cli.progress import Bars
    from xlembed.evaluate.job import evaluate as stage
    from xlembed.files import rounded
    from xlembed.tracking.evaluation import evaluation_inputs, log_evaluation, run_tags
    from xlembed.tracking.log import log_inputs
    from xlembed.tracking.runs import open_run

    workspace = asked.workspace
    if problem := undeclared_runs(workspace):
        told(f"Warning: {problem}")
    task, ref = asked.task, asked.ref
    folder, headline = workspace.run_folder(task.name, ref.slug), workspace.result_file(task.name, ref.slug)
    if skip(ref, folder, headline, workspace.details_file(task.name, ref.slug)):
        return
    tags, experiment = run_tags(ref, task), asked.experiment
    with (
        open_run(workspace.root, task=task.name, experiment=experiment, name=ref.slug, tags=tags),
        Bars(ref.slug) as bars,
    ):
        log_inputs(evaluation_inputs(workspace.settings, ref, task, asked.task_folder), workspace.root)
        result = stage(task, ref, workspace, bars)
        log_evaluation(folder)
    if asked.as_json:
        echo_json(rounded(result))
    else:
        told(str(headline))
