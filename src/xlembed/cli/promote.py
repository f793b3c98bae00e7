"""`xlembed promote`: the alias `champion` moves to a version that is shown to be better."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import open_workspace, settings_options

if TYPE_CHECKING:
    from xlembed.promote.decision import Outcome


@click.command()
@click.argument("model", required=False)
@click.option("--alias", default=None, help="Search alias in Elasticsearch that moves along.")
@click.option("--force", default=None, metavar="REASON", help="Promote all the same; the reason is kept.")
@click.option("--dry-run", is_flag=True, help="Decide and move nothing; it counts as an attempt.")
@click.option("--rollback", is_flag=True, help="Back to the champion before.")
@click.option("--json", "as_json", is_flag=True, help="Print the report for scripts.")
@settings_options("corpus", "encode", "index", "promote")
@click.option("--params", default=None, help="Settings file (default: ./params.yaml if there is one).")
def promote(
    model: str | None,
    alias: str | None,
    force: str | None,
    dry_run: bool,
    rollback: bool,
    as_json: bool,
    params: str | None,
    **options: Any,
) -> None:
    """Compare MODEL (default: models:/NAME@candidate) with the champion, and make it the champion if it is better.

    Exit code 1: refused; the numbers say why.
    """
    from xlembed.cli import FAILED, echo_json
    from xlembed.cli.progress import Bars
    from xlembed.data.loading import open_task
    from xlembed.promote.job import promote as stage
    from xlembed.promote.job import roll_back

    workspace = open_workspace(params, None, options, named=("corpus", "encode", "index"))
    settings = workspace.settings.promote
    if rollback:
        name = (model or f"models:/{settings.name}").removeprefix("models:/").partition("@")[0]
        if "/" in name:
            raise click.UsageError("--rollback goes to the champion before: name a model, not a version")
        outcome = roll_back(name, workspace, alias=alias or None, reason=force or "", dry_run=dry_run)
    else:
        chosen = model or f"models:/{settings.name}@candidate"
        with Bars(chosen) as bars:
            outcome = stage(
                chosen,
                open_task(workspace, settings.task),
                workspace,
                alias=alias or None,
                force=force or "",
                dry_run=dry_run,
                watch=bars,
            )
    if as_json:
        echo_json(outcome.to_json())
    else:
        _print(outcome)
    if not outcome.granted:
        sys.exit(FAILED)


def _print(outcome: Outcome) -> None:
    from xlembed.cli.console import open_console, print_line, print_table
    from xlembed.promote.tables import promotion_table

    console = open_console()
    if outcome.decision is not None:
        print_table(console, promotion_table(outcome.to_json()))
    for note in outcome.notes:
        print_line(console, note)
    for reason in outcome.refusals:
        print_line(console, f"{'forced although' if outcome.reason else 'refused'}: {reason}", style="yellow")
    print_line(console, outcome.verdict, style="green" if outcome.granted else "red")
    if outcome.search is not None and outcome.moved:
        print_line(console, f"search alias {outcome.search.alias} -> {outcome.search.index}")
    if outcome.next_step:
        print_line(console, f"next: {outcome.next_step}")
    if outcome.run_id:
        print_line(console, f"MLflow run {outcome.run_id}")
