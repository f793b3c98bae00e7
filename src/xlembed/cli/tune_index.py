"""`xlembed tune-index`: which index settings to buy, measured on the user's own server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import (
    open_ref,
    open_workspace,
    options_of,
    settings_options,
    variation_options,
    workspace_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlembed.stages.tuning_grid import Setting

GRID_OPTIONS = {
    "types": "Index types (hnsw,int8_hnsw,int4_hnsw,bbq_hnsw,flat).",
    "m": "Neighbours per vector in the graph; each one is an index of its own (16).",
    "num_candidates": "Candidates per shard (50,100,200,400).",
    "oversample": "Rescored candidates per wanted one, for quantised types; 0 is none (0,3).",
    "force_merge": "Measure before, after, or both (before,after).",
}
NUMBERS = {
    "pad_to": ("Vectors to be indexed at least; distractors fill up.", 50_000),
    "k": ("Documents that an application asks for: 10 or 100.", 10),
    "queries": ("Most queries that are asked; a seeded sample of more.", 300),
    "timed": ("Searches that are timed.", 200),
    "seed": ("Of distractors, sample and halves.", 42),
}


def _options(command: Any) -> Any:
    """The command's own options; empty means unset."""
    for name, (text, default) in reversed(NUMBERS.items()):
        command = click.option(
            f"--{name.replace('_', '-')}", default="", help=f"{text} Default: {default:,}."
        )(command)
    for name, text in reversed(GRID_OPTIONS.items()):
        command = click.option(f"--{name.replace('_', '-')}", default="", help=f"Comma-separated. {text}")(
            command
        )
    return command


@click.command()
@click.option("-m", "--model", required=True, help="Catalogue name, folder, Hub id or models:/name/1.")
@click.option("-t", "--task", required=True, help="Task under data/, or a folder.")
@_options
@click.option("--recall", default="", help="Wanted recall, at the lower end of its interval. Default: 0.99.")
@click.option("--cheapest-by", default="", help="latency (95th percentile) or memory. Default: latency.")
@click.option("--ef-construction", default="", help="Candidates while the graph is built.")
@click.option("--shards", default="", help="Primary shards.")
@click.option(
    "--pad-texts", default="", help="File of distractor texts: a line each, or .jsonl with text, lang."
)
@click.option("--pad-lang", default="", help="Language of texts that do not say.")
@click.option("--keep", is_flag=True, help="Leave the indices on the server.")
@click.option(
    "--ignore-forecast", is_flag=True, help="Load even if the cluster seems to have too little room."
)
@click.option("--es-url", default="", help="Elasticsearch server (default: XLEMBED_ES_URL).")
@click.option("--experiment", default=None, help="MLflow experiment (default: the task's name).")
@click.option("--json", "as_json", is_flag=True, help="Print what tune.json holds.")
@variation_options
@settings_options("corpus", "encode")
@workspace_options
def tune_index(
    model: str,
    task: str,
    experiment: str | None,
    as_json: bool,
    dim: str | None,
    max_tokens: str | None,
    dtype: str | None,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Try Elasticsearch index settings and say which is the cheapest that finds enough.

    Each is compared with exact search over the same vectors. A small corpus is filled up with distractors. The setting
    is chosen on half the clusters and reported on the other; see docs/tune-index.md.
    """
    from dataclasses import replace

    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.cli.progress import Bars
    from xlembed.report.tuning_table import setting_numbers, spread_table, tuning_table
    from xlembed.settings import flatten
    from xlembed.stages.tune_index import tune_folder
    from xlembed.stages.tune_index import tune_index as stage
    from xlembed.stages.tuning_grid import index_settings
    from xlembed.tracking.evaluation import run_tags
    from xlembed.tracking.log import log_dataset, log_params, log_tags, version_tags
    from xlembed.tracking.runs import open_run
    from xlembed.tracking.tuning import log_tuning, setting_run

    # The grid's lists are called like single settings of the section `index`.
    grid = {name for name, _, _ in options_of("index")}
    others = {name: options[name] for name in options if name not in grid}
    workspace = open_workspace(params, out, others)
    told: dict[str, Any] = {name: options[name] for name in ("ef_construction", "shards") if options[name]}
    if options["ignore_forecast"]:
        told["ignore_forecast"] = True
    index = index_settings(workspace.settings.index, told)
    workspace = replace(workspace, settings=workspace.settings.model_copy(update={"index": index}))
    wanted = _tune_options(options, index)
    opened = workspace.open_task(task)
    ref = open_ref(workspace, model, dim, max_tokens, dtype)

    def record(setting: Setting) -> AbstractContextManager[Callable[[Any], None]]:
        told = {
            "type": setting.build.type,
            "m": setting.build.m,
            "ef_construction": None if setting.build.m is None else index.ef_construction,
            "num_candidates": setting.num_candidates,
            "oversample": setting.oversample,
            "force_merge": setting.merged,
            "shards": index.shards,
        }
        return setting_run(setting.name, told, setting_numbers)

    folder = tune_folder(workspace, opened.name, ref.slug)
    with (
        open_run(
            workspace.root,
            task=opened.name,
            experiment=experiment,
            name=f"tune-index {ref.slug}",
            tags={**run_tags(ref, opened), "kind": "tune-index"},
        ) as run_id,
        Bars(ref.slug) as bars,
    ):
        data = workspace.task_folder(task)
        log_params(
            {
                **flatten(workspace.settings, ("corpus", "encode")),
                **{f"tune_index.{key}": str(value) for key, value in _shown(wanted).items()},
            }
        )
        log_tags(version_tags(workspace.root, data))
        log_dataset(opened.name, data, opened.digest)
        report = stage(opened, ref, workspace, wanted, record=record, run_id=run_id, watch=bars)
        log_tuning(report, folder)
    if as_json:
        echo_json(report)
        return
    console = open_console()
    print_table(console, tuning_table(report))
    if (spread := spread_table(report)) is not None:
        print_table(console, spread)
    for name, why in report["skipped"].items():
        print_line(console, f"skipped {name}: {why}")
    print_line(console, _verdict(report))
    print_line(console, f"MLflow run {run_id}, {folder}")


def _tune_options(options: dict[str, Any], index: Any) -> Any:
    """Strings to what the stage takes; unset ones keep its defaults."""
    from pathlib import Path

    from xlembed.stages.tune_index import TuneOptions
    from xlembed.stages.tuning_grid import parse_grid
    from xlembed.types import UserError

    given: dict[str, Any] = {}
    for name in NUMBERS:
        if options[name]:
            if not options[name].isdigit():
                raise UserError(
                    f"--{name.replace('_', '-')}: expected a whole number, found {options[name]!r}"
                )
            given[name] = int(options[name])
    if options["recall"]:
        try:
            given["recall"] = float(options["recall"])
        except ValueError:
            raise UserError(f"--recall: expected a number, found {options['recall']!r}") from None
    given |= {name: options[name] for name in ("cheapest_by", "pad_lang") if options[name]}
    if options["pad_texts"]:
        given["pad_texts"] = Path(options["pad_texts"])
    grid = parse_grid(**{name: options[name] for name in GRID_OPTIONS}, base=index)
    return TuneOptions(grid=grid, keep=options["keep"], **given)


def _shown(wanted: Any) -> dict[str, Any]:
    """The options as parameters of the run; files by name only."""
    from dataclasses import fields

    grid = wanted.grid
    found = {field.name: ",".join(map(str, getattr(grid, field.name))) for field in fields(grid)}
    for field in fields(wanted):
        if field.name not in ("grid", "pad_texts", "keep"):
            found[field.name] = getattr(wanted, field.name)
    found["pad_texts"] = wanted.pad_texts.name if wanted.pad_texts else ""
    return found


def _verdict(report: Any) -> str:
    choice = report["choice"]
    if choice["name"] is None:
        return f"no choice: {choice['why']}"
    told = choice["reported"]
    if told is None or told["ci_low"] is None:
        return f"take {choice['name']}: {choice['why']}"
    words = "holds" if choice["confirmed"] else "does NOT hold"
    return (
        f"take {choice['name']}: {choice['why']}; this {words} on the other half: "
        f"{told['value']:.4f} [{told['ci_low']:.4f}, {told['ci_high']:.4f}]"
    )
