"""`xlembed encode`, `index` and `evaluate`: the stages of dvc.yaml, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.evaluating import JSON_HELP, force_option, recorded, reused
from xlembed.cli.options import skip, undeclared_runs
from xlembed.cli.study import Asked, study, told

if TYPE_CHECKING:
    from pathlib import Path

    from xlembed.evaluate.reuse import Reuse
    from xlembed.models.spec import ModelRef
    from xlembed.stages import Stages
    from xlembed.workspace import Watch

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
@study(
    "corpus",
    "index",
    "evaluate",
    json_help=JSON_HELP,
    **ONE,
)
@force_option
def evaluate(asked: Asked, force: bool) -> None:
    """Score a model's vectors in every mode; logs one MLflow run."""
    from xlembed.cli import echo_json
    from xlembed.evaluate.reuse import Reuse
    from xlembed.files import rounded

    workspace = asked.workspace
    if problem := undeclared_runs(workspace):
        told(f"Warning: {problem}")
    ref, folder = asked.ref, asked.task_folder
    reuse = Reuse(workspace, asked.task_name, ref, "evaluate")
    if not force and (finished := reuse.find()):
        result = reused(asked, ref, reuse, finished, folder)
    elif (found := _evaluated(asked, ref, folder, reuse)) is not None:
        result = found
    else:
        return
    if asked.as_json:
        echo_json(rounded(result))


def _evaluated(asked: Asked, ref: ModelRef, folder: Path, reuse: Reuse) -> dict[str, Any] | None:
    """Evaluate now; None: this machine cannot have the model."""
    workspace, task = asked.workspace, asked.task
    run, headline = workspace.run_folder(task.name, ref.slug), workspace.result_file(task.name, ref.slug)
    if skip(ref, run, headline, workspace.details_file(task.name, ref.slug)):
        return None

    def work(bars: Watch, stages: Stages, run_id: str) -> dict[str, Any]:
        from xlembed.evaluate.job import evaluate as stage

        return stage(task, ref, workspace, bars, stages)

    _, result = recorded(asked, task, ref, folder, work)
    reuse.note(task, result)
    if not asked.as_json:
        told(str(headline))
    return result
