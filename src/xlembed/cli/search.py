"""`xlembed search`: ask a task's documents a question, as a user of the search system would."""

from __future__ import annotations

from typing import Any

import click

from xlembed.cli.options import open_workspace, settings_options, workspace_options


@click.command()
@click.argument("text")
@click.option("-m", "--model", required=True, help="Catalogue name, folder, Hub id or models:/name/1.")
@click.option("-t", "--task", required=True, help="Task under data/, or a folder.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="Documents to show.")
@click.option("--lang", default=None, help="Only documents of this language.")
@click.option("--json", "as_json", is_flag=True, help="Print the hits for scripts.")
@settings_options("corpus", "encode", "index")
@workspace_options
def search(
    text: str,
    model: str,
    task: str,
    k: int,
    lang: str | None,
    as_json: bool,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Encode TEXT as a query and print the nearest documents."""
    from rich.table import Table
    from rich.text import Text

    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console
    from xlembed.cli.progress import Bars
    from xlembed.stages.search import search as stage

    workspace = open_workspace(params, out, options)
    opened = workspace.open_task(task)
    with Bars(model) as bars:
        hits = stage(text, opened, workspace.open_model(model), workspace, k=k, lang=lang or None, watch=bars)
    if as_json:
        echo_json(hits)
        return
    table = Table("rank", "score", "lang", "document", "text")  # Text: a document may hold [square brackets]
    for hit in hits:
        words = f"{hit['title']}: {hit['text']}" if hit["title"] else hit["text"]
        cells = (str(hit["rank"]), f"{hit['score']:.3f}", hit["lang"], hit["doc_id"], words[:160])
        table.add_row(*map(Text, cells))
    open_console().print(table)
