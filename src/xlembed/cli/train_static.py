"""`xlembed train-static`: the bundled model, from the parallel data."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("train-static")
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="Folder that holds stsb/ and parallel/."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Model folder to write.")
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    default=None,
    help="Recipe (YAML); default: the bundled model's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was trained, and on what, to stdout.")
def train_static(data: Path, out: Path, recipe: Path | None, as_json: bool) -> None:
    """Train a static embedding model; the default recipe gives the bundled one.

    The same recipe and data give the same bytes on one machine. STS dev and test sentences and the last
    NTREX rows are left out; the counts are printed.
    """
    from dataclasses import asdict

    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line
    from xlembed.cli.progress import Bars
    from xlembed.finetune.static import BUNDLED_RECIPE, Progress, load_recipe
    from xlembed.finetune.static import train_static as train

    settings = load_recipe(recipe or BUNDLED_RECIPE)
    console = open_console(stderr=True)
    with Bars("train-static") as bars:

        def show(progress: Progress) -> None:
            bars("steps", progress.step, progress.steps)

        print_line(console, "train-static: reading the data, training the tokenizer")
        result = train(settings, data, out, show)
    if as_json:
        echo_json({**asdict(result), "out": str(out)})
        return
    left = result.left_out
    lines = [
        f"{result.out}: {result.pieces:,} pieces x {result.dimensions} dimensions, "
        f"{result.n_bytes / 1e6:.1f} MB, {result.took_seconds:,.0f} s, loss {result.loss:.3f}",
        "trained on: " + ", ".join(f"{source} {count:,}" for source, count in result.rows.items()),
        f"left out: {left.stsb_held_out:,} stsb sentences that stand in dev or test, "
        f"{left.stsb_repeated:,} repeated, {left.stsb_empty:,} without text in some language; "
        f"the last {left.ntrex_tail:,} ntrex rows; "
        f"{left.other_held_out:,} other rows that stand in stsb dev or test",
    ]
    for line in lines:
        print_line(console, line)
