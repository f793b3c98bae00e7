"""Rows of documents, questions, or both in one (an FAQ, a catalogue with questions): JSON lines, arrays, parquet."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems
from xlembed.data.choosing import check_where, is_chosen, where_note
from xlembed.data.doubts import check_shared_ids
from xlembed.data.joining import OFFER, join
from xlembed.data.objects import read_objects
from xlembed.data.reading import ReadOptions, language_by_name, refuse_documents, said_languages
from xlembed.data.row import Row
from xlembed.data.rows import Rows
from xlembed.data.task import Document, Query
from xlembed.words import Lang, UserError, near_miss

_DOCUMENT_FIELDS = ("_id", "text", "title", "lang", "group")
_RENAMED = {"id": "_id", "doc": "doc_id"}
"""What `--columns` calls otherwise than rows do."""
_QUERY_FIELDS = ("query", "query_id", "query_lang", "need_id", "cluster", "doc_id")


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """A row with `text` holds a document, one with `query` a question, one with both a question and answer.

    Right for a question are the document of its row, the one its `doc_id` names, and every document of the
    same `group`; questions with the same `need_id` share their judgements. Missing ids are made from
    row numbers.

    Raises:
        UserError: for a wrong language option, a file that does not tell its language, a column that is said and not
            there, or one that is not read and says whether a question and its text belong together.
    """
    refuse_documents(options, "a file of rows")
    card = Card(options.name, source=", ".join(file.name for file in files))
    by_file: list[list[_Row]] = []
    number = itertools.count(1)
    for file, lang in zip(files, said_languages(files, options), strict=True):
        found = [_our_names(row, options.columns) for row in read_objects(file, problems)]
        default = lang or _language_by_name(file, found, problems, options.varieties)
        by_file.append([_Row(row, default, next(number)) for row in found])
    parsed = list(itertools.chain.from_iterable(by_file))
    asked = [row.values for row in parsed if row.values.get("query") is not None]
    _check_columns(parsed, options.columns)
    check_where(asked, options.where, (*_DOCUMENT_FIELDS, *_QUERY_FIELDS, *_theirs(options.columns)))
    if options.equal_ids is None:
        _check_ids(files, by_file, options, problems)
        parts = [parsed]
    else:
        parts = by_file
    built = [_build(part, Rows(card, problems, options.drop_unknown), len(parsed), options) for part in parts]
    rows = built[0]
    if options.equal_ids is not None:
        problems.raise_errors(options.name)
        rows = join(
            [(str(f), part) for f, part in zip(files, built, strict=True)], card, options.equal_ids, problems
        )
    n_left_out = sum(not is_chosen(row, options.where) for row in asked)
    rows.excluded += where_note(n_left_out, len(asked), options.where)
    return rows


def _build(parsed: Sequence[_Row], rows: Rows, n_rows: int, options: ReadOptions) -> Rows:
    builder = _Builder(rows, len(str(n_rows)))
    for row in parsed:
        builder.add_document(row)
    for row in parsed:
        if is_chosen(row.values, options.where):
            builder.add_query(row)
    return rows


def _our_names(row: Row, columns: Mapping[str, str]) -> Row:
    """The row under our names, by `--columns`; several columns of one text stand on lines of their own."""
    values = dict(row.values)
    for ours, theirs in columns.items():
        names = [theirs] if theirs in row.values else theirs.split("+")
        if found := [row.values[name] for name in names if row.values.get(name) is not None]:
            values[_RENAMED.get(ours, ours)] = found[0] if len(found) == 1 else "\n".join(map(str, found))
    return row.renamed(values)


def _theirs(columns: Mapping[str, str]) -> list[str]:
    return [name for theirs in columns.values() for name in (theirs, *theirs.split("+"))]


def _check_columns(parsed: Sequence[_Row], columns: Mapping[str, str]) -> None:
    """Nothing when every column of `--columns` is in some row.

    Raises:
        UserError: with the near miss.
    """
    there = dict.fromkeys(name for row in parsed for name in row.values)
    for ours, theirs in columns.items():
        if ours == "grade":
            raise UserError(
                "--columns grade: rows of `jsonl` have no grades; `xlembed import table` reads them"
            )
        if parsed and theirs not in there and not {*theirs.split("+")} <= there.keys():
            raise UserError(f"--columns {ours}={theirs}: no row has {theirs!r}.{near_miss(theirs, there)}")


class _Row:
    """A row, with the language of its file and its number over all files."""

    def __init__(self, row: Row, default: Lang | None, number: int) -> None:
        self.row, self.values = row, row.values
        self.default, self.number = default, number
        self.doc_id: str | None = None

    @property
    def said_lang(self) -> Lang | None:
        """As written in the row, unchecked, else its file's."""
        return self.values.get("lang") or self.default

    def lang(self, *names: str) -> Lang | None:
        """The first of the fields that is there, else the file's language; None with an error told."""
        for name in names:
            if self.values.get(name) is not None:
                return self.row.optional(name)
        if self.default is None:
            fix = 'add "lang" to every row, or name the language with --lang'
            self.row.error("lang", "missing language", "the row has no language", fix)
        return self.default


class _Builder:
    """Takes all documents first, then all questions."""

    def __init__(self, rows: Rows, width: int) -> None:
        self._rows = rows
        self._width = max(4, width)
        self._of_group: dict[str, list[str]] = defaultdict(list)
        self._of_content: dict[tuple[Lang, str, str, str | None], str] = {}
        self._ids: dict[str, tuple[Lang, str, str, str | None]] = {}

    def add_document(self, row: _Row) -> None:
        """The row's document; the same content again is the same document."""
        fields = row.row
        fields.tell_misspelt(_DOCUMENT_FIELDS + _QUERY_FIELDS)
        if row.values.get("text") is None:
            if row.values.get("query") is None:
                message = "the row has neither a text (document) nor a query"
                fields.error("text", "missing field", message, "add 'text', 'query' or both")
            return
        text = fields.text("text")
        lang = row.lang("lang")
        title = fields.optional("title") or ""
        group = fields.id("group") or None
        given = fields.id("_id")
        if text is None or lang is None:
            return
        content = (lang, title, text, group)
        made = f"{lang}-d{row.number:0{self._width}d}"
        row.doc_id = given if given is not None else self._of_content.get(content, made)
        if given is None and self._ids.get(row.doc_id) == content:
            return
        if self._rows.add_document(Document(row.doc_id, text, lang, title, group), fields.place):
            self._ids[row.doc_id] = content
            self._of_content.setdefault(content, row.doc_id)
            if group is not None:
                self._of_group[group].append(row.doc_id)

    def add_query(self, row: _Row) -> None:
        """The row's question and its judgements."""
        fields = row.row
        if row.values.get("query") is None:
            return
        text = fields.text("query")
        lang = row.lang("query_lang", "lang")
        name = "query_id" if row.values.get("text") is not None or "query_id" in row.values else "_id"
        given = fields.id(name)
        need_id = fields.id("need_id")
        cluster = fields.id("cluster") or None
        group = fields.id("group")
        own = fields.id("doc_id") or row.doc_id
        if text is None or lang is None:
            return
        query_id = f"{lang}-q{row.number:0{self._width}d}" if given is None else given
        query = Query(query_id, text, lang, query_id if need_id is None else need_id, cluster, own)
        if self._rows.add_query(query, fields.place, (name, "query"), group or ""):
            right = dict.fromkeys([*([own] if own else []), *self._of_group.get(group or "", [])])
            for doc_id in right:
                self._rows.add_judgement(query_id, doc_id, 1, fields.place)


def _language_by_name(file: Path, rows: Sequence[Row], problems: Problems, varieties: bool) -> Lang | None:
    """What the file's name tells where no row says a language; a row that forgets it beside others gets none."""
    if not rows or any(row.values.get(name) is not None for row in rows for name in ("lang", "query_lang")):
        return None
    return language_by_name(file, problems, varieties)


def _check_ids(
    files: Sequence[Path], by_file: Sequence[list[_Row]], options: ReadOptions, problems: Problems
) -> None:
    """Ids that files of different languages share, by accident or in place of `group` and `need_id`."""
    places: dict[str, tuple[Path, Lang | None]] = {}
    for file, rows in zip(files, by_file, strict=True):
        own = {
            str(row.values[name]): row.said_lang
            for row in rows
            for name in ("_id", "query_id")
            if row.values.get(name) is not None
        }
        shared = [i for i, lang in own.items() if i in places and places[i][1] != lang]
        if shared:
            problems.error(
                Place(str(file)), "_id", "shared ids",
                f"{len(shared)} of its {len(own)} ids stand in {places[shared[0]][0]} too, in another language",
                f"{OFFER}; or give rows ids of their own (d1-de), and translations the same `group` (documents) or "
                "`need_id` (questions)",
            )  # fmt: skip
        places = {i: (file, lang) for i, lang in own.items()} | places
    problems.raise_errors(options.name)
    langs = [{row.said_lang for row in rows} for rows in by_file]
    if sum(map(len, langs)) > len(set().union(*langs)):
        return  # not a file per language
    for name, of in (("group", "text"), ("need_id", "query")):
        values = [
            {str(r.values[name]) for r in rows if None not in map(r.values.get, (name, of))}
            for rows in by_file
        ]
        check_shared_ids(files, values, name, options.believe, problems)
