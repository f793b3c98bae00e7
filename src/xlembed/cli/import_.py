"""`xlembed import`: files of other formats -> a task folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from xlembed.corpus.choosing import Where
    from xlembed.corpus.reading import DocumentUnit


@click.command("import")
@click.argument("form", metavar="squad|beir|tatoeba|jsonl|pairs|scored")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
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
@click.option(
    "--kind", default=None, help="pairs: pairs, triplets, translations or scored; scored: scores or labels."
)
@click.option(
    "--columns",
    default="",
    help="pairs, scored: OURS=THEIRS,... by name (pairs: or number): text1=1,text2=2,score=3.",
)
@click.option("--dimensions", default="", help="scored: the columns that are scores: V,A,D.")
@click.option(
    "--document-pattern",
    default=None,
    help="scored: a regular expression that matches ids in full; its one group is the text's document.",
)
@click.option("--scale", default="", metavar="LOW,HIGH", help="scored: ends of the scale of every score.")
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="pairs, jsonl: only rows with this value are right pairs; repeatable, VALUE * is any.",
)
@click.option(
    "--leave-out-self",
    is_flag=True,
    help="Tasks: take a query's own copy among the documents out of its ranking (ArguAna, Quora).",
)
@click.option(
    "--believe",
    is_flag=True,
    help="Take files for what they are said to be, even where texts look like another language or ids are no proof of "
    "translation.",
)
@click.option("--limit", type=click.IntRange(1), default=None, help="pairs, scored: rows at most.")
@click.option(
    "--source", default="", help="pairs, scored: written into the card. [default: the files' names]"
)
@click.option("--licence", default="", help="pairs, scored: written into the card.")
@click.option("--force", is_flag=True, help="Replace what is there.")
def import_task(
    form: str,
    files: tuple[Path, ...],
    name: str,
    out: Path | None,
    langs: tuple[str, ...],
    documents: str | None,
    kind: str | None,
    columns: str,
    dimensions: str,
    document_pattern: str | None,
    scale: str,
    where: tuple[str, ...],
    leave_out_self: bool,
    believe: bool,
    limit: int | None,
    source: str,
    licence: str,
    force: bool,
) -> None:
    """Turn files into a task under data/, training rows under data/pairs/ or scored texts under data/scored/.

    \b
    xlembed import squad xquad.*.json --name xquad
    xlembed import squad train-v0.1.json --name tquad --lang tr
    xlembed import tatoeba tatoeba.deu-eng.deu tatoeba.deu-eng.eng --name tatoeba_de
    xlembed import beir scifact/ --name scifact --lang en
    xlembed import jsonl faq.de.jsonl --name faq
    xlembed import pairs train-v0.1.json --name tquad --lang tr
    xlembed import pairs stsb-tr-train.tsv --name stsb_tr --columns text1=sentence1,text2=sentence2,score=score
    xlembed import scored emobank.csv --name emobank --lang en --dimensions V,A,D --scale 1,5

    Everything wrong in the files is listed at once, with file, line and what to do; what is left out is
    reported.
    """  # noqa: D301 (\b keeps click from joining the examples' lines)
    from xlembed.corpus.choosing import parse_where
    from xlembed.corpus.reading import DocumentUnit
    from xlembed.types import UserError, near_miss

    codes = tuple(code.strip() for given in langs for code in given.split(","))
    unit = DocumentUnit(documents) if documents else None
    of_scored = {"--dimensions": dimensions, "--document-pattern": document_pattern, "--scale": scale}
    of_both = {
        "--kind": kind,
        "--columns": columns,
        "--limit": limit,
        "--source": source,
        "--licence": licence,
    }
    if form == "scored":
        _refuse({"--documents": documents}, form, "squad` or `xlembed import pairs")
        _refuse({"--where": where}, form, "pairs` or `xlembed import jsonl")
        _refuse({"--leave-out-self": leave_out_self}, form, "squad|beir|tatoeba|jsonl")
        _import_scored(
            files, name, out, codes, kind, columns, dimensions, document_pattern, scale, limit, source, licence,
            believe, force,
        )  # fmt: skip
        return
    if near := near_miss(form, ["pairs", "scored"]) if form != "pairs" else "":
        raise UserError(f"no format {form!r}.{near}")
    _refuse(of_scored, form, "scored")
    if form == "pairs":
        _refuse({"--leave-out-self": leave_out_self}, form, "squad|beir|tatoeba|jsonl")
        _import_pairs(
            files,
            name,
            out,
            codes,
            unit,
            kind,
            columns,
            parse_where(where),
            limit,
            source,
            licence,
            believe,
            force,
        )
        return
    _refuse(of_both, form, "pairs` or `xlembed import scored")
    if form != "jsonl":
        _refuse({"--where": where}, form, "pairs` or `xlembed import jsonl")
    from xlembed.corpus.importing import import_files
    from xlembed.corpus.summary import summarise, summary_text

    imported = import_files(
        form,
        files,
        name,
        out,
        langs=codes,
        documents=unit,
        where=parse_where(where),
        leave_out_self=leave_out_self,
        believe=believe,
        force=force,
    )
    click.echo(summary_text(summarise(imported.task)))
    if imported.warnings:
        click.echo("\n  noticed in the files:")
        for warning in imported.warnings:
            click.echo(f"  - {warning}")
    click.echo(f"\nWrote {imported.folder}. Next: xlembed run -t {imported.handle}")


def _refuse(given: Mapping[str, object], form: str, of: str) -> None:
    """Options that other formats know."""
    from xlembed.types import UserError

    if told := [option for option, value in given.items() if value]:
        raise UserError(f"{', '.join(told)}: for `xlembed import {of}` only; {form} has no such choice")


def _import_pairs(
    files: tuple[Path, ...],
    name: str,
    out: Path | None,
    langs: tuple[str, ...],
    documents: DocumentUnit | None,
    kind: str | None,
    columns: str,
    where: Where,
    limit: int | None,
    source: str,
    licence: str,
    believe: bool,
    force: bool,
) -> None:
    from xlembed.finetune.pair_readers import PairOptions, import_pairs, parse_columns
    from xlembed.finetune.pairs import Kind, describe_pairs

    options = PairOptions(
        kind=Kind(kind) if kind else None,
        columns=parse_columns(columns) or None,
        langs=langs,
        documents=documents,
        where=where,
        limit=limit,
        source=source,
        licence=licence,
        believe=believe,
    )
    found = import_pairs(files, name, out or Path("data") / "pairs" / name, options, force)
    click.echo(describe_pairs(found))
    for note in found.notes:
        click.echo(f"  - {note}")
    click.echo(f"Wrote {found.folder}. Next: name it in a recipe (`pairs: {name}`), see docs/finetune.md")


def _import_scored(
    files: tuple[Path, ...],
    name: str,
    out: Path | None,
    langs: tuple[str, ...],
    kind: str | None,
    columns: str,
    dimensions: str,
    document_pattern: str | None,
    scale: str,
    limit: int | None,
    source: str,
    licence: str,
    believe: bool,
    force: bool,
) -> None:
    from xlembed.corpus import scored_files as reading
    from xlembed.corpus.scored import ScoredKind
    from xlembed.corpus.scored_summary import scored_text, summarise_scored

    options = reading.ScoredOptions(
        kind=ScoredKind(kind) if kind else ScoredKind.SCORES,
        columns=reading.parse_scored_columns(columns),
        dimensions=reading.parse_dimensions(dimensions),
        langs=langs,
        document_pattern=reading.parse_document_pattern(document_pattern),
        scale=reading.parse_scale(scale),
        limit=limit,
        source=source,
        licence=licence,
        believe=believe,
    )
    found = reading.import_scored(files, name, out or Path("data") / "scored" / name, options, force)
    click.echo(scored_text(summarise_scored(found)))
    click.echo(f"\nWrote {found.folder}. Next: xlembed probe -t {name if out is None else found.folder}")
