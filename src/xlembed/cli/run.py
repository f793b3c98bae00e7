"""`xlembed run`: encode, index, evaluate and track; several models give one MLflow run each."""

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
    from xlembed.models.spec import ModelRef
    from xlembed.stages.workspace import Workspace


@click.command()
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="Catalogue name, folder, Hub id or models:/name/1; repeatable.",
)
@click.option("-t", "--task", default=None, help="Task under data/, or a folder.")
@click.option("--experiment", default=None, help="MLflow experiment (default: the task's name).")
@click.option("--json", "as_json", is_flag=True, help="Print what results/TASK/MODEL.json holds.")
@variation_options
@settings_options("corpus", "encode", "index", "evaluate")
@workspace_options
def run(
    models: tuple[str, ...],
    task: str | None,
    experiment: str | None,
    as_json: bool,
    dim: str | None,
    max_tokens: str | None,
    dtype: str | None,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Encode, index and evaluate models on a task; everything is tracked in MLflow."""
    import time

    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line
    from xlembed.cli.progress import Bars
    from xlembed.models.hub import locate
    from xlembed.settings import RunSettings
    from xlembed.stages.encode import encode
    from xlembed.stages.evaluate import evaluate
    from xlembed.stages.index import index
    from xlembed.stages.kinds import check_kinds
    from xlembed.tracking.evaluation import log_evaluation, log_inputs, run_tags
    from xlembed.tracking.log import log_metrics
    from xlembed.tracking.runs import child_run, open_run

    workspace = open_workspace(params, out, options)
    defaults = RunSettings()
    opened = workspace.open_task(task or defaults.tasks[0])
    names = [name for given in models for name in given.split(",") if name] or list(defaults.models)
    # Every name is resolved before any work starts: a typo in the third model costs no hour.
    refs = [open_ref(workspace, name, dim, max_tokens, dtype) for name in names]
    for ref in refs:
        check_kinds(ref)
    refs = _not_skipped(refs, opened.name, workspace)
    for ref in refs[1:]:  # the first model's turn comes at once, and its failure is recorded
        for part in (ref, *([ref.reranker] if ref.reranker else [])):
            if not part.card.lexical:
                locate(part, workspace.settings.encode.trust_remote_code)
    console = open_console(stderr=True)
    for note in opened.notes:
        print_line(console, f"{opened.name}: {note}", style="yellow")
    results = []
    for ref in refs:
        folder = workspace.task_folder(task or defaults.tasks[0])
        with (
            open_run(
                workspace.root,
                task=opened.name,
                experiment=experiment,
                name=ref.slug,
                tags=run_tags(ref, opened),
            ) as run_id,
            Bars(ref.slug) as bars,
        ):
            log_inputs(workspace.settings, ref, opened, workspace.root, folder)
            started = time.perf_counter()
            with child_run("encode"):
                encoded = encode(opened, ref, workspace, bars)
                log_metrics(encoded.speed_metrics())
            with child_run("index"):
                index(opened, ref, workspace, bars, run_id)
            with child_run("evaluate"):
                result = evaluate(opened, ref, workspace, bars)
            log_metrics({**encoded.speed_metrics(), "speed/total_seconds": time.perf_counter() - started})
            log_evaluation(workspace.run_folder(opened.name, ref.slug), result)
        n_new = sum(report.n_encoded for report in encoded.reports.values())
        print_line(
            console,
            f"{ref.slug}: {n_new:,} texts encoded, MLflow run {run_id}, {workspace.result_file(opened.name, ref.slug)}",
        )
        results.append(result)
    if as_json:
        echo_json(results[0] if len(results) == 1 else results)
    else:
        _print_tables(workspace, opened.name, [ref.slug for ref in refs])


def _not_skipped(refs: list[ModelRef], task: str, workspace: Workspace) -> list[ModelRef]:
    """Models that this machine can have; an evaluation from elsewhere stays where it is.

    Raises:
        UserError: there is none.
    """
    from xlembed.stages.skipping import why_skipped
    from xlembed.types import UserError

    kept = []
    for ref in refs:
        folder, result = workspace.run_folder(task, ref.slug), workspace.result_file(task, ref.slug)
        if not skip(ref, *([] if (folder / "units.parquet").is_file() else [folder, result])):
            kept.append(ref)
    if not kept:
        raise UserError(f"nothing to run: {'; '.join(filter(None, map(why_skipped, refs)))}")
    return kept


def _print_tables(workspace: Workspace, task: str, models: list[str]) -> None:
    import json

    from xlembed.cli.console import open_console, print_table
    from xlembed.report.tables import index_table, language_table, scores_table

    scores = [
        json.loads((workspace.run_folder(task, m) / "scores.json").read_text(encoding="utf-8"))
        for m in models
    ]
    console = open_console()
    print_table(console, scores_table(scores))
    if len(scores) == 1:
        print_table(console, language_table(scores[0]))
    for of_model in scores:
        if "index_fidelity" in of_model:
            print_table(console, index_table(of_model))
