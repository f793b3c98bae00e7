"""`xlembed export-task` and `export-run`: tasks and results as other programs read them."""

from __future__ import annotations

from pathlib import Path

import click

from xlembed.cli.study import Asked, study, told


@click.command("export-task")
@study("corpus", task=None, tracked=False, json_help="")
@click.argument("task")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--layout", required=True, metavar="hub|beir", help="hub: a dataset that MTEB's loader reads; beir."
)
@click.option("--force", is_flag=True, help="Replace an earlier export.")
def export_task(asked: Asked, task: str, folder: Path, layout: str, force: bool) -> None:
    """Write TASK into FOLDER as a repository of the Hub with a subset per language and pair, or as BEIR folders."""
    from xlembed.data.loading import open_task
    from xlembed.data.writing import export_task as write

    opened = open_task(asked.workspace, task, unjudged=True)
    names = write(opened, folder, layout, force=force)
    told(f"{folder}: {opened.name} with the subsets {', '.join(names)}")


@click.command("export-run")
@study(
    *("corpus", "encode", "index", "evaluate"),
    models=", or the name of imported rankings.",
    one=True,
    required=("model", "task"),
    tracked=False,
    json_help="",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--layout",
    default="trec",
    metavar="trec|mteb",
    help="trec: a run file per pool; mteb: the scores of a finished evaluation, as a result of MTEB. [default: trec]",
)
@click.option("--force", is_flag=True, help="trec: replace an earlier export.")
def export_run(asked: Asked, folder: Path, layout: str, force: bool) -> None:
    """Write a model's rankings of a task as TREC run files, or its scores as MTEB writes them, into FOLDER."""
    from xlembed.cli.progress import Bars
    from xlembed.evaluate.compare import read_evaluation
    from xlembed.evaluate.evaluated import check_task
    from xlembed.evaluate.export_run import export_trec
    from xlembed.evaluate.imported import open_evaluated
    from xlembed.evaluate.mteb_results import write_mteb
    from xlembed.words import UserError

    task, workspace = asked.task, asked.workspace
    ref = open_evaluated(task, asked.one, workspace)
    if layout == "trec":
        with Bars(ref.slug) as bars:
            names = export_trec(task, ref, workspace, folder, bars, force=force)
        told(f"{folder}: {', '.join(names)}")
    elif layout == "mteb":
        evaluation = read_evaluation(f"{task.name}/{ref.slug}", workspace)
        check_task(evaluation, task)
        told(str(write_mteb(task, evaluation, folder)))
    else:
        raise UserError(f"--layout: {layout!r}: choose trec or mteb")
