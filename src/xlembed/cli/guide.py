"""`xlembed guide`: which of the evaluated models to take for a use of retrieval."""

from __future__ import annotations

import click

from xlembed.cli.options import open_workspace, workspace_options


@click.command()
@click.option(
    "--scenario", default="", help="chatbot, offline-search, shop, multilingual, rag-mono or rag-cross."
)
@click.option("-t", "--task", default=None, help="Evaluated task. [default: the first of params.yaml]")
@click.option("-m", "--model", "models", multiple=True, help="Only these. [default: all that were evaluated]")
@click.option("--languages", default="", help="Wanted languages, tr,en. [default: all of the task]")
@click.option("--max-ms-per-query", "max_ms", type=click.FloatRange(min=0, min_open=True), default=None)
@click.option(
    "--max-bytes-per-vector", "max_bytes", type=click.FloatRange(min=0, min_open=True), default=None
)
@click.option("--weights", default="", help="PART=WEIGHT,... instead of the scenario's.")
@click.option("--examples", type=click.IntRange(0), default=None, help="Training pairs that you have.")
@click.option("--no-timing", is_flag=True, help="Do not time queries; speed then counts for none.")
@click.option("--json", "as_json", is_flag=True, help="Print the guide for scripts.")
@workspace_options
def guide(
    scenario: str,
    task: str | None,
    models: tuple[str, ...],
    languages: str,
    max_ms: float | None,
    max_bytes: float | None,
    weights: str,
    examples: int | None,
    no_timing: bool,
    as_json: bool,
    params: str | None,
    out: str | None,
) -> None:
    """Rank the evaluated models for a use, with what was excluded and what is not known."""
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.cli.progress import Bars
    from xlembed.report.guide_table import guide_table, verdict
    from xlembed.report.scenarios import find_scenario, parse_weights
    from xlembed.stages.guide import Wish, evaluated_models, guide_folder
    from xlembed.stages.guide import guide as stage

    if not scenario:
        _list_scenarios()
        return
    chosen = find_scenario(scenario)
    if weights:
        chosen = chosen.model_copy(update={"weights": parse_weights(weights), "why": "weights as given"})
    workspace = open_workspace(params, out, {})
    opened = workspace.open_task(task or workspace.settings.run.tasks[0])
    wanted = _split(languages) or tuple(opened.languages)
    wish = Wish(scenario, chosen, wanted, max_ms, max_bytes, examples)
    names = [name for given in models for name in _split(given)] or evaluated_models(workspace, opened.name)
    with Bars("guide") as bars:
        report = stage(opened, names, wish, workspace, bars, timing=not no_timing)
    if as_json:
        echo_json(report)
        return
    console = open_console()
    print_line(console, verdict(report), style="bold")
    for line in report["advice"]:
        print_line(console, line)
    print_table(console, guide_table(report))
    for head, lines in (
        ("Excluded", [f"{name}: {'; '.join(why)}" for name, why in report["excluded"].items()]),
        ("Not known", report["unknown"]),
    ):
        if lines:
            print_line(console, f"{head}:")
        for line in lines:
            print_line(console, f"  - {line}")
    print_line(console, f"written to {guide_folder(workspace, opened.name, scenario)}")


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _list_scenarios() -> None:
    from xlembed.cli.console import open_console, print_line
    from xlembed.report.scenarios import scenarios

    console = open_console()
    for name, scenario in scenarios().items():
        weights = ", ".join(f"{part} {100 * share:.0f} %" for part, share in scenario.shares().items())
        print_line(console, f"{name}: {scenario.title}; {scenario.measure}; {weights}")
