"""BEIR folders: our layout with languages, and plain ones of a single language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xlembed.data.card import Card, is_task_name, read_card, slugify
from xlembed.data.checks import Place, Problems
from xlembed.data.languages import require_language
from xlembed.data.lines import is_there, read_json_lines, read_lines
from xlembed.data.reading import ReadOptions, languages_of, refuse_documents
from xlembed.data.row import Row
from xlembed.data.rows import Rows
from xlembed.data.tables import whole_number
from xlembed.data.task import Document, Query
from xlembed.words import Lang, UserError

CORPUS_FILE = "corpus.jsonl"
QUERIES_FILE = "queries.jsonl"
QRELS_FILE = "qrels/test.tsv"
HEADER = ("query-id", "corpus-id", "score")
NAMES = (
    ("query-id", "queryid", "qid", "query", "topic", "topic-id"),
    ("corpus-id", "corpusid", "docid", "doc-id", "document-id", "doc", "pid", "passage-id"),
    ("score", "relevance", "rel", "label", "grade"),
)
"""What query, document and grade are called in headers of others, in lower case with hyphens."""

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
    if not any(is_there(files[0] / name) for name in (CORPUS_FILE, QUERIES_FILE, QRELS_FILE)):
        there = sorted(path.name for path in files[0].iterdir())
        raise UserError(
            f"beir: expected a folder with {CORPUS_FILE}, {QUERIES_FILE} and {QRELS_FILE}; {files[0]} has "
            f"{', '.join(there[:8]) or 'nothing'}. Other forms are not read: write the three files (docs/data.md)"
        )
    lang = languages_of(files, options, problems)[0] if options.langs or _is_plain(files[0]) else None
    rows = read_folder(files[0], problems, lang, all_alike=lang is not None and not options.langs)
    source = rows.card.source or files[0].resolve().name
    rows.card = replace(rows.card, name=options.name, source=source)
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
    rows, lang = _open_folder(folder, problems, lang)
    _read_documents(folder / CORPUS_FILE, _Languages(lang, all_alike, rows), rows)
    _read_queries(folder / QUERIES_FILE, _Languages(lang, all_alike, rows), rows)
    _read_qrels(folder / QRELS_FILE, rows)
    return rows


def read_documents(folder: Path, problems: Problems) -> Rows:
    """Documents of a folder alone, with or without queries in it."""
    rows, lang = _open_folder(folder, problems, None)
    _read_documents(folder / CORPUS_FILE, _Languages(lang, False, rows), rows)
    return rows


def _open_folder(folder: Path, problems: Problems, lang: Lang | None) -> tuple[Rows, Lang | None]:
    """Nothing read but the card, and the language of rows that do not say theirs."""
    name = folder.resolve().name
    card = read_card(folder, problems) or Card(name if is_task_name(name) else slugify(name))
    if lang is not None:
        require_language(lang, "--lang")
    elif card.languages is not None and len(card.languages) == 1:
        lang = card.languages[0]
    return Rows(card, problems), lang


def _read_documents(path: Path, speaking: _Languages, rows: Rows) -> None:
    for row in read_json_lines(path, rows.problems):
        row.tell_misspelt(_DOCUMENT_FIELDS)
        doc_id = row.required_id("_id")
        text = row.text("text")
        title = row.optional("title") or ""
        group = row.id("group") or None
        spoken = speaking.of(row)
        if doc_id is not None and text is not None:
            rows.add_document(Document(doc_id, text, spoken, title, group), row.place)
        elif doc_id is not None:
            rows.know_document(doc_id, row.place)
    speaking.tell_missing()


def _read_queries(path: Path, speaking: _Languages, rows: Rows) -> None:
    for row in read_json_lines(path, rows.problems):
        row.tell_misspelt(_QUERY_FIELDS)
        query_id = row.required_id("_id")
        text = row.text("text")
        need_id = row.id("need_id")
        cluster = row.id("cluster") or None
        doc_id = row.id("doc_id") or None
        native = row.flag("native", True)
        spoken = speaking.of(row)
        if query_id is not None and text is not None:
            need = query_id if need_id is None else need_id
            query = Query(query_id, text, spoken, need, cluster, doc_id, native)
            rows.add_query(query, row.place, also="")
        elif query_id is not None:
            rows.know_query(query_id, row.place)
    speaking.tell_missing()


def _read_qrels(path: Path, rows: Rows) -> None:
    problems = rows.problems
    if not is_there(path) and (others := sorted(p.name for p in path.parent.glob("*.tsv"))):
        message = f"the file does not exist; the folder has {', '.join(others)}"
        problems.error(Place(str(path)), "", "missing file", message, "copy the split you want to test.tsv")
        return
    columns: tuple[int, ...] | None = None
    width = 0
    for place, line in read_lines(path, problems):
        if not line.strip():
            problems.warn(place, "", "blank line", "the line is blank", "skipped")
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if columns is None:
            columns, width = _columns(cells), len(cells)
            if columns is None:
                problems.error(place, "", "unreadable judgements", *_no_judgements(cells, line))
                return
            if whole_number(cells[columns[2]]) is None:
                if tuple(cells) != HEADER:
                    done = f"read as query, document and grade: {', '.join(cells[i] for i in columns)}"
                    problems.warn(place, "", "other header", f"the header is {', '.join(cells)}", done)
                continue
            problems.warn(place, "", "no header", "the first line is a judgement, not a header", "counted")
        if len(cells) != width:
            message = f"expected {width} columns as in the first line, found {len(cells)}"
            problems.error(place, "", "malformed judgement", message, "write three columns with tabs between")
            continue
        query_id, doc_id, grade = (cells[i] for i in columns)
        if (whole := whole_number(grade)) is None:
            fix = "write 0 for not relevant, 1 or more for relevant"
            problems.error(place, "score", "bad grade", f"{grade!r} is not a whole number", fix)
            continue
        if "." in grade:
            kind, message = "whole grades with decimals", f"{grade} is written with decimals"
            problems.warn(place, "score", kind, message, "taken as whole numbers")
        rows.add_judgement(query_id, doc_id, whole, place)


def _columns(cells: list[str]) -> tuple[int, ...] | None:
    """Where query, document and grade stand, by the names of a header or by a judgement; None for neither."""
    names = [cell.lower().replace("_", "-") for cell in cells]
    found = [[i for i, name in enumerate(names) if name in known] for known in NAMES]
    if all(len(places) == 1 for places in found):
        return tuple(places[0] for places in found)
    judged = len(cells) == 3 and whole_number(cells[2]) is not None and not any(map(_is_quoted, cells))
    return (0, 1, 2) if judged else None


def _no_judgements(cells: list[str], line: str) -> tuple[str, str]:
    """What the first line shows the whole file to be instead, and what to do."""
    form = f"write {' <TAB> '.join(HEADER)}"
    words = line.split()
    if len(words) == 4 and len(cells) in (1, 4) and whole_number(words[3]) is not None:
        fix = 'leave out its second column: awk \'{print $1"\\t"$3"\\t"$4}\' OLD > NEW'
        return "four columns: a TREC file (query, 0, document, grade), which is not read", fix
    if any(map(_is_quoted, cells)):
        return "the cells stand in quotation marks, which would be part of the ids", "write them without"
    for sign, word in ((",", "commas"), (";", "semicolons"), (" ", "spaces")):
        if len(cells) == 1 and sign in line:
            return f"the columns are separated by {word}, not by tabs", form
    return f"the first line is no header ({', '.join(HEADER)}), nor a judgement", form


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


class _Languages:
    """Languages of the rows of one file; that many rows lack one is told once."""

    def __init__(self, default: Lang | None, all_alike: bool, rows: Rows) -> None:
        self._default, self._all_alike, self._problems = default, all_alike, rows.problems
        self._any = (rows.card.languages or ("en",))[0]
        self._silent: list[Place] = []
        self._some_say = False

    def of(self, row: Row) -> Lang:
        """The row's language; where an error was told, some language of the task, so that it is told once."""
        if row.values.get("lang") is None:
            self._silent.append(row.place)
            return self._default or self._any
        self._some_say = True
        return row.optional("lang") or self._any

    def tell_missing(self) -> None:
        """One error for all rows without a language."""
        if self._silent and (self._default is None or (self._all_alike and self._some_say)):
            n, first = len(self._silent), self._silent[0]
            message = f"{n} row{'s have' if n > 1 else ' has'} no language (the first is line {first.line})"
            fix = 'add "lang" to every row; for a folder of one language, name it with --lang'
            self._problems.error(first, "lang", "missing language", message, fix)


def _is_plain(folder: Path) -> bool:
    """No card, and the first document says no language."""
    if read_card(folder, Problems()) is not None:
        return False
    first = next(read_json_lines(folder / CORPUS_FILE, Problems()), None)
    return first is not None and "lang" not in first.values
