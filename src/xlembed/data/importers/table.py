"""Spreadsheets: products and queries with the right products, in one table, in two, or in three."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from xlembed.data.card import Card
from xlembed.data.cells import Cells, split_ids
from xlembed.data.checks import Place, Problems, Row
from xlembed.data.choosing import check_where, is_chosen, where_note
from xlembed.data.headers import Header, Layout, Part, understand
from xlembed.data.lines import require_encoding, unpacked_name
from xlembed.data.opening import read_tables
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Rows, language_by_name, said_languages
from xlembed.data.spoken import detect_languages
from xlembed.data.task import Document, Query
from xlembed.words import Lang, UserError, counted

REPEATING = 0.7
"""Share of different values up to which a product's number is no id of documents: its reviews repeat it."""

WITH_DOCUMENTS = (Part.DOCUMENTS, Part.BOTH)
WITH_QUERIES = (Part.QUERIES, Part.BOTH)


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """Tables of documents, of queries, of both, or of judgements; sheets of a workbook are tables of their own.

    Right for a query are the documents that its row names, and every document of the group that it names; the document
    of its own row. A query that stands in several rows is one. Missing ids are made from row numbers.

    Raises:
        UserError: a told column or encoding is not there; the files cannot be understood, with what they hold.
    """
    if options.encoding:
        require_encoding(options.encoding)
    card = Card(options.name, source=", ".join(file.name for file in files))
    rows = Rows(card, problems, options.drop_unknown)
    tables = _read_all(files, options, problems)
    problems.read_as += [line for table in tables for line in table.layout.told(len(table.rows))]
    _check_parts(tables, options, problems)
    rows.excluded += _choose(tables, options)
    _Languages(tables, options, problems).tell()
    builder = _Builder(rows)
    for parts, add in (
        (WITH_DOCUMENTS, builder.add_documents),
        (WITH_QUERIES, builder.add_queries),
        ((Part.JUDGEMENTS,), builder.add_judgements),
    ):
        for table in tables:
            if table.layout.part in parts:
                add(table)
    for table in tables:
        signs = [f"{sign!r} in {counted(n, 'cell')}" for sign, n in table.cells.separators.most_common()]
        told = f"{table.layout.header.name}: several ids in a cell, separated by {', '.join(signs)}"
        problems.read_as += [told] * bool(signs)
    return rows


def _choose(tables: Sequence[_Table], options: ReadOptions) -> list[str]:
    """Leaves the rows that are right pairs, in tables that say so; notes on the others."""
    judging = [table for table in tables if table.layout.part is not Part.DOCUMENTS and not options.unjudged]
    told = [table for table in judging if options.where.keys() <= set(table.layout.header.columns)]
    used = {column for table in judging for columns in table.layout.fields.values() for column in columns}
    rows = [row.values for table in told or judging for row in table.rows]
    check_where(rows, options.where, used, "--columns grade")
    n_rows = sum(len(table.rows) for table in told)
    for table in told:
        table.left_out = {row.place for row in table.rows if not is_chosen(row.values, options.where)}
    return where_note(sum(len(table.left_out) for table in told), n_rows, options.where)


class _Table:
    """A table that was understood, its rows with places that name the columns, its languages row by row."""

    def __init__(
        self, file: Path, rows: Sequence[Row], layout: Layout, default: Lang | None, options: ReadOptions
    ) -> None:
        self.file, self.layout, self.default = file, layout, default
        labels = layout.labels()
        self.rows = [row._replace(place=replace(row.place, columns=labels, in_table=True)) for row in rows]
        self.cells = Cells(self.rows, layout.fields, options.varieties, options.grades)
        self.spoken: dict[tuple[int, str], Lang] = {}
        """Row (from 0) and field -> language."""
        self.left_out: set[Place] = set()
        """Rows that are no right pairs."""

    def texts(self, row: Row) -> tuple[str, str]:
        """Title and text of the row's document; a title is the text where there is no column for one."""
        title = self.cells.text(row, "title")
        return (title, self.cells.text(row, "text")) if "text" in self.layout.fields else ("", title)

    def place(self) -> Place:
        """Of the table as a whole."""
        return Place(self.layout.header.name, columns=self.layout.labels())


def _tell_quoted(name: str, rows: Sequence[Row], problems: Problems) -> None:
    cells = [cell for row in rows for cell in row.values.values()]
    if n := sum(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells):
        done = "kept with them; if a spreadsheet wrote them, save the table as .csv"
        problems.warn(Place(name), "", "quotation marks", f"{counted(n, 'cell')} in quotation marks", done)


def _read_all(files: Sequence[Path], options: ReadOptions, problems: Problems) -> list[_Table]:
    """The tables that are something; other sheets of a workbook are told, other files are errors."""
    opened: list[tuple[Path, list[Row], Header, Lang | None]] = []
    for file, lang in zip(files, said_languages(files, options), strict=True):
        for table in read_tables(file, problems, encoding=options.encoding):
            if not table.is_text:
                raise UserError(f"{file}: rows of JSON are read by `xlembed import jsonl`")
            rows, form = list(table.rows), unpacked_name(file).suffix.lower()
            if form == ".tsv":
                _tell_quoted(table.name, rows, problems)
            values = {c: [v for row in rows if (v := row.values[c].strip())] for c in table.header}
            repeating = frozenset(
                c for c, of in values.items() if len(of) > 1 and len(set(of)) <= REPEATING * len(of)
            )
            header = Header(table.name, table.header, lettered=form != ".parquet", repeating=repeating)
            opened.append((file, rows, header, lang))
    problems.raise_errors(options.name)
    layouts = understand([header for _, _, header, _ in opened], options.columns)
    used = {file for (file, *_), layout in zip(opened, layouts, strict=True) if layout}
    tables = []
    for (file, rows, header, lang), layout in zip(opened, layouts, strict=True):
        place, listed = Place(header.name), ", ".join(filter(None, header.columns)) or "nothing"
        message = f"its first row has {listed}: no text, no query, no query's id beside a document's"
        if layout:
            tables.append(_Table(file, rows, layout, lang, options))
        elif file in used:
            problems.warn(place, "", "other sheet", message, "not read")
        else:
            fix = (
                "delete what stands above the headers, or say which column is which: --columns "
                "id=...,text=...,query=...,doc=... (docs/spreadsheets.md)"
            )
            problems.error(place, "", "unknown table", message, fix)
    problems.raise_errors(options.name)
    return tables


def _check_parts(tables: Sequence[_Table], options: ReadOptions, problems: Problems) -> None:
    """Whether documents, queries and judgements are there, as the whole of the files."""
    parts = [table.layout.part for table in tables]
    fix = "add their file, or say its column: --columns"
    if not any(part in WITH_DOCUMENTS for part in parts):
        message = "no table has documents, with a column of texts and none of queries"
        problems.error(tables[0].place(), "", "no documents", message, f"{fix} text=...")
    if not any(part in WITH_QUERIES for part in parts) and not options.unjudged:
        message = "no table has a column of queries"
        problems.error(tables[0].place(), "", "no queries", message, f"{fix} query=...")
    if options.grades and not any("grade" in table.layout.fields for table in tables):
        raise UserError("--grades: no column has grades; say which: --columns grade=...")
    for table in tables:
        judged = table.layout.part is not Part.QUERIES or table.layout.fields.keys() & {"doc", "group"}
        if table.layout.part is Part.DOCUMENTS:
            continue
        if options.unjudged and judged:
            fix = "leave out --unjudged, or the columns that say which documents are right"
            problems.error(table.place(), "", "judged", "the table says which documents are right", fix)
        elif not options.unjudged and not judged and Part.JUDGEMENTS not in parts:
            message = "no column says which documents are right for a query"
            fix = "call it like the documents' id or group, or say it: --columns doc=...; without any: --unjudged"
            if column := _column_of_ids(table, tables):
                message = f"the column {table.layout.header.label([column])} holds ids of documents"
                fix = f"if they are right for the row's query, say so: --columns doc={column}"
            problems.error(table.place(), "", "no judgements", message, fix)
    problems.raise_errors(options.name)


def _column_of_ids(table: _Table, tables: Sequence[_Table]) -> str:
    """The first column, of those not read, where most filled cells name documents or groups; "" if none."""
    documents = [other for other in tables if other.layout.part in WITH_DOCUMENTS]
    ids = (of.cells.id(row, field) for of in documents for row in of.rows for field in ("id", "group"))
    known = set(filter(None, ids))
    for column in table.layout.unused:
        cells = [cell for row in table.rows if (cell := row.values[column].strip())]
        named = sum(cell in known or not known.isdisjoint(split_ids(cell)) for cell in cells)
        if named > len(cells) / 2:
            return column
    return ""


class _Languages:
    """The language of each document and query: its row's, else the option's or the file's name's, else its text's."""

    def __init__(self, tables: Sequence[_Table], options: ReadOptions, problems: Problems) -> None:
        self._tables, self._detect, self._problems = tables, options.detect_lang, problems
        self._varieties = options.varieties
        self._silent: list[tuple[_Table, int, str, str]] = []
        self._named: dict[Path, Lang] = {}

    def tell(self) -> None:
        """Fills `spoken` of every table; what cannot be told is an error."""
        for table in self._tables:
            part = table.layout.part
            if part in WITH_DOCUMENTS:
                self._of(table, "text", "lang")
            if part in WITH_QUERIES:
                self._of(table, "query", "query_lang", "lang")
        if self._detect and self._silent:
            self._by_texts()
        fix = "fill the cell, or name the language of such rows with --lang"
        message = "the row has no language" + ", and its text tells none" * self._detect
        untold = [(t, number) for t, number, field, _ in self._silent if (number, field) not in t.spoken]
        for table, number in dict.fromkeys(untold):
            table.rows[number].error("lang", "missing language", message, fix)

    def _of(self, table: _Table, field: str, *said_by: str) -> None:
        silent = []
        for number, row in enumerate(table.rows):
            title, text = table.texts(row) if field == "text" else ("", table.cells.text(row, "query"))
            if not (title or text) and table.layout.part is Part.BOTH:
                continue
            if lang := table.cells.lang(row, *said_by) or ("" if self._detect else table.default or ""):
                table.spoken[number, field] = lang
            else:
                silent.append((table, number, field, f"{title}\n{text}".strip()))
        if len(silent) == len(table.rows) and silent and not self._detect:
            self._by_name(table, field)
        else:
            self._silent += silent

    def _by_name(self, table: _Table, field: str) -> None:
        try:
            lang = self._named.get(table.file) or language_by_name(
                table.file, self._problems, self._varieties
            )
        except UserError as error:
            which = str(error).removeprefix(f"{table.file}: ").partition(". Say it")[0]
            fix = (
                "add a column of languages, name it with --lang, or let the texts tell it with --detect-lang"
            )
            self._problems.error(table.place(), "lang", "missing language", which, fix)
            lang = "en"  # told once, not for each row
        self._named[table.file] = lang
        table.spoken |= {(number, field): lang for number in range(len(table.rows))}

    def _by_texts(self) -> None:
        found, counts = detect_languages([text for *_, text in self._silent])
        only = next(iter(counts)) if len(counts) == 1 and counts.total() > 2 else None
        short: Counter[Lang] = Counter()
        for (table, number, field, _), lang in zip(self._silent, found, strict=True):
            other = table.default or only
            if lang or other:
                table.spoken[number, field] = lang or other or ""
                short[other or ""] += not lang
        listed = ", ".join(f"{lang} {n:,}" for lang, n in counts.most_common())
        self._problems.read_as.append(f"languages told by texts: {listed or 'none'}")
        self._problems.read_as += [
            f"  {counted(n, 'text that tells', 'texts that tell')} no language, taken for {lang}"
            for lang, n in (+short).items()
        ]


_Content = tuple[str, ...]
"""What a document or a query says, by which it is told from others."""


class _Builder:
    """Takes all documents first, then all queries, then judgements that stand apart."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._documents: dict[str, _Content] = {}
        self._groups: dict[str, list[str]] = {}
        self._known = ChainMap[str, object](self._documents, self._groups)  # type: ignore[arg-type]
        self._bare: dict[str, str] = {}
        self._queries: dict[str, _Content] = {}
        self._made: dict[str, dict[_Content, str]] = {"d": {}, "q": {}}
        self._beside: dict[Place, str] = {}

    def add_documents(self, table: _Table) -> None:
        """The documents of a table; the same one again, beside another query, is one."""
        both, cells = table.layout.part is Part.BOTH, table.cells
        for number, row in enumerate(table.rows):
            title, text = table.texts(row)
            if both and not (title or text):
                continue
            lang, group = table.spoken.get((number, "text"), "en"), cells.id(row, "group")
            content = (lang, title, text, group)
            doc_id = cells.id(row, "id") if "id" in cells.fields else self._make("d", content)
            self._beside[row.place] = doc_id
            if both and self._documents.get(doc_id) == content:
                continue
            self._documents.setdefault(doc_id, content)
            self._bare.setdefault(doc_id.lstrip("0"), doc_id)
            if group:
                self._groups.setdefault(group, []).append(doc_id)
            document = Document(doc_id, text, lang, title, group or None)
            self._rows.add_document(document, row.place, ("id", "text"))

    def add_queries(self, table: _Table) -> None:
        """The queries of a table with what their rows judge; one that stands in several rows is one."""
        cells = table.cells
        for number, row in enumerate(table.rows):
            text = cells.text(row, "query")
            if (not text and table.layout.part is Part.BOTH) or row.place in table.left_out:
                continue
            content = (table.spoken.get((number, "query"), "en"), text)
            query_id = cells.id(row, "query_id") if "query_id" in cells.fields else self._make("q", content)
            if not text or self._queries.get(query_id) != content:
                self._queries.setdefault(query_id, content)
                need_id, cluster = cells.id(row, "need_id") or query_id, cells.id(row, "cluster") or None
                query = Query(query_id, text, content[0], need_id, cluster)
                self._rows.add_query(query, row.place, ("query_id", "query"))
            self._judge(table, row, query_id)

    def add_judgements(self, table: _Table) -> None:
        """The rows of a table that only judges."""
        for row in table.rows:
            if row.place not in table.left_out:
                self._judge(table, row, table.cells.id(row, "query_id"))

    def _judge(self, table: _Table, row: Row, query_id: str) -> None:
        if (grade := table.cells.grade(row)) is None:
            return
        right = list(self._named(table, row))
        if own := self._beside.get(row.place):
            right = [own, *([] if "grade" in table.layout.fields else right)]  # a grade is of the row's own
        for doc_id in dict.fromkeys(right):
            self._rows.add_judgement(query_id, doc_id, grade, row.place)

    def _named(self, table: _Table, row: Row) -> Iterator[str]:
        """The documents that the row names, by their ids or by their group; others are told."""
        for field in ("doc", "group"):
            for name in table.cells.ids(row, field, self._known):
                if field == "doc" and name in self._documents:
                    yield name
                elif name in self._groups:
                    yield from self._groups[name]
                elif (other := self._bare.get(name.lstrip("0"))) and other != name:
                    message = f"there is no document {name!r}; there is {other!r}, with other zeros in front"
                    fix = "a spreadsheet drops them: format the column as text, and export again"
                    row.error(field, "lost zeros", message, fix)
                elif field == "doc":
                    yield name  # told as unknown
                else:
                    message = f"no document has the group {name!r}"
                    row.error(field, "unknown group", message, "correct it, or add the documents")

    def _make(self, letter: str, content: _Content) -> str:
        made = self._made[letter]
        return made.setdefault(content, f"{letter}{len(made) + 1:05d}")
