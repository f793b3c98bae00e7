"""`xlembed indices`: what we have on the server, and clearing away what nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xlembed.cli.study import show_tables

if TYPE_CHECKING:
    from xlembed.search.elastic.admin import Found


@click.command()
@click.option("-m", "--model", default=None, help="Only indices of this model.")
@click.option("-t", "--task", default=None, help="Only indices of this task.")
@click.option("--prune", is_flag=True, help="Delete those that no alias points to, after asking.")
@click.option(
    "--with-previous", is_flag=True, help="With --prune: also those that publish --rollback would put back."
)
@click.option("--yes", is_flag=True, help="With --prune: do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print them for scripts.")
@click.option("--es-url", default=None, help="Elasticsearch server (default: XLEMBED_ES_URL).")
def indices(
    model: str | None,
    task: str | None,
    prune: bool,
    with_previous: bool,
    yes: bool,
    as_json: bool,
    es_url: str | None,
) -> None:
    """List the indices that this tool built; others are never shown or touched."""
    from xlembed.cli import echo_json
    from xlembed.cli.console import say
    from xlembed.search.elastic.admin import delete, list_indices, prunable, rollback_targets
    from xlembed.search.elastic.connection import connect
    from xlembed.show.content import Grid, heads
    from xlembed.show.content import row as grid_row

    server = connect(es_url or None)
    everything = list_indices(server)
    targets = rollback_targets(everything)

    def chosen(found: Found) -> bool:
        return model in (None, "", found.told("model")) and task in (None, "", found.told("task"))

    shown = [found for found in everything if chosen(found)]
    if not prune:
        if as_json:
            echo_json([found.to_json(targets.get(found.name, [])) for found in shown])
            return
        lines = []
        for found in shown:
            alias = ", ".join([*found.aliases, *(f"({a} before)" for a in targets.get(found.name, []))])
            size = "" if found.size is None else f"{found.size / 1e6:,.1f}"
            counted = "" if found.documents is None else f"{found.documents:,}"
            told = map(found.told, ("state", "task", "model", "type"))
            lines.append(grid_row(found.name, *told, counted, size, alias))
        words = ("state", "task", "model", "type", "alias")
        columns = heads("index", *words[:4], "documents", "MB", "alias", words=words)
        show_tables([Grid("indices", "Indices", columns, tuple(lines))])
        return
    idle = [found for found in prunable(everything, with_previous=with_previous) if chosen(found)]
    kept = [found for found in shown if found.name in targets and not found.aliases and not with_previous]
    for found in kept:
        say(f"kept: {found.name} (publish --alias {targets[found.name][0]} --rollback)", err=True)
    if not idle:
        why = (
            "the others have an alias" if kept else "each has an alias" if shown else "there is none of these"
        )
        say(f"nothing to delete: {why}", err=True)
        deleted: list[str] = []
    else:
        for found in idle:
            size = f", {found.size / 1e6:,.1f} MB" if found.size is not None else ""
            say(f"{found.name} ({found.told('state')}{size})", err=True)
        agreed = yes or click.confirm(f"delete these {len(idle)} indices from {server.url}?", err=True)
        names = [found.name for found in idle] if agreed else []
        deleted = delete(server, names, with_previous=with_previous)
    if as_json:
        echo_json({"deleted": deleted})
    elif deleted:
        say(f"deleted: {len(deleted)}", err=True)
