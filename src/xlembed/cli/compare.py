"""`xlembed compare`: paired tests and figures over finished evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import check_declared, listed, without_skipped
from xlembed.cli.study import Asked, describe_run, show_tables, study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlembed.evaluate.compare import Evaluation
    from xlembed.evaluate.tables import Beside
    from xlembed.workspace import Workspace


@click.command()
@study("compare", task=None, tracked=False, json_help="Print the comparison for scripts.")
@click.argument("runs", nargs=-1)
@click.option(
    "-t",
    "--task",
    default=None,
    metavar="TASK",
    help="Evaluated task, or a folder. [default: the tasks of params.yaml; with -m the first of them]",
)
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
    metavar="MODEL",
    help="Catalogue name, folder, Hub id or models:/name/1; only these; repeatable, comma-separated. [default: all "
    "that were evaluated on TASK; with --across-tasks run.models of params.yaml]",
)
@click.option(
    "--mteb",
    multiple=True,
    metavar="FILE",
    help="A TASK.json that MTEB wrote: a row of its own in the table of scores, never tested; repeatable.",
)
def compare(
    asked: Asked,
    runs: tuple[str, ...],
    task: str | None,
    intersect: bool,
    across_indices: bool,
    across_tasks: bool,
    models: tuple[str, ...],
    mteb: tuple[str, ...],
) -> None:
    """Compare evaluated models: those of a task (-t TASK, perhaps -m MODEL), or RUNs.

    A RUN is an MLflow run id, a folder runs/TASK/MODEL or TASK/MODEL. Without any of these: all models of params.yaml,
    per task; also writes results/summary.csv. With --across-tasks: Kendall's tau between the rankings of the same
    models on two tasks.
    """
    from xlembed.cli import echo_json
    from xlembed.evaluate.compare import read_results, write_summary
    from xlembed.evaluate.mteb_results import read_mteb
    from xlembed.evaluate.skipping import split_skipped
    from xlembed.words import UserError

    workspace, declared = asked.workspace, asked.workspace.settings.run
    sources = listed(runs)  # MLproject passes an empty one where none is named
    if across_tasks:
        _check_alone(task, intersect, across_indices, mteb)
        there = list(declared.models)
        for on in sources:
            there, _ = split_skipped(workspace, on, there)
        _across_tasks(asked, sources, listed(models) or there)
        return
    if sources and (task or models):
        raise UserError("RUNs say what to compare; name them, or TASK with -t and models with -m")
    # Read first: a damaged one is told before anything is written.
    results = []
    if task or models:
        groups = _of_task(workspace, task or declared.tasks[0], listed(models))
    else:
        named = _named(sources) if sources else _declared(workspace)
        groups = {name: _read(workspace, of) for name, of in named.items()}
        for on in declared.tasks if not sources else ():
            results += read_results(workspace, on, split_skipped(workspace, on, declared.models)[0])
    beside = [read_mteb(Path(file)) for file in mteb]
    # `dvc repro` of one model is no mistake.
    may_be_alone = not (sources or task or models or beside)
    reports = [
        _alone(asked, name, *of)
        if may_be_alone and len(of) == 1
        else _compare(asked, name, of, intersect, across_indices, beside)
        for name, of in groups.items()
    ]
    if results:
        write_summary(results, workspace.out / "results" / "summary.csv")
    if asked.as_json:
        echo_json(reports[0] if len(reports) == 1 else reports)


def _read(workspace: Workspace, sources: Sequence[str]) -> list[Evaluation]:
    from xlembed.evaluate.compare import read_evaluation

    return [read_evaluation(source, workspace) for source in sources]


def _of_task(workspace: Workspace, task: str, models: Sequence[str]) -> dict[str, list[Evaluation]]:
    """Models that were evaluated on a task, under its name."""
    from xlembed.data.loading import open_task
    from xlembed.evaluate.evaluated import read_evaluated

    opened = open_task(workspace, task)
    return {opened.name: read_evaluated(opened, models, workspace)}


def _named(sources: Sequence[str]) -> dict[str, Sequence[str]]:
    """One comparison, under a name that says of what."""
    import hashlib

    mark = hashlib.sha256("\n".join(sorted(sources)).encode()).hexdigest()[:8]
    return {f"comparison-{mark}": sources}


def _declared(workspace: Workspace) -> dict[str, Sequence[str]]:
    """A comparison per task of params.yaml."""
    check_declared(workspace)
    declared = workspace.settings.run
    return {
        name: [f"{name}/{model}" for model in without_skipped(workspace, name, declared.models)]
        for name in declared.tasks
    }


def _alone(asked: Asked, name: str, only: Evaluation) -> dict[str, Any]:
    """The scores of the only model, with a sentence in place of tests."""
    from xlembed.evaluate.tables import scores_table, to_markdown
    from xlembed.files import atomic_folder

    table, target = scores_table([only.book]), asked.workspace.reports("compare", name)
    line = f"Nothing to compare {only.name} with: run.models of params.yaml leaves no other model."
    with atomic_folder(target) as folder:
        (folder / "comparison.md").write_text(f"{to_markdown(table)}\n{line}\n", encoding="utf-8")
    show_tables([table], [line, f"written to {target}"], err=asked.as_json)
    return {"task": name, "models": [only.name], "primary": []}


def _compare(
    asked: Asked,
    name: str,
    evaluations: list[Evaluation],
    intersect: bool,
    across_indices: bool,
    beside: Sequence[Beside],
) -> dict[str, Any]:
    """One comparison: its MLflow run, files and tables.

    Raises:
        UserError: all models were skipped on this machine, or what the comparison itself refuses.
    """
    from xlembed.evaluate.compare import compare as stage
    from xlembed.evaluate.compare import name_by_index
    from xlembed.evaluate.order import order_grid
    from xlembed.evaluate.remedy_grid import remedy_grid
    from xlembed.evaluate.tables import comparison_table, index_table, labelled_table, scores_table
    from xlembed.explore.job import explored_page
    from xlembed.tracking.log import log_folder, log_metrics, log_params
    from xlembed.tracking.runs import MODELS_TAG, open_run
    from xlembed.words import UserError, counted

    if not evaluations:
        raise UserError(f"{name}: no model is left to compare")
    workspace = asked.workspace
    sources = [e.source for e in evaluations]
    if across_indices:
        evaluations = [name_by_index(e) for e in evaluations]
    target, on = workspace.reports("compare", name), evaluations[0].book.task
    tags = {"task": on, "kind": "compare", MODELS_TAG: ",".join(e.name for e in evaluations)[:5000]}
    with open_run(workspace.root, task=on, name="compare", tags=tags):
        alpha = str(workspace.settings.compare.alpha)
        log_params({"compare.runs": ",".join(sources)[:6000], "compare.alpha": alpha})
        options = {"intersect": intersect, "across_indices": across_indices}
        report = stage(evaluations, workspace, target, beside=beside, **options)
        log_metrics(
            {
                f"{r['a']}_minus_{r['b']}/{r['kind']}/{r['pool']}/{r['measure']}": r["difference"]
                for r in report["primary"]
            }
        )
        log_folder(target)
        if page := explored_page(evaluations, workspace):
            log_folder(page, "explore")
        books = [e.book for e in evaluations]
        tables = [
            scores_table(books, beside=beside),
            order_grid(report),
            comparison_table(report),
            labelled_table(report),
        ]
        tables += [index_table(book) for book in books if book.index_fidelity]
        tables.append(remedy_grid(books, [*report["primary"], *report["exploratory"]]))
        printed = [table for table in tables if table]
        lines = [f"not tested: {reason}" for reason in report["untested"]]
        dropped = report["dropped_units"].items()
        lines += [f"dropped: {counted(n, 'unit')} that only {model} has" for model, n in dropped if n]
        describe_run(on, [e.name for e in evaluations], printed, lines, target)
    show_tables(printed, [*lines, f"written to {target}"], err=asked.as_json)
    return report


def _check_alone(task: str | None, intersect: bool, across_indices: bool, mteb: Sequence[str]) -> None:
    """Options that mean nothing between tasks are refused, not ignored."""
    from xlembed.words import UserError

    given = {
        "--task": bool(task),
        "--intersect": intersect,
        "--across-indices": across_indices,
        "--mteb": bool(mteb),
    }
    if wrong := [name for name, is_given in given.items() if is_given]:
        raise UserError(
            f"--across-tasks compares rankings on two tasks; {', '.join(wrong)} does not go with it"
        )


def _across_tasks(asked: Asked, tasks: Sequence[str], models: Sequence[str]) -> None:
    """Kendall's tau between two tasks, as tables and an MLflow run."""
    from xlembed.cli import echo_json
    from xlembed.evaluate.rankings import compare_rankings, rankings_folder
    from xlembed.evaluate.rankings_table import agreement_table, left_out_lines, ranks_table
    from xlembed.tracking.log import log_folder, log_metrics, log_params
    from xlembed.tracking.runs import open_run

    workspace = asked.workspace
    tags = {"task": ",".join(tasks), "kind": "compare across tasks"}
    with open_run(workspace.root, task="across-tasks", name="compare across tasks", tags=tags):
        log_params({"compare.tasks": ",".join(tasks)[:6000], "compare.models": ",".join(models)[:6000]})
        report = compare_rankings(tasks, models, workspace)
        folder = rankings_folder(workspace, report["tasks"])
        found = [r for r in report["agreement"] if r["tau"] is not None]
        log_metrics({f"tau/{r['kind']}/{r['pool']}": r["tau"] for r in found})
        log_folder(folder)
        tables, lines = [agreement_table(report), ranks_table(report)], left_out_lines(report)
        describe_run(" and ".join(tasks), models, tables, lines, folder)
    show_tables(tables, [*lines, f"written to {folder}"], err=asked.as_json)
    if asked.as_json:
        echo_json(report)
