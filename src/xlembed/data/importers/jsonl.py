"""Rows of documents, questions, or both in one (an FAQ, a catalogue with questions): JSON lines, arrays, parquet."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems, Row
from xlembed.data.choosing import check_where, is_chosen, where_note
from xlembed.data.doubts import check_shared_ids
from xlembed.data.joining import OFFER, join
from xlembed.data.objects import read_objects
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Rows, language_by_name, said_languages
from xlembed.data.task import Document, Query
from xlembed.words import Lang, UserError, near_miss

_RENAMED = {"id": "_id", "doc": "doc_id"}
"""What `--columns` calls otherwise than rows do."""
_FIELDS = (
    *("_id", "text", "title", "lang", "group"),
    *("query", "query_id", "query_lang", "need_id", "cluster", "doc_id"),
)
_Content = tuple[Lang, str, str, str | None]
"""What a document says."""


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """A row with `text` holds a document, one with `query` a question, one with both a question and answer.

    Right for a question are the document of its row, the one its `doc_id` names, and every document of the
    same `group`; questions with the same `need_id` share their judgements. Missing ids are made from
    row numbers.

    Raises:
        UserError: for a wrong language option, a file that does not tell its language, a column that is said and not
            there, or one that is not read and says whether a question and its text belong together.
    """
    card = Card(options.name, source=", ".join(file.name for file in files))
    by_file: list[list[Row]] = []
    for file, lang in zip(files, said_languages(files, options), strict=True):
        found = [_our_names(row, options.columns) for row in read_objects(file, problems)]
        # The name tells what no row says; a row that forgets its language beside others gets none.
        if lang is None and found and not any(_of(row, "lang", "query_lang") for row in found):
            lang = language_by_name(file, problems, options.varieties)
        default = {} if lang is None else {"lang": lang}
        by_file.append(
            [row.renamed({**row.values, **default}) if _of(row, "lang") is None else row for row in found]
        )
    parsed = list(itertools.chain.from_iterable(by_file))
    asked = [row.values for row in parsed if row.values.get("query") is not None]
    _check_columns(parsed, options.columns)
    theirs = [name for theirs in options.columns.values() for name in (theirs, *theirs.split("+"))]
    check_where(asked, options.where, (*_FIELDS, *theirs))
    parts = by_file
    if options.equal_ids is None:
        _check_ids(files, by_file, options, problems)
        parts = [parsed]
    numbers, width = itertools.count(1), max(4, len(str(len(parsed))))
    built = []
    for part in parts:
        rows = Rows(card, problems, options.drop_unknown)
        numbered = [(f"{next(numbers):0{width}d}", row) for row in part]
        beside, of_group = _add_documents(numbered, rows, (*_FIELDS, *theirs))
        chosen = [(number, row) for number, row in numbered if is_chosen(row.values, options.where)]
        _add_queries(chosen, beside, of_group, rows)
        built.append(rows)
    rows = built[0]
    if options.equal_ids is not None:
        problems.raise_errors(options.name)
        rows = join(
            [(str(f), part) for f, part in zip(files, built, strict=True)], card, options.equal_ids, problems
        )
    n_left_out = sum(not is_chosen(row, options.where) for row in asked)
    rows.excluded += where_note(n_left_out, len(asked), options.where)
    return rows


def _of(row: Row, *names: str) -> Any:
    return next((row.values[name] for name in names if row.values.get(name) is not None), None)


def _lang(row: Row, *names: str) -> Lang | None:
    for name in names:
        if row.values.get(name) is not None:
            return row.optional(name)
    fix = 'add "lang" to every row, or name the language with --lang'
    row.error("lang", "missing language", "the row has no language", fix)
    return None


def _our_names(row: Row, columns: Mapping[str, str]) -> Row:
    """The row under our names, by `--columns`; several columns of one text stand on lines of their own."""
    values = dict(row.values)
    for ours, theirs in columns.items():
        names = [theirs] if theirs in row.values else theirs.split("+")
        if found := [row.values[name] for name in names if row.values.get(name) is not None]:
            values[_RENAMED.get(ours, ours)] = found[0] if len(found) == 1 else "\n".join(map(str, found))
    return row.renamed(values)


def _check_columns(parsed: Sequence[Row], columns: Mapping[str, str]) -> None:
    """Nothing when every column of `--columns` is in some row."""
    there = dict.fromkeys(name for row in parsed for name in row.values)
    for ours, theirs in columns.items():
        if ours == "grade":
            raise UserError(
                "--columns grade: rows of `jsonl` have no grades; `xlembed import table` reads them"
            )
        if parsed and theirs not in there and not {*theirs.split("+")} <= there.keys():
            raise UserError(f"--columns {ours}={theirs}: no row has {theirs!r}.{near_miss(theirs, there)}")


def _add_documents(
    numbered: Sequence[tuple[str, Row]], rows: Rows, known: Sequence[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The documents of numbered rows, the same content again is the same one: number -> id, and group -> ids.

    Fields that are not `known` may be misspelt.
    """
    beside: dict[str, str] = {}
    of_group: dict[str, list[str]] = defaultdict(list)
    of_content: dict[_Content, str] = {}
    contents: dict[str, _Content] = {}
    for number, row in numbered:
        row.tell_misspelt(known)
        if row.values.get("text") is None:
            if row.values.get("query") is None:
                message = "the row has neither a text (document) nor a query"
                row.error("text", "missing field", message, "add 'text', 'query' or both")
            continue
        text, lang, title = row.text("text"), _lang(row, "lang"), row.optional("title") or ""
        group, given = row.id("group") or None, row.id("_id")
        if text is None or lang is None:
            continue
        content = (lang, title, text, group)
        doc_id = beside[number] = of_content.get(content, f"{lang}-d{number}") if given is None else given
        if given is None and contents.get(doc_id) == content:
            continue
        if rows.add_document(Document(doc_id, text, lang, title, group), row.place):
            contents[doc_id] = content
            of_content.setdefault(content, doc_id)
            if group is not None:
                of_group[group].append(doc_id)
    return beside, of_group


def _add_queries(
    numbered: Sequence[tuple[str, Row]],
    beside: Mapping[str, str],
    of_group: Mapping[str, list[str]],
    rows: Rows,
) -> None:
    for number, row in numbered:
        if row.values.get("query") is None:
            continue
        text, lang = row.text("query"), _lang(row, "query_lang", "lang")
        name = "query_id" if row.values.get("text") is not None or "query_id" in row.values else "_id"
        given, need_id, cluster = row.id(name), row.id("need_id"), row.id("cluster") or None
        group = row.id("group") or ""
        own = row.id("doc_id") or beside.get(number)
        if text is None or lang is None:
            continue
        query_id = f"{lang}-q{number}" if given is None else given
        query = Query(query_id, text, lang, query_id if need_id is None else need_id, cluster, own)
        if rows.add_query(query, row.place, (name, "query"), group):
            for doc_id in dict.fromkeys([*([own] if own else []), *of_group.get(group, [])]):
                rows.add_judgement(query_id, doc_id, 1, row.place)


def _check_ids(
    files: Sequence[Path], by_file: Sequence[list[Row]], options: ReadOptions, problems: Problems
) -> None:
    """Ids that files of different languages share, by accident or in place of `group` and `need_id`."""
    places: dict[str, tuple[Path, Lang | None]] = {}
    for file, rows in zip(files, by_file, strict=True):
        ids = [(row.values.get(name), row.values.get("lang")) for row in rows for name in ("_id", "query_id")]
        own = {str(i): lang for i, lang in ids if i is not None}
        if shared := [i for i, lang in own.items() if i in places and places[i][1] != lang]:
            problems.error(
                Place(str(file)), "_id", "shared ids",
                f"{len(shared)} of its {len(own)} ids stand in {places[shared[0]][0]} too, in another language",
                f"{OFFER}; or give rows ids of their own (d1-de), and translations the same `group` (documents) or "
                "`need_id` (questions)",
            )  # fmt: skip
        places = {i: (file, lang) for i, lang in own.items()} | places
    problems.raise_errors(options.name)
    langs = [{row.values.get("lang") for row in rows} for rows in by_file]
    if sum(map(len, langs)) > len(set().union(*langs)):
        return  # not a file per language
    for name, of in (("group", "text"), ("need_id", "query")):
        values = [
            {str(r.values[name]) for r in rows if None not in map(r.values.get, (name, of))}
            for rows in by_file
        ]
        check_shared_ids(files, values, name, options.believe, problems)
