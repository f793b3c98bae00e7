"""Judgements as programs write them: columns in any order and form, TREC files, JSON by query, rows of objects."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems, Row, first_of
from xlembed.data.lines import existing, read_lines
from xlembed.data.objects import PARQUET, first_bytes, read_objects
from xlembed.data.reading import Rows
from xlembed.data.tables import DELIMITERS, whole_number

HEADER = ("query-id", "corpus-id", "score")
NAMES = (
    ("query-id", "queryid", "qid", "q-id", "query", "topic", "topic-id"),
    (
        "corpus-id",
        "corpusid",
        "docid",
        "doc-id",
        "document-id",
        "document",
        "doc",
        "docno",
        "pid",
        "passage-id",
    ),
    ("score", "relevance", "rel", "label", "grade", "gain", "judgement", "judgment"),
)
"""What query, document and grade are called in headers of others, in lower case with hyphens."""

FORMS = (".tsv", ".txt", ".qrels", ".trec", ".csv", ".jsonl", ".json", ".parquet")
HEAD = 50
"""Rows by which the columns are told."""
MANY = 10
"""Judgements from which on it is one mistake when none of them fits."""


@dataclass(frozen=True)
class _Layout:
    """How a table of judgements is written; `columns` are those of query, document and grade (-1: there is none)."""

    delimiter: str | None
    columns: tuple[int, int, int]
    header: bool


def find_judgements(folder: Path, split: str, problems: Problems) -> Path | None:
    """The file of a split's judgements in a folder: in qrels/, or beside it; None with an error told."""
    wanted = split or "test"
    named = [f"qrels/{wanted}", f"qrels.{wanted}", f"qrels-{wanted}", *(["qrels"] if not split else [])]
    found = [folder / f"{name}{form}" for name in named for form in FORMS]
    if there := next(filter(existing, found), None):
        return there
    others = sorted(filter(Path.is_file, folder.glob("qrels/*"))) + sorted(folder.glob("qrels[.-]*"))
    missing = folder / f"qrels/{wanted}.tsv"
    if not others:
        next(read_lines(missing, problems), None)  # which tells what is there instead
        return None
    example = others[0].name.partition(".")[0].removeprefix("qrels-")
    message = f"the file does not exist; there are {', '.join(path.name for path in others)}"
    fix = f"import the folder with another split, for example --split {example}"
    problems.error(Place(str(missing)), "", "missing file", message, fix)
    return None


def read_judgements(path: Path, rows: Rows) -> None:
    """Add the judgements of a file to rows that hold their queries and documents; how it was read is told."""
    if first_bytes(path).startswith((PARQUET, b"{", b"[")):
        add_judgements(_objects(path, rows.problems), rows)
    else:
        _read_table(path, rows)


def add_judgements(found: Iterable[Row], rows: Rows) -> None:
    """Rows with a query, a document and a grade, called by any of `NAMES`; the grade is 1 where there is none."""
    names: list[str] = []
    for row in found:
        if not names:
            columns = list(row.values)
            places = [_place(columns, known) for known in NAMES]
            if None in places[:2]:
                message = f"no query and document in the row; it has {first_of(columns)}"
                row.error("", "unreadable judgements", message, f"call them {', '.join(HEADER)}")
                return
            names = ["" if place is None else columns[place] for place in places]
            numbers = [c for c, value in row.values.items() if whole_number(str(value)) is not None]
            others = [column for column in numbers if column not in names]
            if not names[2] and others:
                message = f"no column is called {HEADER[2]}; {first_of(others)} may hold the grades"
                fix = f"call the grades {HEADER[2]}; where all are right, leave the other numbers out"
                row.error("", "unreadable judgements", message, fix)
                return
        query, doc, score = names
        query_id, doc_id = row.required_id(query), row.required_id(doc)
        if query_id is not None and doc_id is not None:
            _add(rows, query_id, doc_id, row.values.get(score, "") if score else 1, row.place)


def _objects(path: Path, problems: Problems) -> Iterator[Row]:
    """The rows of a file; `{query: {document: grade}}` (ranx, BEIR) and `{query: [document]}` as rows as well."""
    for row in read_objects(path, problems, whole=True):
        by_query = bool(row.values) and all(isinstance(docs, dict | list) for docs in row.values.values())
        if not by_query:
            yield row
            continue
        for query_id, docs in row.values.items():
            place = Place(row.place.file, row.place.line, query_id)
            for doc_id, grade in docs.items() if isinstance(docs, dict) else ((doc, 1) for doc in docs):
                yield Row(dict(zip(HEADER, (query_id, doc_id, grade), strict=True)), place, problems)


def _read_table(path: Path, rows: Rows) -> None:
    problems = rows.problems
    every = list(read_lines(path, problems))
    for place in (place for place, line in every if not line.strip()):
        problems.warn(place, "", "blank line", "the line is blank", "skipped")
    if not (lines := [(place, line) for place, line in every if line.strip()]):
        return
    head = [line for _, line in lines[:HEAD]]
    quoted = any(
        len(cell) > 1 and cell[0] == cell[-1] == '"'
        for line in head[:2]
        for sign in "\t,; "
        for cell in _cells(line, sign, False)
    )
    if (layout := _find_layout(head, quoted, rows)) is None:
        message = f"the first line is no header ({', '.join(HEADER)}), nor a judgement"
        problems.error(lines[0][0], "", "unreadable judgements", message, f"write {' <TAB> '.join(HEADER)}")
        return
    first = _table(head, layout.delimiter, quoted)[0]
    _tell_layout(layout, first, quoted, lines[0][0], rows)
    judged: list[tuple[str, str, str, Place]] = []
    for place, line in lines[layout.header :]:
        cells = _cells(line, layout.delimiter, quoted)
        if len(cells) == len(first):
            query, doc, grade = layout.columns
            judged.append((cells[query], cells[doc], "1" if grade < 0 else cells[grade], place))
        else:
            message = f"expected {len(first)} columns as in the first line, found {len(cells)}"
            fix = "write three columns with tabs between"
            problems.error(place, "", "malformed judgement", message, fix)
    if len(judged) >= MANY and not rows.drop_unknown and not any(_fits(rows, q, d) for q, d, _, _ in judged):
        query_id, doc_id, _, place = judged[0]
        if rows.query_places and rows.document_places and not problems.unread_files:
            message = (
                f"none of its {len(judged):,} judgements names a query and a document that are there: the first has "
                f"{query_id!r} and {doc_id!r}, the queries begin with {next(iter(rows.query_places))!r}, the documents "
                f"with {next(iter(rows.document_places))!r}"
            )
            fix = "give the judgements of these queries and documents"
            problems.error(place, "", "judgements of another task", message, fix)
            return
    for query_id, doc_id, written, place in judged:
        _add(rows, query_id, doc_id, written, place)


def _find_layout(head: Sequence[str], quoted: bool, rows: Rows) -> _Layout | None:
    """How to read the head: by its header, else the way in which most lines judge known queries and documents.

    Ways that names in the header speak against come last. Of ways that are equally good the usual one is taken, and
    none of several others; where nothing is known, a usual one, so that unknown ids are told.
    """
    usual: list[_Layout] = []
    found: list[tuple[tuple[bool, int, bool], _Layout]] = []
    for delimiter in ("\t", ",", ";", None):
        table = _table(head, delimiter, quoted)
        names = [_place(table[0], known) for known in NAMES]
        for layout, is_usual in _layouts(table, delimiter):
            query, doc, grade = layout.columns
            agrees = not layout.header or all(
                name in (None, column) for name, column in zip(names, layout.columns, strict=True)
            )
            if layout.header and _fits(rows, table[0][query], table[0][doc]):
                continue  # it is a judgement
            usual += [layout] if is_usual else []
            n = sum(
                _fits(rows, cells[query], cells[doc])
                and (grade in (-1, names[2]) or whole_number(cells[grade]) is not None)
                for cells in table[layout.header :]
                if len(cells) == len(table[0])
            )
            if n and layout.header and is_usual and agrees:
                return layout
            found += [((agrees, n, is_usual), layout)] * bool(n)
        if found:
            break
    best = max((rank for rank, _ in found), default=None)
    chosen = [layout for rank, layout in found if rank == best]
    if len({layout.columns for layout in chosen}) == 1:
        return chosen[0]
    return usual[0] if usual and not chosen else None


def _layouts(table: Sequence[Sequence[str]], delimiter: str | None) -> Iterator[tuple[_Layout, bool]]:
    """Ways to read a table, and whether each is usual: by its header, query document grade, TREC; else any order."""
    width = len(table[0])
    if width < 2:
        return
    q, d, g = (_place(table[0], known) for known in NAMES)
    graded = width == 2 or (g is not None and whole_number(table[0][g]) is None)
    if q is not None and d is not None and graded:
        yield _Layout(delimiter, (q, d, -1 if g is None else g), True), True
    usual = {3: (0, 1, 2), 4: (0, 2, 3)}.get(width)
    # More columns without a header are no judgements: a run has six, and ranks for grades.
    orders = list(itertools.permutations(range(width), 3)) if 2 < width < 5 else []
    orders += [(0, 1, -1), (1, 0, -1)] if width == 2 else []
    for header in (False, True):
        body = [cells for cells in table[header:] if len(cells) == width]
        for order in sorted(orders, key=lambda order: order != usual):
            if order[2] < 0 or (body and whole_number(body[0][order[2]]) is not None):
                yield _Layout(delimiter, order, header), order == usual


def _tell_layout(layout: _Layout, first: Sequence[str], quoted: bool, place: Place, rows: Rows) -> None:
    warn, order = rows.problems.warn, layout.columns
    listed = ", ".join(first[i] for i in order if i >= 0)
    read = (
        f"query and document, all of grade 1: {listed}"
        if order[2] < 0
        else f"query, document and grade: {listed}"
    )
    if layout.delimiter != "\t":
        named = f"{DELIMITERS[layout.delimiter]} separate" if layout.delimiter else "white space separates"
        warn(place, "", "delimiter", f"{named} the columns", "read so")
    if quoted:
        warn(place, "", "quotation marks", "cells stand in quotation marks", "read without")
    if layout.header:
        if tuple(first) != HEADER or order != (0, 1, 2):
            warn(place, "", "other header", f"the header is {', '.join(first)}", f"read as {read}")
    elif len(first) == 4 and order == (0, 2, 3):
        message = "the file has four columns without a header"
        warn(place, "", "TREC", message, "read as TREC: query, 0, document, grade")
    elif order != (0, 1, 2):
        message = "the first line is a judgement, whose columns are told by the ids that are there"
        warn(place, "", "other order", message, f"read as {read}")
    else:
        warn(place, "", "no header", "the first line is a judgement, not a header", "counted")


def _add(rows: Rows, query_id: str, doc_id: str, grade: Any, place: Place) -> None:
    written = str(grade).strip()
    if isinstance(grade, bool) or (whole := whole_number(written)) is None:
        fix = "write 0 for not relevant, 1 or more for relevant"
        found = f"{written!r} is not a whole number" if written else "the grade is missing"
        rows.problems.error(place, "score", "bad grade", found, fix)
        return
    if "." in written:
        kind, message = "whole grades with decimals", f"{written} is written with decimals"
        rows.problems.warn(place, "score", kind, message, "taken as whole numbers")
    rows.add_judgement(query_id, doc_id, whole, place)


def _fits(rows: Rows, query_id: str, doc_id: str) -> bool:
    return query_id in rows.query_places and doc_id in rows.document_places


def _place(cells: Sequence[str], known: Sequence[str]) -> int | None:
    found = [i for i, cell in enumerate(cells) if cell.lower().replace("_", "-") in known]
    return found[0] if len(found) == 1 else None


def _table(head: Sequence[str], delimiter: str | None, quoted: bool) -> list[list[str]]:
    """The lines as cells; a header that lacks the name of the rows' numbers (R) gets an empty one."""
    table = [_cells(line, delimiter, quoted) for line in head]
    if len(table) > 1 and all(len(cells) == len(table[0]) + 1 for cells in table[1:]):
        table[0].insert(0, "")
    return table


def _cells(line: str, delimiter: str | None, quoted: bool) -> list[str]:
    if delimiter is None:
        return [cell.strip('"') if quoted else cell for cell in line.split()]
    if not quoted and delimiter == "\t":
        return [cell.strip() for cell in line.split("\t")]
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
