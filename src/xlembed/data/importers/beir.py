"""BEIR folders: our layout with languages, and plain ones of a single language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xlembed.data.card import Card, is_task_name, read_card, slugify
from xlembed.data.checks import Place, Problems
from xlembed.data.joining import join
from xlembed.data.judgements import find_judgements, read_judgements
from xlembed.data.languages import require_language
from xlembed.data.lines import is_there
from xlembed.data.objects import IDS, SUFFIXES, TEXTS, by_id, name_of, read_objects
from xlembed.data.reading import ReadOptions, language_by_name, refuse_documents, said_languages
from xlembed.data.row import Row
from xlembed.data.rows import Rows
from xlembed.data.task import Document, Query
from xlembed.words import Lang, UserError

CORPUS_FILE = "corpus.jsonl"
QUERIES_FILE = "queries.jsonl"
QRELS_FILE = "qrels/test.tsv"
_DOCUMENT_FIELDS = (*IDS[:6], *TEXTS[1:-1], "title", "text", "lang", "group", "metadata")
_QUERY_IDS = ("_id", "id", "query_id", "qid")
_QUERY_FIELDS = (*_QUERY_IDS, "query", "text", "lang", "need_id", "cluster", "doc_id", "native", "metadata")


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """One folder, or several of a language each; without `lang` in its rows the language is the option's or the name's.

    Documents and queries may be JSON lines, arrays or parquet; judgements as `judgements` reads them.

    Raises:
        UserError: no folder is given, or one has another form; judgements are of other splits only.
    """
    refuse_documents(options, "a BEIR folder")
    for file in files:
        _check_folder(file)
    parts = []
    for folder, told in zip(files, said_languages(files, options), strict=True):
        by_name = told is None and _is_plain(folder)
        lang = language_by_name(folder, problems, options.varieties) if by_name else told
        parts.append((str(folder), read_folder(folder, problems, lang, options, all_alike=by_name)))
    card = parts[0][1].card
    if len(parts) == 1:
        rows = parts[0][1]
        rows.card = replace(card, name=options.name, source=card.source or files[0].resolve().name)
        return rows
    problems.raise_errors(options.name)
    sources = ", ".join(
        rows.card.source or folder.resolve().name for folder, (_, rows) in zip(files, parts, strict=True)
    )
    return join(parts, Card(options.name, source=sources, licence=card.licence), options.equal_ids, problems)


def _check_folder(folder: Path) -> None:
    """Nothing for a folder in this form.

    Raises:
        UserError: says what it is instead, and who reads that.
    """
    if not folder.is_dir():
        raise UserError(
            f"beir: expected a folder with {CORPUS_FILE}, found {folder}; files of rows are read by `xlembed import "
            "jsonl` and `xlembed import table`, topics with TREC judgements by `xlembed import trec`"
        )
    if any(is_there(part(folder, stem)) for stem in ("corpus", "queries")):
        return
    there = sorted(path.name for path in folder.iterdir())
    trec = any(re.match("(topics?|qrels|docs-|collection)", name) for name in there)
    if inside := [name for name in there if is_there(part(folder / name, "corpus"))]:
        named = " ".join(str(folder / name) for name in inside[:5])
        advice = f"name the folders inside, one per language: xlembed import beir {named}"
    elif trec:
        advice = f"topics, TREC judgements and documents are read by: xlembed import trec {folder}"
    else:
        advice = "Other forms are not read: write the three files (docs/data.md)"
    raise UserError(
        f"beir: expected a folder with {CORPUS_FILE}, {QUERIES_FILE} and {QRELS_FILE}; {folder} has "
        f"{', '.join(there[:8]) or 'nothing'}. {advice}"
    )


def part(folder: Path, stem: str) -> Path:
    """The documents or queries of a folder: `corpus.jsonl`, or in another form; the first where there is none."""
    found = [folder / f"{stem}{suffix}" for suffix in SUFFIXES]
    return next((path for path in found if is_there(path)), found[0])


def read_folder(
    folder: Path,
    problems: Problems,
    lang: Lang | None = None,
    options: ReadOptions | None = None,
    *,
    all_alike: bool = False,
) -> Rows:
    """Documents, queries and judgements of a folder.

    Args:
        folder: with corpus.jsonl, queries.jsonl, qrels/test.tsv; task.yaml may be missing.
        problems: takes what is wrong in the files.
        lang: language of rows that do not say theirs.
        options: `split`, and whether to drop judgements of what is not there.
        all_alike: `lang` is for files in which no row says its own.

    Raises:
        UserError: if `lang` is no language code.
    """
    options = options or ReadOptions()
    rows, lang = _open_folder(folder, problems, lang, options.drop_unknown)
    add_documents(by_id(read_objects(part(folder, "corpus"), problems, True)), rows, lang, all_alike)
    add_queries(by_id(read_objects(part(folder, "queries"), problems, True)), rows, lang, all_alike)
    needed = not (rows.card.unjudged or options.unjudged) or is_there(folder / QRELS_FILE)
    if needed and (judged := find_judgements(folder, options.split, problems)):
        read_judgements(judged, rows)
    return rows


def read_documents(folder: Path, problems: Problems) -> Rows:
    """Documents of a folder alone, with or without queries in it."""
    rows, lang = _open_folder(folder, problems, None)
    add_documents(by_id(read_objects(part(folder, "corpus"), problems, True)), rows, lang)
    return rows


def _open_folder(
    folder: Path, problems: Problems, lang: Lang | None, drop_unknown: bool = False
) -> tuple[Rows, Lang | None]:
    """Nothing read but the card, and the language of rows that do not say theirs."""
    name = folder.resolve().name
    card = read_card(folder, problems) or Card(name if is_task_name(name) else slugify(name))
    if lang is not None:
        require_language(lang, "--lang")
    elif card.languages is not None and len(card.languages) == 1:
        lang = card.languages[0]
    return Rows(card, problems, drop_unknown), lang


def add_documents(found: Iterable[Row], rows: Rows, lang: Lang | None, all_alike: bool = False) -> None:
    """Rows of documents; arguments as of `read_folder`."""
    speaking = _Languages(lang, all_alike, rows)
    for row in found:
        row.tell_misspelt(_DOCUMENT_FIELDS)
        doc_id = row.required_id(name_of(row, IDS[:6]))
        text = row.text("text" if "text" in row.values else name_of(row, TEXTS[:-1]))
        title = row.optional("title") or ""
        group = row.id("group") or None
        spoken = speaking.of(row)
        if doc_id is not None and text is not None:
            rows.add_document(Document(doc_id, text, spoken, title, group), row.place)
        elif doc_id is not None:
            rows.know_document(doc_id, row.place)
    speaking.tell_missing()


def add_queries(found: Iterable[Row], rows: Rows, lang: Lang | None, all_alike: bool = False) -> None:
    """Rows of queries; arguments as of `read_folder`."""
    speaking = _Languages(lang, all_alike, rows)
    for row in found:
        row.tell_misspelt(_QUERY_FIELDS)
        query_id = row.required_id(name_of(row, _QUERY_IDS))
        text = row.text("query" if "query" in row.values and "text" not in row.values else "text")
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
    first = next(read_objects(part(folder, "corpus"), Problems()), None)
    return first is not None and "lang" not in first.values
