"""`xlembed import`: files of other formats -> a task folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from xlembed.cli.read_options import parsed, read_options, tell_pairs
from xlembed.words import UserError, near_miss

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
    (("detect_lang", "grades"), "table", ("pairs", "scored", "jsonl", "reviews", "task")),
    (("leave_out_self", "unjudged", "drop_unknown"), JUDGED, ("pairs", "scored", "reviews")),
    (("dry_run",), TASKS, ("pairs", "scored")),
)
"""Options, the formats that know them, and those that do not (`task`: of tasks, other than `OWN`)."""


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
@read_options
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
    if near := near_miss(form, ["pairs", "scored"]) if form not in ("pairs", "scored") else "":
        raise UserError(f"no format {form!r}.{near}")
    for options, known, refused in REFUSED:
        told = [f"--{option.replace('_', '-')}" for option in options if given[option]]
        if told and {form, "" if form in OWN else "task"} & {*refused}:
            raise UserError(
                f"{', '.join(told)}: for `xlembed import {known}` only; {form} has no such choice"
            )
    take = {"pairs": _import_pairs, "scored": _import_scored}.get(form, _import_task)
    take(form, files, name, out, given, force)


def _import_task(
    form: str, files: Sequence[Path], name: str, out: Path | None, given: Mapping[str, Any], force: bool
) -> None:
    from xlembed.cli.console import say
    from xlembed.cli.progress import Bars
    from xlembed.data.importing import import_files
    from xlembed.data.summary import first_rows, summarise

    options = parsed(form, given)
    with Bars(f"import {name}") as watch:
        imported = import_files(form, files, name, out, options=replace(options, watch=watch), force=force)
    if imported.read_as:
        say("\n".join(["read as:", *(f"  {line}" for line in imported.read_as), ""]))
    if options.dry_run:
        say("\n".join(["first rows:", *(f"  {line}" for line in first_rows(imported.task)), ""]))
    say(summarise(imported.task).text())
    if imported.warnings:
        say("\n  noticed in the files:")
        for warning in imported.warnings:
            say(f"  - {warning}")
    if options.dry_run:
        say(f"\nNothing was written: leave out --dry-run to write {imported.folder}")
        return
    following = 'search -m static_multilingual "..."' if imported.task.unjudged else "run"
    following = following if imported.task.queries else "generate-queries"
    say(f"\nWrote {imported.folder}. Next: xlembed {following} -t {imported.handle}")


def _import_pairs(
    form: str, files: Sequence[Path], name: str, out: Path | None, given: Mapping[str, Any], force: bool
) -> None:
    from xlembed.data.pair_readers import import_pairs

    options, folder = parsed(form, given), out or Path("data") / "pairs" / name
    tell_pairs(import_pairs(files, name, folder, options, force))


def _import_scored(
    form: str, files: Sequence[Path], name: str, out: Path | None, given: Mapping[str, Any], force: bool
) -> None:
    from xlembed.cli.console import say
    from xlembed.data.scored_files import import_scored
    from xlembed.data.scored_summary import summarise_scored

    options, folder = parsed(form, given), out or Path("data") / "scored" / name
    found = import_scored(files, name, folder, options, force)
    say(summarise_scored(found).text())
    say(f"\nWrote {found.folder}. Next: xlembed probe -t {name if out is None else found.folder}")
