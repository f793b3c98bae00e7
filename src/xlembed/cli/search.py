"""`xlembed search`: ask a task's documents a question, as a user of the search system would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from xlembed.cli.options import open_workspace, settings_options, workspace_options
from xlembed.cli.study import show_tables, told


@click.command()
@click.argument("text")
@click.option("-m", "--model", default=None, help="Catalogue name, folder, Hub id or models:/name/1.")
@click.option("-t", "--task", default=None, help="Task under data/, or a folder.")
@click.option("--alias", default=None, help="Ask what is published under this name, with the model it needs.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="Documents to show.")
@click.option("--lang", default=None, help="Only documents of this language.")
@click.option(
    "--query-lang",
    default=None,
    help="Language of TEXT, for models post-processed by language (default: --lang, else detected).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the hits for scripts.")
@click.option(
    "--request", "as_request", is_flag=True, help="With --alias: print the request's body instead, for curl."
)
@settings_options("corpus", "encode", "index")
@workspace_options
def search(
    text: str,
    model: str | None,
    task: str | None,
    alias: str | None,
    k: int,
    lang: str | None,
    query_lang: str | None,
    as_json: bool,
    as_request: bool,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Encode TEXT as a query and print the nearest documents, of a task (-m, -t) or of an alias (--alias).

    With --alias the index says which model encodes; -m only says where its files are, if they are not found.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.progress import Bars
    from xlembed.data.loading import open_task
    from xlembed.tracking.opening import open_model

    if alias:
        if task:
            raise click.UsageError("--alias knows its task; leave --task out")
        from xlembed.publish.published import search_alias

        workspace = open_workspace(params, out, options, named=("corpus", "encode", "index"))
        answer = search_alias(
            alias, text, workspace, k=k, lang=lang or None, query_lang=query_lang or None, model=model or None
        )
        told(f"{alias} -> {answer.index}, query encoded with {answer.model}")
        if as_request:
            import json

            asked = answer.request  # several bodies: as _msearch takes them
            lines = [line for body in asked for line in ({}, body)] if isinstance(asked, list) else [asked]
            click.echo("\n".join(map(json.dumps, lines)))
            return
        hits = answer.hits
    else:
        if not model or not task:
            raise click.UsageError("give --model and --task, or --alias")
        from xlembed.evaluate.search import search as stage

        workspace = open_workspace(params, out, options)
        opened = open_task(workspace, task, unjudged=True)
        with Bars(model) as bars:
            hits = stage(
                text,
                opened,
                open_model(workspace, model),
                workspace,
                k=k,
                lang=lang or None,
                query_lang=query_lang or None,
                watch=bars,
            )
    if as_json:
        echo_json(hits)
    else:
        _print(hits)


def _print(hits: Sequence[Mapping[str, Any]]) -> None:
    from xlembed.show.content import Grid, heads, row

    found = []
    for hit in hits:
        words = f"{hit['title']}: {hit['text']}" if hit.get("title") else hit["text"]
        # Fused scores differ in the fourth decimal.
        score, text = f"{hit['score']:.4f}", " ".join(words.split())[:160]
        found.append(row(str(hit["rank"]), score, hit["lang"], hit["doc_id"], text))
    columns = heads("rank", "score", "lang", "document", "text", words=("lang", "document", "text"))
    show_tables([Grid("hits", "Found", columns, tuple(found))])
