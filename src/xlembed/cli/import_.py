"""`xlembed import`: files of other formats -> a task folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

REFUSED = (
    (("documents",), "squad` or `xlembed import pairs", ("scored",)),
    (("dimensions", "document_pattern", "scale"), "scored", ("pairs", "jsonl", "table", "task")),
    (
        ("kind", "limit", "source", "licence"),
        "pairs` or `xlembed import scored",
        ("jsonl", "table", "task"),
    ),
    (("columns", "encoding"), "table|pairs|scored", ("jsonl", "task")),
    (("where",), "jsonl|table|pairs", ("scored", "task")),
    (("detect_lang",), "table", ("pairs", "scored", "jsonl", "task")),
    (("leave_out_self", "unjudged", "dry_run"), "squad|beir|tatoeba|jsonl|table", ("pairs", "scored")),
)
"""Options, the formats that know them, and those that do not (`task`: of tasks, other than jsonl and table)."""


@dataclass(frozen=True)
class Said:
    """The options as typed."""

    langs: tuple[str, ...]
    documents: str | None
    kind: str | None
    columns: str
    dimensions: str
    document_pattern: str | None
    scale: str
    where: tuple[str, ...]
    leave_out_self: bool
    unjudged: bool
    detect_lang: bool
    encoding: str
    dry_run: bool
    believe: bool
    limit: int | None
    source: str
    licence: str

    def common(self) -> dict[str, Any]:
        """Those of `ReadOptions`, but for columns, whose names each format has."""
        from xlembed.data.choosing import parse_where
        from xlembed.data.reading import DocumentUnit

        return {
            "langs": tuple(code.strip() for given in self.langs for code in given.split(",")),
            "documents": DocumentUnit(self.documents) if self.documents else None,
            "where": parse_where(self.where),
            "believe": self.believe,
            "unjudged": self.unjudged,
            "detect": self.detect_lang,
            "encoding": self.encoding,
            "limit": self.limit,
            "source": self.source,
            "licence": self.licence,
        }


@click.command("import")
@click.argument("form", metavar="squad|beir|tatoeba|jsonl|table|pairs|scored")
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
    help="table, pairs, scored: OURS=THEIRS,... by name: id=sku,text=title+description (pairs: or number: text1=1).",
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
    help="table, jsonl, pairs: only rows with this value are right pairs; repeatable, VALUE * is any.",
)
@click.option(
    "--leave-out-self",
    is_flag=True,
    help="Tasks: take a query's own copy among the documents out of its ranking (ArguAna, Quora).",
)
@click.option(
    "--unjudged", is_flag=True, help="Tasks: a log of queries; nobody has said which documents are right."
)
@click.option(
    "--detect-lang",
    is_flag=True,
    help="table: the texts tell their language; --lang is that of those that tell none.",
)
@click.option(
    "--encoding", default="", help="Tables: of the text, such as windows-1252. [default: found out, and told]"
)
@click.option("--dry-run", is_flag=True, help="Tasks: show what was understood, and write nothing.")
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
    form: str, files: tuple[Path, ...], name: str, out: Path | None, force: bool, **given: Any
) -> None:
    """Turn files into a task under data/, training rows under data/pairs/ or scored texts under data/scored/.

    \b
    xlembed import squad xquad.*.json --name xquad
    xlembed import squad train-v0.1.json --name tquad --lang tr
    xlembed import tatoeba tatoeba.deu-eng.deu tatoeba.deu-eng.eng --name tatoeba_de
    xlembed import beir scifact/ --name scifact --lang en
    xlembed import jsonl faq.de.jsonl --name faq
    xlembed import table products.csv queries.csv --name shop --dry-run
    xlembed import pairs train-v0.1.json --name tquad --lang tr
    xlembed import pairs stsb-tr-train.tsv --name stsb_tr --columns text1=sentence1,text2=sentence2,score=score
    xlembed import scored emobank.csv --name emobank --lang en --dimensions V,A,D --scale 1,5

    Everything wrong in the files is listed at once, with file, line and what to do; what is left out is
    reported.
    """  # noqa: D301 (\b keeps click from joining the examples' lines)
    from xlembed.words import UserError, near_miss

    said = Said(**given)
    if near := near_miss(form, ["pairs", "scored"]) if form not in ("pairs", "scored") else "":
        raise UserError(f"no format {form!r}.{near}")
    for options, known, refused in REFUSED:
        told = [f"--{option.replace('_', '-')}" for option in options if getattr(said, option)]
        if told and (form if form in ("pairs", "scored", "jsonl", "table") else "task") in refused:
            raise UserError(
                f"{', '.join(told)}: for `xlembed import {known}` only; {form} has no such choice"
            )
    if form == "pairs":
        _import_pairs(files, name, out or Path("data") / "pairs" / name, said, force)
    elif form == "scored":
        _import_scored(files, name, out, said, force)
    else:
        _import_task(form, files, name, out, said, force)


def _import_task(
    form: str, files: Sequence[Path], name: str, out: Path | None, said: Said, force: bool
) -> None:
    from xlembed.cli.console import say
    from xlembed.data.headers import parse_table_columns
    from xlembed.data.importing import import_files
    from xlembed.data.reading import ReadOptions
    from xlembed.data.summary import first_rows, summarise

    columns = parse_table_columns(said.columns)
    imported = import_files(
        form,
        files,
        name,
        out,
        options=ReadOptions(**said.common(), columns=columns),
        leave_out_self=said.leave_out_self,
        force=force,
        dry_run=said.dry_run,
    )
    if imported.read_as:
        say("\n".join(["read as:", *(f"  {line}" for line in imported.read_as), ""]))
    if said.dry_run:
        say("\n".join(["first rows:", *(f"  {line}" for line in first_rows(imported.task)), ""]))
    say(summarise(imported.task).text())
    if imported.warnings:
        say("\n  noticed in the files:")
        for warning in imported.warnings:
            say(f"  - {warning}")
    if said.dry_run:
        say(f"\nNothing was written: leave out --dry-run to write {imported.folder}")
        return
    following = 'search -m static_multilingual "..."' if imported.task.unjudged else "run"
    following = following if imported.task.queries else "generate-queries"
    say(f"\nWrote {imported.folder}. Next: xlembed {following} -t {imported.handle}")


def _import_pairs(files: Sequence[Path], name: str, folder: Path, said: Said, force: bool) -> None:
    from xlembed.cli.console import say
    from xlembed.data.pair_readers import PairOptions, import_pairs, parse_columns
    from xlembed.data.pairs import Kind, describe_pairs

    options = PairOptions(
        **said.common(), columns=parse_columns(said.columns), kind=Kind(said.kind) if said.kind else None
    )
    found = import_pairs(files, name, folder, options, force)
    say(describe_pairs(found))
    for note in found.notes:
        say(f"  - {note}")
    say(f"Wrote {found.folder}. Next: name it in a recipe (`pairs: {name}`), see docs/finetune.md")


def _import_scored(files: Sequence[Path], name: str, out: Path | None, said: Said, force: bool) -> None:
    from xlembed.cli.console import say
    from xlembed.data import scored_files as reading
    from xlembed.data.scored import ScoredKind
    from xlembed.data.scored_summary import summarise_scored

    options = reading.ScoredOptions(
        **said.common(),
        kind=ScoredKind(said.kind) if said.kind else ScoredKind.SCORES,
        columns=reading.parse_scored_columns(said.columns),
        dimensions=reading.parse_dimensions(said.dimensions),
        document_pattern=reading.parse_document_pattern(said.document_pattern),
        scale=reading.parse_scale(said.scale),
    )
    found = reading.import_scored(files, name, out or Path("data") / "scored" / name, options, force)
    say(summarise_scored(found).text())
    say(f"\nWrote {found.folder}. Next: xlembed probe -t {name if out is None else found.folder}")
