"""`xlembed guide`: which of the evaluated models to take for a use of retrieval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xlembed.cli.study import Asked, show_choice, show_tables, study

if TYPE_CHECKING:
    from xlembed.show.content import Grid


@click.command()
@click.option(
    "--scenario", default="", help="chatbot, offline-search, shop, multilingual, rag-mono or rag-cross."
)
@study(
    task="Evaluated task. [default: the first of params.yaml]",
    models="; only these. [default: all that were evaluated]",
    tracked=False,
    json_help="Print the guide for scripts.",
)
@click.option("--languages", default="", help="Wanted languages, tr,en. [default: all of the task]")
@click.option("--max-ms-per-query", "max_ms", type=click.FloatRange(min=0, min_open=True), default=None)
@click.option(
    "--max-bytes-per-vector", "max_bytes", type=click.FloatRange(min=0, min_open=True), default=None
)
@click.option("--weights", default="", help="PART=WEIGHT,... instead of the scenario's.")
@click.option("--examples", type=click.IntRange(0), default=None, help="Training pairs that you have.")
@click.option(
    "--documents",
    type=click.IntRange(1),
    default=None,
    help="That your corpus will have: bytes and search cost by it. [default: those of the task]",
)
@click.option("--no-timing", is_flag=True, help="Do not time queries; speed then counts for none.")
def guide(
    asked: Asked,
    scenario: str,
    languages: str,
    max_ms: float | None,
    max_bytes: float | None,
    weights: str,
    examples: int | None,
    documents: int | None,
    no_timing: bool,
) -> None:
    """Rank the evaluated models for a use, with what was excluded and what is not known."""
    if not scenario:
        further = ["xlembed guide --scenario NAME -t TASK ranks the evaluated models for one."]
        return show_choice(_scenarios(), further, as_json=asked.as_json)
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line
    from xlembed.cli.options import listed
    from xlembed.cli.progress import Bars
    from xlembed.evaluate.evaluated import evaluated_models
    from xlembed.guide.job import guide as stage
    from xlembed.guide.parts import Wish
    from xlembed.guide.scenarios import find_scenario, parse_weights
    from xlembed.guide.tables import excluded_lines, guide_table, verdict

    chosen = find_scenario(scenario)
    if weights:
        chosen = chosen.model_copy(update={"weights": parse_weights(weights), "why": "weights as given"})
    workspace, task = asked.workspace, asked.task
    wanted = tuple(listed((languages,))) or task.languages
    wish = Wish(scenario, chosen, wanted, max_ms, max_bytes, examples, documents)
    names = asked.models or evaluated_models(workspace, task.name)
    with Bars("guide") as bars:
        found = stage(task, names, wish, workspace, bars, timing=not no_timing)
    if asked.as_json:
        echo_json(found.to_json())
        return
    print_line(open_console(), verdict(found), style="bold")
    show_tables((), found.advice)
    lines = []
    for head, of in (("Excluded", excluded_lines(found.excluded)), ("Not known", found.unknown)):
        lines += [f"{head}:", *(f"  - {line}" for line in of)] if of else []
    folder = workspace.reports("guide", task.name, scenario)
    show_tables([guide_table(found)], [*lines, f"written to {folder}"])


def _scenarios() -> Grid:
    """Uses of retrieval, and what each weighs."""
    from xlembed.guide.scenarios import scenarios
    from xlembed.show.content import Grid, heads, row

    rows = []
    for name, of in scenarios().items():
        weights = ", ".join(f"{part} {100 * share:.0f} %" for part, share in of.shares().items())
        rows.append(row(name, of.title, of.measure, weights))
    words = ("use", "measure", "weights")
    return Grid("scenarios", "Scenarios", heads("name", *words, words=words), tuple(rows))
