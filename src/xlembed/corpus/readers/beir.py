"""BEIR folders: our layout with languages, and plain ones of a single language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xlembed.corpus.card import Card, is_task_name, read_card, slugify
from xlembed.corpus.checks import Place, Problems
from xlembed.corpus.fields import flag_field, optional_field, tell_misspelt, text_field
from xlembed.corpus.languages import require_language
from xlembed.corpus.lines import read_json_lines, read_lines
from xlembed.corpus.reading import ReadOptions, languages_of, refuse_documents
from xlembed.corpus.rows import Rows
from xlembed.corpus.task import Document, Query
from xlembed.types import Lang, UserError

CORPUS_FILE = "corpus.jsonl"
QUERIES_FILE = "queries.jsonl"
QRELS_FILE = "qrels/test.tsv"
HEADER = ("query-id", "corpus-id", "score")

_DOCUMENT_FIELDS = ("_id", "title", "text", "lang", "group", "metadata")
_QUERY_FIELDS = ("_id", "text", "lang", "need_id", "cluster", "doc_id", "native", "metadata")


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """One folder; without `lang` in its rows the language is the option's or told by the folder's name.

    Raises:
        UserError: unless exactly one folder is given.
    """
    refuse_documents(options, "a BEIR folder")
    if len(files) != 1 or not files[0].is_dir():
        several = "; import each as a task of its own, or write all rows into one folder with `lang` in each"
        raise UserError(
            f"beir: expected one folder with {CORPUS_FILE}, found {', '.join(map(str, files))}"
            + several * (len(files) > 1)
        )
    lang = languages_of(files, options, problems)[0] if options.langs or _is_plain(files[0]) else None
    rows = read_folder(files[0], problems, lang, all_alike=lang is not None and not options.langs)
    rows.card.name = options.name
    rows.card.source = rows.card.source or files[0].resolve().name
    return rows


def read_folder(
    folder: Path, problems: Problems, lang: Lang | None = None, *, all_alike: bool = False
) -> Rows:
    """Documents, queries and judgements of a folder.

    Args:
        folder: with corpus.jsonl, queries.jsonl, qrels/test.tsv; task.yaml may be missing.
        problems: takes what is wrong in the files.
        lang: language of rows that do not say theirs.
        all_alike: `lang` is for files in which no row says its own.

    Raises:
        UserError: if `lang` is no language code.
    """
    card = read_card(folder, problems) or Card(_name_of(folder))
    if lang is not None:
        require_language(lang, "--lang")
    elif card.languages is not None and len(card.languages) == 1:
        lang = card.languages[0]
    rows = Rows(card, problems)
    _read_documents(folder / CORPUS_FILE, _Languages(lang, all_alike, rows), rows)
    _read_queries(folder / QUERIES_FILE, _Languages(lang, all_alike, rows), rows)
    _read_qrels(folder / QRELS_FILE, rows)
    return rows


def _read_documents(path: Path, speaking: _Languages, rows: Rows) -> None:
    for place, row in read_json_lines(path, rows.problems):
        tell_misspelt(row, _DOCUMENT_FIELDS, place, rows.problems)
        doc_id = text_field(row, "_id", place, rows.problems)
        text = text_field(row, "text", place, rows.problems)
        title = optional_field(row, "title", place, rows.problems) or ""
        group = optional_field(row, "group", place, rows.problems) or None
        spoken = speaking.of(row, place)
        if doc_id is not None:
            if text is None:
                rows.know_document(doc_id, place)
            else:
                rows.add_document(Document(doc_id, text, spoken, title, group), place)
    speaking.tell_missing(path)


def _read_queries(path: Path, speaking: _Languages, rows: Rows) -> None:
    for place, row in read_json_lines(path, rows.problems):
        tell_misspelt(row, _QUERY_FIELDS, place, rows.problems)
        query_id = text_field(row, "_id", place, rows.problems)
        text = text_field(row, "text", place, rows.problems)
        need_id = optional_field(row, "need_id", place, rows.problems)
        cluster = optional_field(row, "cluster", place, rows.problems) or None
        doc_id = optional_field(row, "doc_id", place, rows.problems) or None
        native = flag_field(row, "native", True, place, rows.problems)
        spoken = speaking.of(row, place)
        if query_id is not None:
            if text is None:
                rows.know_query(query_id, place)
            else:
                need = query_id if need_id is None else need_id
                rows.add_query(Query(query_id, text, spoken, need, cluster, doc_id, native), place)
    speaking.tell_missing(path)


def _read_qrels(path: Path, rows: Rows) -> None:
    problems = rows.problems
    if not path.is_file() and (others := sorted(p.name for p in path.parent.glob("*.tsv"))):
        message = f"the file does not exist; the folder has {', '.join(others)}"
        problems.error(Place(str(path)), "", "missing file", message, "copy the split you want to test.tsv")
        return
    for place, line in read_lines(path, problems):
        if not line.strip():
            problems.warn(place, "", "blank line", "the line is blank", "skipped")
            continue
        cells = line.split("\t")
        if len(cells) != len(HEADER):
            message = f"expected {' <TAB> '.join(HEADER)}, found {_count(cells, line)}"
            problems.error(place, "", "malformed judgement", message, "write three columns with tabs between")
            continue
        query_id, doc_id, grade = (cell.strip() for cell in cells)
        if place.line == 1 and not _is_grade(grade):
            if (query_id, doc_id) != HEADER[:2]:
                message = f"the first line is no header ({', '.join(HEADER)}), nor a judgement"
                problems.error(
                    place, "score", "malformed judgement", message, f"write {' <TAB> '.join(HEADER)}"
                )
            continue
        if place.line == 1:
            problems.warn(place, "", "no header", "the first line is a judgement, not a header", "counted")
        if not _is_grade(grade):
            fix = "write 0 for not relevant, 1 or more for relevant"
            problems.error(place, "score", "bad grade", f"{grade!r} is not a whole number", fix)
            continue
        rows.add_judgement(query_id, doc_id, int(grade), place)


class _Languages:
    """Languages of the rows of one file; that many rows lack one is told once."""

    def __init__(self, default: Lang | None, all_alike: bool, rows: Rows) -> None:
        self._default = default
        self._all_alike = all_alike
        self._rows = rows
        self._silent: list[int] = []
        self._some_say = False

    def of(self, row: dict[str, Any], place: Place) -> Lang:
        """The row's language; where an error was told, some language of the task, so that it is told once."""
        if row.get("lang") is None:
            self._silent.append(place.line or 0)
            return self._default or self._any
        self._some_say = True
        return optional_field(row, "lang", place, self._rows.problems) or self._any

    def tell_missing(self, path: Path) -> None:
        """One error for all rows without a language."""
        if self._silent and (self._default is None or (self._all_alike and self._some_say)):
            n = len(self._silent)
            message = (
                f"{n} row{'s have' if n > 1 else ' has'} no language (the first is line {self._silent[0]})"
            )
            fix = 'add "lang" to every row; for a folder of one language, name it with --lang'
            self._rows.problems.error(
                Place(str(path), self._silent[0]), "lang", "missing language", message, fix
            )

    @property
    def _any(self) -> Lang:
        return (self._rows.card.languages or ("en",))[0]


def _is_plain(folder: Path) -> bool:
    """No card, and the first document says no language."""
    first: Iterator[tuple[Place, dict[str, Any]]] = read_json_lines(folder / CORPUS_FILE, Problems())
    return read_card(folder, Problems()) is None and "lang" not in next(first, (None, {"lang": ""}))[1]


def _is_grade(cell: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,9}", cell) is not None


def _count(cells: list[str], line: str) -> str:
    if len(cells) == 4 or len(line.split()) == 4:
        return "four columns (is it a TREC file? leave out its second column)"
    return f"{len(cells)} column{'s' * (len(cells) != 1)}"


def _name_of(folder: Path) -> str:
    name = folder.resolve().name
    return name if is_task_name(name) else slugify(name)
