"""`xlembed tune-index`: which index settings to buy, measured on the user's own server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.study import Asked, run_job, study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xlembed.settings import IndexSettings
    from xlembed.stats.tuned import Tried
    from xlembed.tune_index.grid import Setting
    from xlembed.tune_index.job import TuneOptions

GRID_OPTIONS = {
    "types": "Index types (hnsw,int8_hnsw,int4_hnsw,bbq_hnsw,flat).",
    "hnsw_m": "Neighbours per vector in the graph; each one is an index of its own (16).",
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
@study(
    *("corpus", "encode", "index.ef_construction", "index.shards", "index.ignore_forecast"),
    models=".",
    one=True,
    required=("model", "task"),
    variation=True,
    json_help="Print what tune.json holds.",
    named=("index",),
)
@_options
@click.option("--recall", default="", help="Wanted recall, at the lower end of its interval. Default: 0.99.")
@click.option("--cheapest-by", default="", help="latency (95th percentile) or memory. Default: latency.")
@click.option(
    "--pad-texts", default="", help="File of distractor texts: a line each, or .jsonl with text, lang."
)
@click.option("--pad-lang", default="", help="Language of texts that do not say.")
@click.option("--keep", is_flag=True, help="Leave the indices on the server.")
def tune_index(asked: Asked, **options: Any) -> None:
    """Try Elasticsearch index settings and say which is the cheapest that finds enough.

    Each is compared with exact search over the same vectors. A small corpus is filled up with distractors. The setting
    is chosen on half the clusters and reported on the other; see docs/tune-index.md.
    """
    from xlembed.tracking.evaluation import run_tags
    from xlembed.tracking.log import Inputs, log_metrics, log_params, log_tags
    from xlembed.tracking.runs import child_run
    from xlembed.tune_index.job import tune_index as stage
    from xlembed.tune_index.tables import spread_table, tuning_table

    workspace = asked.workspace
    wanted = _tune_options(options, workspace.settings.index)
    task, (ref,) = asked.task, asked.refs()

    @contextmanager
    def record(setting: Setting) -> Iterator[Callable[[Tried], None]]:
        with child_run(setting.name):
            log_params(setting.params(workspace.settings.index))

            def tell(tried: Tried) -> None:
                log_metrics(tried.metrics())
                if tried.note:
                    log_tags({"note": tried.note})

            yield tell

    settings, sections = workspace.settings, ("corpus", "encode")
    run_job(
        asked,
        lambda watch, run_id: stage(task, ref, workspace, wanted, record=record, run_id=run_id, watch=watch),
        kind="tune-index",
        folder=workspace.reports("tune-index", task.name, ref.slug),
        name=f"tune-index {ref.slug}",
        tags=run_tags(ref, task),
        inputs=Inputs(settings, sections, task.name, asked.task_folder, task.digest, wanted.params()),
        tables=lambda found: [tuning_table(found), *([spread_table(found)] if found.spread else [])],
        lines=lambda found: [
            *(f"skipped {name}: {why}" for name, why in found.skipped.items()),
            found.choice.verdict(),
        ],
    )


def _tune_options(options: dict[str, Any], index: IndexSettings) -> TuneOptions:
    """Strings to what the stage takes; unset ones keep its defaults."""
    from pathlib import Path

    from xlembed.tune_index.grid import parse_grid
    from xlembed.tune_index.job import TuneOptions
    from xlembed.words import UserError

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
    asked = {name.removeprefix("hnsw_"): options[name] for name in GRID_OPTIONS}
    grid = parse_grid(**asked, base=index)
    return TuneOptions(grid=grid, keep=options["keep"], **given)
