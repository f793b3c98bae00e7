"""`xlembed compare`: paired tests and figures over finished evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import (
    check_declared,
    open_workspace,
    settings_options,
    without_skipped,
    workspace_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlembed.stages.workspace import Workspace


@click.command()
@click.argument("runs", nargs=-1)
@click.option("-t", "--task", default=None, help="Only this task of params.yaml (when no RUN is given).")
@click.option(
    "--intersect", is_flag=True, help="Compare the units that all have, and print what was dropped."
)
@click.option(
    "--across-indices", is_flag=True, help="Allow runs of different engines, named MODEL@elasticsearch-TYPE."
)
@click.option(
    "--across-tasks",
    is_flag=True,
    help="Do rankings carry over? RUNS are then two tasks on which the models were evaluated.",
)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="With --across-tasks: a model; repeatable (default: run.models of params.yaml).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison for scripts.")
@settings_options("compare")
@workspace_options
def compare(
    runs: tuple[str, ...],
    task: str | None,
    intersect: bool,
    across_indices: bool,
    across_tasks: bool,
    models: tuple[str, ...],
    as_json: bool,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Compare RUNs: MLflow run ids, folders runs/TASK/MODEL or TASK/MODEL.

    Without RUN: all models of params.yaml, per task; also writes results/summary.csv. With --across-tasks: Kendall's
    tau between the rankings of the same models on two tasks.
    """
    import hashlib

    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.report.order import order_grid
    from xlembed.report.tables import comparison_table, index_table, scores_table
    from xlembed.stages.compare import compare as stage
    from xlembed.stages.compare import (
        comparison_folder,
        name_by_index,
        read_evaluation,
        read_results,
        write_summary,
    )
    from xlembed.stages.skipping import split_skipped
    from xlembed.tracking.log import log_folder, log_metrics, log_params
    from xlembed.tracking.runs import open_run
    from xlembed.types import UserError

    workspace = open_workspace(params, out, options)
    declared = workspace.settings.run
    if across_tasks:
        _check_alone(task, intersect, across_indices)
        _across_tasks(workspace, runs, models or declared.models, as_json)
        return
    if models:
        raise UserError("-m is for --across-tasks; name the RUNs to compare, for example TASK/MODEL")
    if runs:
        names = [name for given in runs for name in given.split(",") if name]
        mark = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:8]
        groups = {f"comparison-{mark}": names}
    else:
        check_declared(workspace)
        if task and task not in declared.tasks:
            raise UserError(f"params.yaml: run.tasks does not list {task!r}: {', '.join(declared.tasks)}")
        groups = {
            name: [f"{name}/{m}" for m in without_skipped(workspace, name, declared.models)]
            for name in ([task] if task else declared.tasks)
        }
    # Read first: a damaged one is told before anything is written.
    results = (
        []
        if runs
        else [
            r
            for on in declared.tasks
            for r in read_results(workspace, on, split_skipped(workspace, on, declared.models)[0])
        ]
    )
    reports = []
    console = open_console(stderr=as_json)
    for name, sources in groups.items():
        evaluations = [read_evaluation(source, workspace) for source in sources]
        if across_indices:
            evaluations = [name_by_index(e) for e in evaluations]
        target = comparison_folder(workspace, name)
        on = str(evaluations[0].scores["task"])
        with open_run(workspace.root, task=on, name="compare", tags={"task": on, "kind": "compare"}):
            log_params(
                {
                    "compare.runs": ",".join(sources)[:6000],
                    "compare.alpha": str(workspace.settings.compare.alpha),
                }
            )
            report = stage(evaluations, workspace, target, intersect=intersect, across_indices=across_indices)
            log_metrics(
                {
                    f"{r['a']}_minus_{r['b']}/{r['kind']}/{r['pool']}/{r['measure']}": r["difference"]
                    for r in report["primary"]
                }
            )
            log_folder(target)
        reports.append(report)
        print_table(console, scores_table([dict(e.scores) for e in evaluations]))
        for grid in (order_grid(report), comparison_table(report)):
            if grid:
                print_table(console, grid)
        for evaluation in evaluations:
            if "index_fidelity" in evaluation.scores:
                print_table(console, index_table(evaluation.scores))
        for reason in report["untested"]:
            print_line(console, f"not tested: {reason}")
        for model, n in report["dropped_units"].items():
            if n:
                print_line(console, f"dropped: {n:,} units that only {model} has")
        print_line(console, f"written to {target}")
    if not runs:
        write_summary(results, workspace.out / "results" / "summary.csv")
    if as_json:
        echo_json(reports[0] if len(reports) == 1 else reports)


def _check_alone(task: str | None, intersect: bool, across_indices: bool) -> None:
    """Options that mean nothing between tasks are refused, not ignored."""
    from xlembed.types import UserError

    given = {"--task": bool(task), "--intersect": intersect, "--across-indices": across_indices}
    if wrong := [name for name, is_given in given.items() if is_given]:
        raise UserError(
            f"--across-tasks compares rankings on two tasks; {', '.join(wrong)} does not go with it"
        )


def _across_tasks(workspace: Workspace, given: Sequence[str], models: Sequence[str], as_json: bool) -> None:
    """Kendall's tau between two tasks, as tables and an MLflow run."""
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.report.rankings_table import agreement_table, left_out_lines, ranks_table
    from xlembed.stages.rankings import compare_rankings, rankings_folder
    from xlembed.tracking.log import log_folder, log_metrics, log_params
    from xlembed.tracking.runs import open_run

    tasks = [name for words in given for name in words.split(",") if name]
    names = [name for words in models for name in words.split(",") if name]
    tags = {"task": ",".join(tasks), "kind": "compare across tasks"}
    with open_run(workspace.root, task="across-tasks", name="compare across tasks", tags=tags):
        log_params({"compare.tasks": ",".join(tasks)[:6000], "compare.models": ",".join(names)[:6000]})
        report = compare_rankings(tasks, names, workspace)
        folder = rankings_folder(workspace, report["tasks"])
        found = [r for r in report["agreement"] if r["tau"] is not None]
        log_metrics({f"tau/{r['kind']}/{r['pool']}": r["tau"] for r in found})
        log_folder(folder)
    console = open_console(stderr=as_json)
    for table in (agreement_table(report), ranks_table(report)):
        print_table(console, table)
    for line in left_out_lines(report):
        print_line(console, line)
    print_line(console, f"written to {folder}")
    if as_json:
        echo_json(report)
