"""`xlembed ablate`: variants of a recipe, trained, compared with the first one and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import open_workspace, settings_options, workspace_options
from xlembed.cli.study import describe_run, show_choice, show_tables

if TYPE_CHECKING:
    from rich.console import Console

    from xlembed.finetune.ablate import OpenedAblation
    from xlembed.show.content import Grid


@click.command()
@click.argument("ablation", required=False)
@click.option("--dry-run", is_flag=True, help="Check recipe, variants and data, print what would be trained.")
@click.option("--experiment", default=None, help="MLflow experiment (default: ablations).")
@click.option("--json", "as_json", is_flag=True, help="Print the report for scripts.")
@settings_options("corpus", "encode")
@workspace_options
def ablate(
    ablation: str | None,
    dry_run: bool,
    experiment: str | None,
    as_json: bool,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Train the variants of ABLATION, a ready one or a YAML file; without one, list those that are ready.

    Writes reports/ablations/NAME/ and finetuned/NAME.VARIANT/. Stages that variants have in common are trained once,
    and what is finished is kept: after an interrupt the same command goes on.
    """
    if not ablation:
        return show_choice(_ready(), as_json=as_json)
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console
    from xlembed.cli.progress import Bars
    from xlembed.data.loading import task_folder
    from xlembed.finetune.ablate import ablate as stage
    from xlembed.finetune.ablate import log_ablation, open_ablation, variant_run
    from xlembed.finetune.ablation_tables import ablation_tables
    from xlembed.tracking.log import log_tags, version_tags
    from xlembed.tracking.runs import open_run

    console = open_console(stderr=as_json)
    workspace = open_workspace(params, out, options)
    opened = open_ablation(ablation, workspace)
    if dry_run:
        _show_plan(opened, console, as_json)
        return
    name, task = opened.ablation.name, opened.task.name
    data = task_folder(workspace, opened.ablation.task)
    folder = workspace.reports("ablations", name)
    with (
        open_run(
            workspace.root,
            task="ablations",
            experiment=experiment,
            name=f"ablate {name}",
            tags={"task": task, "kind": "ablation"},
        ) as run_id,
        Bars(name) as bars,
    ):
        log_tags(version_tags(workspace.root, data))
        report = stage(
            opened,
            workspace,
            bars,
            record=lambda t: variant_run(
                t.recipe.name, t.variant.name, t.seed, t.recipe.model_dump(mode="json"), {task: data}
            ),
        )
        log_ablation(report, folder)
        tables = ablation_tables(report)
        describe_run(task, [opened.ablation.recipe], tables, report["warnings"], folder)
    if as_json:
        echo_json(report)
        return
    show_tables(tables, [f"MLflow run {run_id}, {folder}"], report["warnings"])


def _ready() -> Grid:
    from xlembed.finetune.ablation import load_ablation, ready_ablations
    from xlembed.show.content import Grid, heads, row

    found = {name: load_ablation(name) for name in ready_ablations()}
    rows = tuple(row(name, of.recipe, of.task, of.title) for name, of in found.items())
    words = ("recipe", "task", "about")
    return Grid("ablations", "Ready ablations", heads("name", *words, words=words), rows)


def _show_plan(opened: OpenedAblation, console: Console, as_json: bool) -> None:
    """What would be trained, stage by stage."""
    from xlembed.cli import echo_json
    from xlembed.cli.console import print_line, print_table
    from xlembed.show.content import Grid, heads, row

    trainings: list[dict[str, Any]] = [
        {
            "name": training.recipe.name,
            "variant": training.variant.name,
            "seed": training.seed,
            "stages": [f"{s.name} ({s.loss.kind}, batch {s.batch})" for s in training.recipe.stages],
            "set": dict(training.variant.changes),
        }
        for training, _ in opened.trainings
    ]
    if as_json:
        echo_json(trainings)
        return
    rows = []
    for of in trainings:
        changes = ", ".join(f"{place} = {value}" for place, value in of["set"].items())
        rows.append(row(of["name"], str(of["seed"]), ", ".join(of["stages"]), changes))
    columns = heads("training", "seed", "stages", "set", words=("stages", "set"))
    print_table(console, Grid("plan", f"{opened.ablation.name}: nothing trained", columns, tuple(rows)))
    cut = sorted(opened.ablation.is_cut)
    if cut:
        dims = ", ".join(map(str, opened.ablation.dims))
        print_line(console, f"cut to {dims} dimensions: {', '.join(cut)}")
    print_line(console, f"evaluated on {opened.task.name}, {len(opened.task.queries):,} queries")
