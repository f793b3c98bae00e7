"""`xlembed search`: ask a task's documents a question, as a user of the search system would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.options import BETWEEN, listed, open_workspace, settings_options, workspace_options
from xlembed.cli.study import show_tables, told
from xlembed.words import counted

if TYPE_CHECKING:
    from xlembed.show.content import Grid

DECIDED = [
    BETWEEN.join(place)
    for place in (("encode", "instruction"), ("index", "num_candidates"), ("index", "oversample"))
]
"""Options that a search of an alias has no use for: what was published says them."""


@click.command()
@click.argument("text")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="Catalogue name, folder, Hub id or models:/name/1; repeated: side by side.",
)
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
    models: tuple[str, ...],
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

    Where TEXT is a query of the task, what is judged right is marked. With --alias the index says which model encodes;
    -m only says where its files are, if they are not found.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.progress import Bars
    from xlembed.data.loading import open_task
    from xlembed.tracking.opening import open_model

    if alias:
        if task or len(models) > 1:
            raise click.UsageError("--alias knows its task and its model; leave --task and further -m out")
        if decided := [key for key in DECIDED if options.get(key)]:
            names = ", ".join(f"--{key.partition(BETWEEN)[2].replace('_', '-')}" for key in decided)
            raise click.UsageError(
                f"{names}: --alias is searched as it was published; publish it anew to change that"
            )
        from xlembed.publish.published import search_alias

        workspace = open_workspace(params, out, options, named=("corpus", "encode", "index"))
        answer = search_alias(
            alias,
            text,
            workspace,
            k=k,
            lang=lang or None,
            query_lang=query_lang or None,
            model=next(iter(models), None),
        )
        told(f"{alias} -> {answer.index}, query encoded with {answer.model}")
        if as_request:
            import json

            asked = answer.request  # several bodies: as _msearch takes them
            bodies = [line for body in asked for line in ({}, body)] if isinstance(asked, list) else [asked]
            click.echo("\n".join(map(json.dumps, bodies)))
            return
        found = {alias: answer.hits}
        lines: list[str] = []
    else:
        if not models or not task:
            raise click.UsageError("give --model and --task, or --alias")
        from xlembed.evaluate.search import right_answers
        from xlembed.evaluate.search import search as stage

        workspace = open_workspace(params, out, options)
        opened = open_task(workspace, task, unjudged=True)
        refs = {ref.slug: ref for ref in (open_model(workspace, model) for model in listed(models))}
        found = {}
        for name, ref in refs.items():
            with Bars(name) as bars:
                found[name] = stage(
                    text,
                    opened,
                    ref,
                    workspace,
                    k=k,
                    lang=lang or None,
                    query_lang=query_lang or None,
                    watch=bars,
                )
        lines = _judge(found, right_answers(text, opened))
    if as_json:
        echo_json(found if len(found) > 1 else next(iter(found.values())))
    else:
        show_tables([_side_by_side(found) if len(found) > 1 else _hits(*found.values())], lines)


def _judge(found: Mapping[str, list[dict[str, Any]]], judged: tuple[str, frozenset[str]] | None) -> list[str]:
    """Mark what is right, and say at which ranks it was found; nothing for a question that nobody judged."""
    if judged is None:
        return []
    query, right = judged
    lines = [f"This is the task's query {query}: {counted(len(right), 'document')} judged right."]
    for name, hits in found.items():
        for hit in hits:
            hit["right"] = hit["doc_id"] in right
        ranks = ", ".join(str(hit["rank"]) for hit in hits if hit["right"])
        lines.append(f"{name}: right at {f'rank {ranks}' if ranks else 'no rank shown'}.")
    return lines


def _text(hit: Mapping[str, Any], columns: int) -> str:
    from xlembed.show.text import shortened

    return shortened(f"{hit['title']}: {hit['text']}" if hit.get("title") else hit["text"], columns)


def _hits(hits: Sequence[Mapping[str, Any]]) -> Grid:
    """A row per document of one ranking."""
    from xlembed.show.content import Grid, heads, row

    grouped = any(hit.get("group") not in (None, hit["doc_id"]) for hit in hits)
    judged = any("right" in hit for hit in hits)
    names = [
        "rank",
        "score",
        "lang",
        "document",
        *(["group"] if grouped else []),
        *(["right"] if judged else []),
        "text",
    ]
    rows = []
    for hit in hits:
        # Fused scores differ in the fourth decimal.
        cells = [str(hit["rank"]), f"{hit['score']:.4f}", hit["lang"], hit["doc_id"]]
        cells += [hit.get("group") or ""] if grouped else []
        cells += ["yes" if hit["right"] else "no"] if judged else []
        rows.append(row(*cells, _text(hit, 160)))
    return Grid("hits", "Found", heads(*names, words=names[2:]), tuple(rows))


def _side_by_side(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Grid:
    """A row per rank, a column per model."""
    from itertools import zip_longest

    from xlembed.show.content import Grid, heads, row

    def cell(hit: Mapping[str, Any] | None) -> str:
        if hit is None:
            return ""
        right = {True: "right, ", False: "wrong, "}.get(hit.get("right"), "")  # type: ignore[arg-type]
        return f"{hit['doc_id']} ({right}{hit['lang']}): {_text(hit, 60)}"

    ranks = enumerate(zip_longest(*found.values()), 1)
    rows = tuple(row(str(rank), *map(cell, hits)) for rank, hits in ranks)
    return Grid("hits", "Found", heads("rank", *found, words=tuple(found)), rows)
