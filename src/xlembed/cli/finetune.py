"""`xlembed finetune`: a recipe -> a trained, measured and registered model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import open_workspace, settings_options, workspace_options
from xlembed.cli.study import show_choice, show_tables

if TYPE_CHECKING:
    from xlembed.finetune.recipe import Recipe
    from xlembed.finetune.recipe_loading import Opened
    from xlembed.show.content import Grid


@click.command()
@click.argument("recipe", required=False)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="PLACE=VALUE",
    help="Change one setting, several times if need be: --set stages.retrieval.batch=256.",
)
@click.option("--name", default="", help="Name of the result, instead of the recipe's.")
@click.option(
    "--register-as", default="", help="Registered model, instead of the recipe's; `no` registers nothing."
)
@click.option("--dry-run", is_flag=True, help="Check the recipe and its data and say what would be trained.")
@click.option("--experiment", default=None, help="MLflow experiment (default: finetune).")
@click.option(
    "--json", "as_json", is_flag=True, help="Print what report.json holds; of a dry run, the recipe."
)
@settings_options("corpus", "encode")
@workspace_options
def finetune(
    recipe: str | None,
    changes: tuple[str, ...],
    name: str,
    register_as: str,
    dry_run: bool,
    experiment: str | None,
    as_json: bool,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Train a model as RECIPE says, measure it before and after each stage, register it.

    RECIPE is the name of a ready recipe or a YAML file; without one, the ready ones are listed. The result is
    finetuned/NAME/. Finished stages are kept: after an interrupt the same command goes on from the last checkpoint.
    """
    if not recipe:
        further = ["xlembed finetune NAME --dry-run says what would be trained."]
        return show_choice(_recipes(), further, as_json=as_json)
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.cli.progress import Bars
    from xlembed.data.loading import task_folder
    from xlembed.finetune.job import finetune as stage
    from xlembed.finetune.job import finetuned_folder
    from xlembed.finetune.recipe_loading import open_recipe
    from xlembed.finetune.stage import rehearse
    from xlembed.finetune.tables import trainable_table
    from xlembed.tracking.training import Inputs, finetuning_run

    console = open_console(stderr=True)
    workspace = open_workspace(params, out, options)
    opened = open_recipe(_read(recipe, changes, name, register_as, workspace.root / "data"), workspace)
    chosen = opened.recipe
    rehearse(opened, workspace)
    for line in _plan(opened):
        print_line(console, line)
    if dry_run:
        if as_json:
            echo_json(chosen.model_dump(mode="json"))
        return

    def built(stage_name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if stage_name == chosen.stages[0].name:
            print_table(console, trainable_table(rows))

    folder = finetuned_folder(workspace, chosen.name)
    folders = {
        task.name: task_folder(workspace, name)
        for task, name in zip(opened.tasks, chosen.evaluate.tasks, strict=True)
    }
    sets = [(name, found.folder, found.digest) for name, found in opened.sets.items()]
    inputs = Inputs(chosen.model_dump(mode="json"), sets, folders, workspace.root)
    with (
        finetuning_run(inputs, experiment=experiment, built=built) as record,
        Bars(chosen.name) as bars,
    ):
        report = stage(opened, workspace, bars, record)
        version = record.finish(report, folder)
    if as_json:
        echo_json(report)
        return
    _print_report(report)
    print_line(console, f"{folder}, MLflow run {record.run_id}")
    if version:
        print_line(console, f"registered: models:/{version.name}/{version.version}, alias candidate")
        print_line(console, f"Next: xlembed promote models:/{version.name}/{version.version} --task TASK")
    else:
        print_line(console, f"Next: xlembed run -m {folder / 'model'} -t TASK")


def _recipes() -> Grid:
    """Those that are ready."""
    from xlembed.finetune.recipe_loading import read_recipe, ready_recipes
    from xlembed.show.content import Grid, heads, row

    found = {name: read_recipe(path) for name, path in ready_recipes().items()}
    rows = tuple(
        row(
            name,
            of.base,
            ", ".join(f"{stage.name} ({stage.loss.kind})" for stage in of.stages),
            of.description,
        )
        for name, of in found.items()
    )
    words = ("base", "stages", "about")
    return Grid("recipes", "Ready recipes", heads("name", *words, words=words), rows)


def _read(source: str, changes: Sequence[str], name: str, register_as: str, data: Path) -> Recipe:
    """The recipe with what the command line changes, checked again."""
    from xlembed.files import parse_yaml
    from xlembed.finetune.recipe_loading import load_recipe
    from xlembed.words import UserError

    places: dict[str, Any] = {}
    for change in changes:
        place, equals, value = change.partition("=")
        if not equals:
            raise UserError(f"--set: expected PLACE=VALUE, found {change!r}")
        places[place] = parse_yaml(value, f"--set {place}")
    if name:
        places["name"] = name
    if register_as:
        places["register_as"] = "" if register_as == "no" else register_as
    if changes and not name:
        raise UserError("--set changes what is trained: give the result a --name of its own")
    return load_recipe(source, data, places)


def _plan(opened: Opened) -> list[str]:
    """What will be trained, a line per stage."""
    from xlembed.finetune.recipe_loading import chosen_rows

    recipe, found = opened.recipe, opened.sets
    lines = [f"{recipe.name}: {recipe.description or 'no description'}; base {recipe.base}, {recipe.dtype}"]
    for number, stage in enumerate(recipe.stages, 1):
        rows = [(data.pairs, len(chosen_rows(data, found[data.pairs], recipe.seed))) for data in stage.data]
        sets = ", ".join(f"{name} ({n:,} rows)" for name, n in rows)
        lines.append(
            f"  {number}. {stage.name}: {stage.loss.kind} on {sets}, batch {stage.batch}, {stage.epochs:g} epochs"
        )
    return lines


def _print_report(report: Mapping[str, Any]) -> None:
    from xlembed.finetune.tables import (
        before_after_table,
        change_table,
        learned_table,
        related_lines,
        stages_table,
        sts_table,
    )

    tables = [stages_table(report)]
    tables += [before_after_table(report, task) for task in report["evaluations"][0]["tasks"]]
    if report["changes"]:
        tables.append(change_table(report))
    if any(change["learned"] for change in report["changes"]):
        tables.append(learned_table(report))
    if report["sts_changes"]:
        tables.append(sts_table(report))
    show_tables(tables, related_lines(report), report["warnings"])
