"""JSON lines of documents, questions, or both in one row (an FAQ, a catalogue with questions)."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems
from xlembed.data.choosing import check_where, is_chosen, where_note
from xlembed.data.doubts import check_shared_ids
from xlembed.data.lines import read_json_lines
from xlembed.data.reading import ReadOptions, language_by_name, refuse_documents, said_languages
from xlembed.data.row import Row
from xlembed.data.rows import Rows
from xlembed.data.task import Document, Query
from xlembed.words import Lang

_DOCUMENT_FIELDS = ("_id", "text", "title", "lang", "group")
_QUERY_FIELDS = ("query", "query_id", "query_lang", "need_id", "cluster", "doc_id")


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """A row with `text` holds a document, one with `query` a question, one with both a question and answer.

    Right for a question are the document of its row, the one its `doc_id` names, and every document of the
    same `group`; questions with the same `need_id` share their judgements. Missing ids are made from
    row numbers.

    Raises:
        UserError: for a wrong language option, a file that does not tell its language, or a column that is not read
            and says whether a question and its text belong together.
    """
    refuse_documents(options, "a JSON lines file")
    rows = Rows(Card(options.name, source=", ".join(file.name for file in files)), problems)
    by_file: list[list[_Row]] = []
    number = itertools.count(1)
    for file, lang in zip(files, said_languages(files, options), strict=True):
        found = list(read_json_lines(file, problems))
        default = lang or _language_by_name(file, found, problems)
        by_file.append([_Row(row, default, next(number)) for row in found])
    parsed = list(itertools.chain.from_iterable(by_file))
    asked = [row.values for row in parsed if row.values.get("query") is not None]
    check_where(asked, options.where, (*_DOCUMENT_FIELDS, *_QUERY_FIELDS))
    n_left_out = sum(not is_chosen(row, options.where) for row in asked)
    rows.excluded += where_note(n_left_out, len(asked), options.where)
    _check_ids(files, by_file, options, problems)
    builder = _Builder(rows, len(str(len(parsed))))
    for row in parsed:
        builder.add_document(row)
    for row in parsed:
        if is_chosen(row.values, options.where):
            builder.add_query(row)
    return rows


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


def _language_by_name(file: Path, rows: Sequence[Row], problems: Problems) -> Lang | None:
    """What the file's name tells where no row says a language; a row that forgets it beside others gets none."""
    if not rows or any(row.values.get(name) is not None for row in rows for name in ("lang", "query_lang")):
        return None
    return language_by_name(file, problems)


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
                "give every row an id of its own (d1-de); if rows with equal ids are translations, say so by the "
                "same `group` for documents and the same `need_id` for questions",
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
