"""`xlembed import-vectors` and `export-vectors`: vectors that were made elsewhere, and ours for others."""

from __future__ import annotations

from pathlib import Path

import click

from xlembed.cli.study import Asked, study, told


@click.command("import-vectors")
@study(
    "corpus",
    task="Task whose texts they are of.",
    required=("task",),
    tracked=False,
    json_help="",
    unjudged=True,
)
@click.argument("sources", metavar="DOCUMENTS [QUERIES]", nargs=-1, required=True)
@click.option("--name", required=True, help="What to call them.")
@click.option(
    "--id-field", default="", help="Column, array or payload key of the ids. [default: id, _id, doc_id ...]"
)
@click.option(
    "--vector-field", default="", help="Column, array or named vector. [default: vector, embedding ...]"
)
@click.option("--languages", default="", help="That their model is made for; others are labelled: de,en.")
@click.option("--force", is_flag=True, help="Replace vectors that are there.")
def import_vectors(
    asked: Asked,
    sources: tuple[str, ...],
    name: str,
    id_field: str,
    vector_field: str,
    languages: str,
    force: bool,
) -> None:
    """Take vectors that were made elsewhere as a model: vectors/TASK/NAME/, a MODEL as vectors:vectors/TASK/NAME.

    DOCUMENTS and QUERIES are FILE.npz, FILE.parquet or a Qdrant collection, http://HOST:PORT/collections/NAME (its key:
    QDRANT_API_KEY); one source may hold both. Every document and every query of the task needs a vector.
    """
    from xlembed.cli.console import open_console, print_warning, say
    from xlembed.cli.options import listed
    from xlembed.embeddings.importing import import_vectors as take
    from xlembed.embeddings.layout import Names
    from xlembed.words import UserError

    if len(sources) > 2:
        raise UserError(f"expected DOCUMENTS and perhaps QUERIES, found {len(sources)} sources")
    task = asked.task
    folder = asked.workspace.out / "vectors" / task.name / name
    names = Names(id_field, vector_field)
    found = take(task, sources, name, folder, names, languages=listed([languages]), force=force)
    for note in (*found.told, *found.notes):
        print_warning(open_console(stderr=True), note)
    say(
        f"Wrote {found.folder}: {found.documents:,} documents and {found.queries:,} queries, {found.dim} dimensions. "
        f"Next: xlembed run -t {asked.task_name} -m vectors:{found.folder}"
    )


@click.command("export-vectors")
@study(
    *("corpus", "encode"),
    models=".",
    one=True,
    required=("model", "task"),
    variation=True,
    tracked=False,
    json_help="",
    unjudged=True,
)
@click.argument("file", type=click.Path(path_type=Path))
def export_vectors(asked: Asked, file: Path) -> None:
    """Write a model's vectors of a task to FILE.npz or FILE.parquet; what is not encoded yet is encoded first."""
    from xlembed.cli.progress import Bars
    from xlembed.embeddings.embedded import open_embeddings
    from xlembed.embeddings.importing import export_vectors as write
    from xlembed.embeddings.layout import find_layout
    from xlembed.evaluate.encode import encode
    from xlembed.models.safety import check_vectors

    find_layout(str(file), written=True)  # a typo is told before hours of work
    task, ref = asked.task, asked.ref
    check_vectors(ref)
    with Bars(ref.slug) as bars:
        encode(task, ref, asked.workspace, bars)
    embeddings = open_embeddings(task, ref, asked.workspace)
    write(embeddings, file)
    told(
        f"{file}: {len(embeddings.doc_ids):,} documents and {len(embeddings.query_ids):,} queries of {ref.slug}"
    )
