"""`xlembed import`: files of other formats -> a task folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

OWN = ("pairs", "scored", "jsonl", "table", "reviews")
"""Formats with options of their own."""

JUDGED = "squad|beir|trec|miracl|mrtydi|tatoeba|jsonl|table|mteb"
TASKS = f"{JUDGED}|reviews"
REFUSED = (
    (("documents",), "squad|reviews|pairs", ("scored",)),
    (
        ("min_length", "max_documents_per_language", "seed"),
        "reviews",
        ("table", "jsonl", "task", "pairs", "scored"),
    ),
    (("dimensions", "document_pattern", "scale"), "scored", ("pairs", "jsonl", "table", "reviews", "task")),
    (("kind", "limit", "source", "licence"), "pairs|scored", ("jsonl", "table", "reviews", "task")),
    (("columns",), "jsonl|table|reviews|pairs|scored", ("task",)),
    (("encoding",), "table|reviews|pairs|scored", ("jsonl", "task")),
    (("split",), "beir|trec|miracl|mrtydi", (*OWN, "squad", "tatoeba")),
    (
        ("equal_ids",),
        "beir|trec|miracl|mrtydi|jsonl",
        ("table", "reviews", "pairs", "scored", "squad", "tatoeba"),
    ),
    (("where",), "jsonl|table|reviews|pairs", ("scored", "task")),
    (("detect_lang",), "table", ("pairs", "scored", "jsonl", "reviews", "task")),
    (("leave_out_self", "unjudged", "drop_unknown"), JUDGED, ("pairs", "scored", "reviews")),
    (("dry_run",), TASKS, ("pairs", "scored")),
)
"""Options, the formats that know them, and those that do not (`task`: of tasks, other than `OWN`)."""


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
    varieties: bool
    split: str
    drop_unknown: bool
    equal_ids: str | None
    limit: int | None
    source: str
    licence: str
    min_length: int | None
    max_documents_per_language: int | None
    seed: int | None

    def common(self) -> dict[str, Any]:
        """Those of `ReadOptions`, but for columns, whose names each format has."""
        from xlembed.data.choosing import parse_where
        from xlembed.data.reading import DocumentUnit, EqualIds

        return {
            "langs": tuple(code.strip() for given in self.langs for code in given.split(",")),
            "documents": DocumentUnit(self.documents) if self.documents else None,
            "where": parse_where(self.where),
            "believe": self.believe,
            "unjudged": self.unjudged,
            "leave_out_self": self.leave_out_self,
            "detect": self.detect_lang,
            "encoding": self.encoding,
            "varieties": self.varieties,
            "split": self.split,
            "drop_unknown": self.drop_unknown,
            "equal_ids": EqualIds(self.equal_ids) if self.equal_ids else None,
            "limit": self.limit,
            "source": self.source,
            "licence": self.licence,
        }


class Import(click.Command):
    """`xlembed import`, which hands `hub NAME` on: a name in place of files."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does."""
        if args[:1] == ["hub"]:
            from xlembed.cli.import_hub import import_hub

            return import_hub.make_context(f"{info_name} hub", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command("import", cls=Import)
@click.argument("form", metavar=f"{TASKS}|pairs|scored")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the task: letters, digits, '.', '_', '+', '-'.")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write. [default: data/NAME]")
@click.option(
    "--lang",
    "langs",
    multiple=True,
    help="Language (en, ceb, zh-Hant), or one per file. [default: from the file's name]",
)
@click.option(
    "--documents",
    metavar="UNIT",
    help="What a document is. squad: contexts or answers; reviews: reviews or products. [default: the first]",
)
@click.option(
    "--kind", default=None, help="pairs: pairs, triplets, translations or scored; scored: scores or labels."
)
@click.option(
    "--columns",
    default="",
    help="Tables, jsonl, reviews, pairs, scored: OURS=THEIRS,...: id=sku,text=title+body (pairs: or number: text1=1).",
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
    help="table, jsonl, reviews, pairs: only rows with this value are right pairs; repeatable, VALUE * is any.",
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
@click.option(
    "--varieties",
    is_flag=True,
    help="Keep scripts and regions apart that columns and files' names say: zh-Hant, pt-BR.",
)
@click.option(
    "--split",
    default="",
    help="beir, trec, miracl, mrtydi: of judgements, such as dev. [default: test, or the only one]",
)
@click.option(
    "--drop-unknown",
    is_flag=True,
    help="Tasks: leave out judgements of queries and documents that are not there; their number is told.",
)
@click.option(
    "--equal-ids",
    type=click.Choice(("translations", "apart")),
    default=None,
    help="beir, trec, jsonl: what ids mean that stand in files of several languages.",
)
@click.option("--limit", type=click.IntRange(1), default=None, help="pairs, scored: rows at most.")
@click.option(
    "--source", default="", help="pairs, scored: written into the card. [default: the files' names]"
)
@click.option("--licence", default="", help="pairs, scored: written into the card.")
@click.option(
    "--min-length", type=click.IntRange(1), default=None, help="reviews: characters at least. [default: 1]"
)
@click.option(
    "--max-documents-per-language",
    type=click.IntRange(1),
    default=None,
    help="reviews: a sample by the hash of seed and id. [default: all]",
)
@click.option("--seed", type=int, default=None, help="reviews: of the sample. [default: 0]")
@click.option("--force", is_flag=True, help="Replace what is there.")
def import_task(
    form: str, files: tuple[Path, ...], name: str, out: Path | None, force: bool, **given: Any
) -> None:
    """Turn files into a task under data/, training rows under data/pairs/ or scored texts under data/scored/.

    Public sets are fetched by name: xlembed import hub --help.

    \b
    xlembed import squad xquad.*.json --name xquad
    xlembed import squad train-v0.1.json --name tquad --lang tr
    xlembed import tatoeba tatoeba.deu-eng.deu tatoeba.deu-eng.eng --name tat_de
    xlembed import beir scifact/ --name scifact --lang en
    xlembed import miracl miracl-v1.0-yo/ miracl-corpus-v1.0-yo/ --name miracl_yo
    xlembed import jsonl faq.de.jsonl --name faq
    xlembed import table products.csv queries.csv --name shop --dry-run
    xlembed import reviews r.jsonl.gz --name r --max-documents-per-language 20000
    xlembed import pairs train-v0.1.json --name tquad --lang tr
    xlembed import pairs s.tsv --name sts --columns text1=one,text2=two,score=mark
    xlembed import scored emobank.csv --name emobank --lang en --dimensions V,A,D

    Everything wrong in the files is listed at once, with file, line and what to do; what is left out is
    reported.
    """  # noqa: D301 (\b keeps click from joining the examples' lines)
    from xlembed.words import UserError, near_miss

    said = Said(**given)
    if near := near_miss(form, ["pairs", "scored"]) if form not in ("pairs", "scored") else "":
        raise UserError(f"no format {form!r}.{near}")
    for options, known, refused in REFUSED:
        told = [f"--{option.replace('_', '-')}" for option in options if getattr(said, option)]
        if told and {form, "" if form in OWN else "task"} & {*refused}:
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
    from xlembed.cli.progress import Bars
    from xlembed.data.headers import parse_table_columns
    from xlembed.data.importing import import_files
    from xlembed.data.reading import ReadOptions
    from xlembed.data.summary import first_rows, summarise

    columns = parse_table_columns(said.columns)
    with Bars(f"import {name}") as watch:
        options = ReadOptions(
            **said.common(), columns=columns, min_length=said.min_length or 1,
            max_documents=said.max_documents_per_language, seed=said.seed or 0, watch=watch,
        )  # fmt: skip
        imported = import_files(
            form, files, name, out,
            options=options, force=force, dry_run=said.dry_run,
        )  # fmt: skip
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
