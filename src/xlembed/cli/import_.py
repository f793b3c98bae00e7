"""`xlembed import`: files of other formats -> a task folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("import")
@click.argument("form", metavar="squad|beir|tatoeba|jsonl")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@click.option("--name", required=True, help="Name of the task: letters, digits, '.', '_', '+', '-'.")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write. [default: data/NAME]")
@click.option(
    "--lang",
    "langs",
    multiple=True,
    help="Language (ISO 639-1), or one per file. [default: from the file's name]",
)
@click.option(
    "--documents", metavar="contexts|answers", help="squad: what a document is. [default: contexts]"
)
@click.option("--force", is_flag=True, help="Replace a task that is there.")
def import_task(
    form: str,
    files: tuple[Path, ...],
    name: str,
    out: Path | None,
    langs: tuple[str, ...],
    documents: str | None,
    force: bool,
) -> None:
    """Turn files into a task under data/.

    \b
    xlembed import squad xquad.*.json --name xquad
    xlembed import squad train-v0.1.json --name tquad --lang tr
    xlembed import tatoeba tatoeba.deu-eng.deu tatoeba.deu-eng.eng --name tatoeba_de
    xlembed import beir scifact/ --name scifact --lang en
    xlembed import jsonl faq.de.jsonl --name faq

    Everything wrong in the files is listed at once, with file, line and what to do; what is left out is
    reported.
    """  # noqa: D301 (\b keeps click from joining the examples' lines)
    from xlembed.corpus.importing import import_files
    from xlembed.corpus.reading import DocumentUnit
    from xlembed.corpus.summary import summarise, summary_text

    imported = import_files(
        form,
        files,
        name,
        out,
        langs=tuple(code.strip() for codes in langs for code in codes.split(",")),
        documents=DocumentUnit(documents) if documents else None,
        force=force,
    )
    click.echo(summary_text(summarise(imported.task)))
    if imported.warnings:
        click.echo("\n  noticed in the files:")
        for warning in imported.warnings:
            click.echo(f"  - {warning}")
    click.echo(f"\nWrote {imported.folder}. Next: xlembed run -t {imported.handle}")
