"""JSON lines of documents, questions, or both in one row (an FAQ, a catalogue with questions)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlembed.corpus.card import Card
from xlembed.corpus.checks import Place, Problems
from xlembed.corpus.choosing import check_where, is_chosen, where_note
from xlembed.corpus.doubts import check_shared_ids
from xlembed.corpus.fields import id_field, optional_field, tell_misspelt, text_field
from xlembed.corpus.lines import read_json_lines
from xlembed.corpus.reading import ReadOptions, language_by_name, refuse_documents, said_languages
from xlembed.corpus.rows import Rows
from xlembed.corpus.task import Document, Query
from xlembed.types import Lang

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
    said = said_languages(files, options) or (None,) * len(files)
    parsed: list[_Row] = []
    by_file: list[list[_Row]] = []
    for file, lang in zip(files, said, strict=True):
        read_rows = list(read_json_lines(file, problems))
        default = lang or _language_by_name(file, [row for _, row in read_rows], problems)
        by_file.append(
            [_Row(p, row, default, len(parsed) + i) for i, (p, row) in enumerate(read_rows, start=1)]
        )
        parsed += by_file[-1]
    asked = [row.values for row in parsed if row.values.get("query") is not None]
    check_where(asked, options.where, (*_DOCUMENT_FIELDS, *_QUERY_FIELDS))
    rows.excluded += where_note(
        sum(not is_chosen(r, options.where) for r in asked), len(asked), options.where
    )
    _check_ids(files, by_file, options, problems)
    builder = _Builder(rows, len(str(len(parsed))))
    for row in parsed:
        builder.add_document(row)
    for row in parsed:
        if is_chosen(row.values, options.where):
            builder.add_query(row)
    return rows


class _Row:
    def __init__(self, place: Place, values: dict[str, Any], default: Lang | None, number: int) -> None:
        self.place = place
        self.values = values
        self.default = default
        self.number = number
        self.doc_id: str | None = None

    def lang(self, problems: Problems, *names: str) -> Lang | None:
        """The first of the fields that is there, else the file's language; None with an error told."""
        for name in names:
            if self.values.get(name) is not None:
                return optional_field(self.values, name, self.place, problems)
        if self.default is None:
            fix = 'add "lang" to every row, or name the language with --lang'
            problems.error(self.place, "lang", "missing language", "the row has no language", fix)
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
        problems, place, values = self._rows.problems, row.place, row.values
        tell_misspelt(values, _DOCUMENT_FIELDS + _QUERY_FIELDS, place, problems)
        if values.get("text") is None and values.get("query") is None:
            message = "the row has neither a text (document) nor a query"
            problems.error(place, "text", "missing field", message, "add 'text', 'query' or both")
        if values.get("text") is None:
            return
        text = text_field(values, "text", place, problems)
        lang = row.lang(problems, "lang")
        title = optional_field(values, "title", place, problems) or ""
        group = id_field(values, "group", place, problems) or None
        given = id_field(values, "_id", place, problems)
        if text is None or lang is None:
            return
        content = (lang, title, text, group)
        if given is None:
            row.doc_id = self._of_content.get(content) or f"{lang}-d{row.number:0{self._width}d}"
        else:
            row.doc_id = given
        if given is None and self._ids.get(row.doc_id) == content:
            return
        if self._rows.add_document(Document(row.doc_id, text, lang, title, group), place):
            self._ids[row.doc_id] = content
            self._of_content.setdefault(content, row.doc_id)
            if group is not None:
                self._of_group[group].append(row.doc_id)

    def add_query(self, row: _Row) -> None:
        """The row's question and its judgements."""
        problems, place, values = self._rows.problems, row.place, row.values
        if values.get("query") is None:
            return
        text = text_field(values, "query", place, problems)
        lang = row.lang(problems, "query_lang", "lang")
        name = "query_id" if values.get("text") is not None or "query_id" in values else "_id"
        given = id_field(values, name, place, problems)
        need_id = id_field(values, "need_id", place, problems)
        cluster = id_field(values, "cluster", place, problems) or None
        group = id_field(values, "group", place, problems)
        own = id_field(values, "doc_id", place, problems) or row.doc_id
        if text is None or lang is None:
            return
        query_id = f"{lang}-q{row.number:0{self._width}d}" if given is None else given
        query = Query(query_id, text, lang, query_id if need_id is None else need_id, cluster, own)
        if self._rows.add_query(query, place, (name, "query"), group or ""):
            right = dict.fromkeys([*([own] if own else []), *self._of_group.get(group or "", [])])
            for doc_id in right:
                self._rows.add_judgement(query_id, doc_id, 1, place)


def _language_by_name(file: Path, rows: Sequence[dict[str, Any]], problems: Problems) -> Lang | None:
    """What the file's name tells where no row says a language; a row that forgets it beside others gets none."""
    if not rows or any(row.get(name) is not None for row in rows for name in ("lang", "query_lang")):
        return None
    return language_by_name(file, problems)


def _check_ids(
    files: Sequence[Path], by_file: Sequence[list[_Row]], options: ReadOptions, problems: Problems
) -> None:
    """Ids that files of different languages share, by accident or in place of `group` and `need_id`."""
    places: dict[str, tuple[Path, Lang | None]] = {}
    for file, rows in zip(files, by_file, strict=True):
        own = {
            str(row.values[name]): row.values.get("lang") or row.default
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
    langs = [{row.values.get("lang") or row.default for row in rows} for rows in by_file]
    if sum(map(len, langs)) > len(set().union(*langs)):
        return  # not a file per language
    for name, of in (("group", "text"), ("need_id", "query")):
        values = [
            {str(r.values[name]) for r in rows if None not in map(r.values.get, (name, of))}
            for rows in by_file
        ]
        check_shared_ids(files, values, name, options.believe, problems)
