"""`xlembed encode`, `index` and `evaluate`: the stages of dvc.yaml, one at a time."""

from __future__ import annotations

from typing import Any

import click

from xlembed.cli.options import (
    open_ref,
    open_workspace,
    settings_options,
    undeclared_runs,
    variation_options,
    workspace_options,
)

MODEL = click.option("-m", "--model", required=True, help="Catalogue name, folder, Hub id or models:/name/1.")
TASK = click.option("-t", "--task", required=True, help="Task under data/, or a folder.")


@click.command()
@MODEL
@TASK
@variation_options
@settings_options("corpus", "encode")
@workspace_options
def encode(
    model: str,
    task: str,
    dim: str | None,
    max_tokens: str | None,
    dtype: str | None,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Turn a task's texts into vectors: embeddings/TASK/MODEL/. What the store holds already is not encoded again."""
    from xlembed.cli.progress import Bars
    from xlembed.stages.encode import encode as stage

    workspace = open_workspace(params, out, options)
    opened = workspace.open_task(task)
    ref = open_ref(workspace, model, dim, max_tokens, dtype)
    with Bars(ref.slug) as bars:
        encoded = stage(opened, ref, workspace, bars)
    new = {role: report.n_encoded for role, report in encoded.reports.items()}
    counts = ", ".join(f"{n:,} of {encoded.reports[role].n_unique:,} {role} texts" for role, n in new.items())
    click.echo(f"{encoded.folder}: {f'encoded {counts}' if new else 'nothing to encode'}", err=True)


@click.command()
@MODEL
@TASK
@settings_options("corpus", "index")
@workspace_options
def index(model: str, task: str, params: str | None, out: str | None, **options: Any) -> None:
    """Index a task's vectors: indices/TASK/MODEL.json says what, where and with which settings."""
    from xlembed.cli.progress import Bars
    from xlembed.stages.index import index as stage

    workspace = open_workspace(params, out, options)
    opened = workspace.open_task(task)
    ref = workspace.open_model(model)
    with Bars(ref.slug) as bars:
        description = stage(opened, ref, workspace, bars)
    what = f"{description['dim']} dimensions" if "dim" in description else "words only"
    click.echo(
        f"{workspace.index_file(opened.name, ref.slug)}: {description['engine']} search over "
        f"{description['documents']:,} documents, {what}",
        err=True,
    )


@click.command()
@MODEL
@TASK
@click.option("--json", "as_json", is_flag=True, help="Print what results/TASK/MODEL.json holds.")
@click.option("--experiment", default=None, help="MLflow experiment (default: the task's name).")
@settings_options("corpus", "index", "evaluate")
@workspace_options
def evaluate(
    model: str,
    task: str,
    as_json: bool,
    experiment: str | None,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Score a model's vectors in every mode; logs one MLflow run."""
    from xlembed.cli import echo_json
    from xlembed.cli.progress import Bars
    from xlembed.stages.evaluate import evaluate as stage
    from xlembed.tracking.evaluation import log_evaluation, log_inputs, run_tags
    from xlembed.tracking.runs import open_run

    workspace = open_workspace(params, out, options)
    if problem := undeclared_runs(workspace):
        click.echo(f"Warning: {problem}", err=True)
    opened = workspace.open_task(task)
    ref = workspace.open_model(model)
    with (
        open_run(
            workspace.root, task=opened.name, experiment=experiment, name=ref.slug, tags=run_tags(ref, opened)
        ),
        Bars(ref.slug) as bars,
    ):
        log_inputs(workspace.settings, ref, opened, workspace.root, workspace.task_folder(task))
        result = stage(opened, ref, workspace, bars)
        log_evaluation(workspace.run_folder(opened.name, ref.slug), result)
    if as_json:
        echo_json(result)
    else:
        click.echo(str(workspace.result_file(opened.name, ref.slug)), err=True)
