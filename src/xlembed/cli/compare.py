"""`xlembed compare`: paired tests and figures over finished evaluations."""

from __future__ import annotations

from typing import Any

import click

from xlembed.cli.options import open_workspace, settings_options, workspace_options


@click.command()
@click.argument("runs", nargs=-1)
@click.option("-t", "--task", default=None, help="Only this task of params.yaml (when no RUN is given).")
@click.option(
    "--intersect", is_flag=True, help="Compare the units that all have, and print what was dropped."
)
@click.option(
    "--across-indices", is_flag=True, help="Allow runs of different engines, named MODEL@elasticsearch-TYPE."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison for scripts.")
@settings_options("compare")
@workspace_options
def compare(
    runs: tuple[str, ...],
    task: str | None,
    intersect: bool,
    across_indices: bool,
    as_json: bool,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Compare RUNs: MLflow run ids, folders runs/TASK/MODEL or TASK/MODEL.

    Without RUN: all models of params.yaml, per task; also writes results/summary.csv.
    """
    import hashlib

    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.report.tables import comparison_table, index_table, scores_table
    from xlembed.stages.compare import compare as stage
    from xlembed.stages.compare import (
        comparison_folder,
        name_by_index,
        read_evaluation,
        read_results,
        write_summary,
    )
    from xlembed.tracking.log import log_folder, log_metrics, log_params
    from xlembed.tracking.runs import open_run
    from xlembed.types import UserError

    workspace = open_workspace(params, out, options)
    declared = workspace.settings.run
    if runs:
        names = [name for given in runs for name in given.split(",") if name]
        mark = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:8]
        groups = {f"comparison-{mark}": names}
    else:
        if task and task not in declared.tasks:
            raise UserError(f"params.yaml: run.tasks does not list {task!r}: {', '.join(declared.tasks)}")
        groups = {
            name: [f"{name}/{m}" for m in declared.models] for name in ([task] if task else declared.tasks)
        }
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
        console.print(comparison_table(report))  # its names fold at the minus sign
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
        results = [r for name in declared.tasks for r in read_results(workspace, name, declared.models)]
        write_summary(results, workspace.out / "results" / "summary.csv")
    if as_json:
        echo_json(reports[0] if len(reports) == 1 else reports)
