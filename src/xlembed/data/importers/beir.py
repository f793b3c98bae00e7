"""BEIR folders: our layout with languages, and plain ones of a single language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from xlembed.data.card import Card, read_card, slugify
from xlembed.data.checks import Problems, Row
from xlembed.data.joining import join
from xlembed.data.judgements import find_judgements, read_judgements
from xlembed.data.languages import require_language
from xlembed.data.lines import existing
from xlembed.data.objects import IDS, SUFFIXES, TEXTS, by_id, name_of, read_objects
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Rows, language_by_name, said_languages
from xlembed.data.task import Document, Query
from xlembed.words import Lang, UserError, counted

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
    """Nothing for a folder in this form."""
    if not folder.is_dir():
        raise UserError(
            f"beir: expected a folder with {CORPUS_FILE}, found {folder}; files of rows are read by `xlembed import "
            "jsonl` and `xlembed import table`, topics with TREC judgements by `xlembed import trec`"
        )
    if any(existing(part(folder, stem)) for stem in ("corpus", "queries")):
        return
    there = sorted(path.name for path in folder.iterdir())
    trec = any(re.match("(topics?|qrels|docs-|collection)", name) for name in there)
    if inside := [name for name in there if existing(part(folder / name, "corpus"))]:
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
    return next((path for path in found if existing(path)), found[0])


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
    rows = read_documents(folder, problems, lang, options.drop_unknown, all_alike=all_alike)
    lang = _default(rows.card, lang)
    add_queries(by_id(read_objects(part(folder, "queries"), problems, True)), rows, lang, all_alike)
    needed = not (rows.card.unjudged or options.unjudged) or existing(folder / QRELS_FILE)
    if needed and (judged := find_judgements(folder, options.split, problems)):
        read_judgements(judged, rows)
    return rows


def read_documents(
    folder: Path,
    problems: Problems,
    lang: Lang | None = None,
    drop_unknown: bool = False,
    *,
    all_alike: bool = False,
) -> Rows:
    """Documents of a folder alone, with or without queries in it; arguments as of `read_folder`.

    Raises:
        UserError: if `lang` is no language code.
    """
    card = read_card(folder, problems) or Card(slugify(folder.resolve().name))
    if lang is not None:
        require_language(lang, "--lang")
    rows = Rows(card, problems, drop_unknown)
    found = by_id(read_objects(part(folder, "corpus"), problems, True))
    add_documents(found, rows, _default(card, lang), all_alike)
    return rows


def _default(card: Card, lang: Lang | None) -> Lang | None:
    """The language of rows that do not say theirs: the one that was said, or the card's only one."""
    return card.languages[0] if lang is None and card.languages and len(card.languages) == 1 else lang


def add_documents(found: Iterable[Row], rows: Rows, lang: Lang | None, all_alike: bool = False) -> None:
    """Rows of documents, whose id is called by one of `IDS`, whose text by one of `TEXTS`; see `read_folder`."""
    for row, spoken in _spoken(found, rows, lang, all_alike):
        row.tell_misspelt(_DOCUMENT_FIELDS)
        names = name_of(row, IDS[:6]), "text" if "text" in row.values else name_of(row, TEXTS[:-1])
        doc_id, text = row.required_id(names[0]), row.text(names[1])
        title, group = row.optional("title") or "", row.id("group") or None
        if doc_id is not None and text is not None:
            rows.add_document(Document(doc_id, text, spoken, title, group), row.place, names)
        elif doc_id is not None:
            rows.document_places.setdefault(doc_id, row.place)


def add_queries(found: Iterable[Row], rows: Rows, lang: Lang | None, all_alike: bool = False) -> None:
    """Rows of queries; arguments as of `read_folder`."""
    for row, spoken in _spoken(found, rows, lang, all_alike):
        row.tell_misspelt(_QUERY_FIELDS)
        query_id = row.required_id(name_of(row, _QUERY_IDS))
        text = row.text("query" if "query" in row.values and "text" not in row.values else "text")
        need_id, cluster, doc_id = row.id("need_id"), row.id("cluster") or None, row.id("doc_id") or None
        native = row.flag("native", True)
        if query_id is not None and text is not None:
            need = query_id if need_id is None else need_id
            query = Query(query_id, text, spoken, need, cluster, doc_id, native)
            rows.add_query(query, row.place, also="")
        elif query_id is not None:
            rows.query_places.setdefault(query_id, row.place)


def _spoken(
    found: Iterable[Row], rows: Rows, lang: Lang | None, all_alike: bool
) -> Iterator[tuple[Row, Lang]]:
    """Rows of one file with their languages; that many rows lack one is told once, at the end.

    Where an error is told, some language of the task stands in.
    """
    some_lang, silent, some_say = (rows.card.languages or ("en",))[0], [], False
    for row in found:
        if row.values.get("lang") is None:
            silent.append(row)
            yield row, lang or some_lang
        else:
            some_say = True
            yield row, row.optional("lang") or some_lang
    if silent and (lang is None or (all_alike and some_say)):
        have = counted(len(silent), "row has", "rows have")
        message = f"{have} no language (the first is line {silent[0].place.line})"
        fix = 'add "lang" to every row; for a folder of one language, name it with --lang'
        silent[0].error("lang", "missing language", message, fix)


def _is_plain(folder: Path) -> bool:
    """No card, and the first document says no language."""
    if read_card(folder, Problems()) is not None:
        return False
    first = next(read_objects(part(folder, "corpus"), Problems()), None)
    return first is not None and "lang" not in first.values
