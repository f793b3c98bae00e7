"""Topics, TREC judgements and documents, as MIRACL, Mr. TyDi and MS MARCO give them: files, or folders of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems, Row
from xlembed.data.importers.beir import add_documents, add_queries
from xlembed.data.joining import join
from xlembed.data.judgements import NAMES, read_judgements
from xlembed.data.languages import suggest_language
from xlembed.data.lines import read_lines, unpacked_name
from xlembed.data.objects import IDS, SUFFIXES, TEXTS, in_list, name_of, read_objects
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Rows, language_by_name, said_languages
from xlembed.data.task import Query
from xlembed.words import Lang, UserError

KINDS = {
    "topics": "topic|quer(?:y|ies)",
    "qrels": "qrels",
    "documents": "docs|documents?|corpus|collection|passages?",
}
"""What a file is -> how its name begins."""

_SPLITS = re.compile("(?<![A-Za-z])(train|dev|test-?[A-Za-z]?|val|validation|eval)(?![A-Za-z])")
_LANGUAGE = re.compile(r"(?:miracl|mr-?tydi)(?:-corpus)?-v[\d.]+-([A-Za-z]+)")
"""Where the names of MIRACL and Mr. TyDi say the language, by code or by English name."""


_Part = dict[str, list[Path]]
"""The files of one language by kind: those of `KINDS`, and `rows` of queries with their passages."""


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """Topics (id and text between tabs, or <top>), judgements (TREC, or as `judgements` reads them), documents.

    Files are told apart by how their names begin (`KINDS`); languages by --lang, else by the names of MIRACL and
    Mr. TyDi, else by the topics' name.

    Raises:
        UserError: files of a kind are missing, a language is not told, or there are several splits.
    """
    card = Card(options.name, source=", ".join(sorted({path.name for path in files})))
    built = []
    for lang, part in _sorted_out(files, options, problems).items():
        rows = Rows(card, problems, options.drop_unknown)
        for path in part["rows"]:
            add_passages(read_objects(path, problems), rows, lang)
        chosen = part if part["rows"] else _of_split(part, options.split, lang)
        for path in chosen["documents"]:
            add_documents(map(_titled, _documents(path, problems)), rows, lang)
        for path in chosen["topics"]:
            _read_topics(path, rows, lang)
        for path in chosen["qrels"]:
            read_judgements(path, rows)
        built.append((lang, rows))
    if len(built) == 1:
        return built[0][1]
    problems.raise_errors(options.name)
    return join(built, card, options.equal_ids, problems)


def add_passages(found: Iterable[Row], rows: Rows, lang: Lang, prefix: str = "") -> None:
    """Rows of a query with its judged passages, as the hub has MIRACL and Mr. TyDi: all of them are the documents.

    `prefix` stands before every id in the task.
    """
    taken: dict[str, Any] = {}
    for row in found:
        query_id, text = row.required_id("query_id"), row.text("query")
        judged: dict[str, int] = {}
        for grade, name in ((1, "positive_passages"), (0, "negative_passages")):
            place = Place(row.place.file, row.place.line, name)
            for passage in in_list(row.values.get(name) or [], place, row.problems):
                own = passage.id("docid") or ""
                if taken.get(own) != passage.values:
                    taken[own] = passage.values
                    named = {**passage.values, "docid": prefix + own} if own else passage.values
                    add_documents([passage.renamed(named)], rows, lang)
                judged.setdefault(prefix + own, grade)
        if query_id and text is not None:
            query = Query(prefix + query_id, text, lang, prefix + query_id)
            if rows.add_query(query, row.place, ("query_id", "query")):
                for doc_id, grade in judged.items():
                    rows.add_judgement(query.query_id, doc_id, grade, row.place)


def _titled(row: Row) -> Row:
    """`contents` begin with the title where a blank line follows it (Mr. TyDi)."""
    text = row.values.get("contents")
    if name_of(row, TEXTS[:-1]) != "contents" or row.values.get("title") or not isinstance(text, str):
        return row
    title, blank, rest = text.partition("\n\n")
    return row.renamed({**row.values, "title": title, "contents": rest}) if blank else row


def _sorted_out(files: Sequence[Path], options: ReadOptions, problems: Problems) -> dict[Lang, _Part]:
    """The files by language; those in folders whose names tell nothing are passed over."""
    kinds: list[tuple[str, Path, Lang | None]] = []
    for file, said in zip(files, said_languages(files, options), strict=True):
        inside = sorted(path for path in file.rglob("*") if path.is_file()) if file.is_dir() else [file]
        found = [
            (k, path) for path in inside for k, begins in KINDS.items() if re.match(begins, path.name.lower())
        ]
        found = found or [("rows", path) for path in inside if _holds_passages(path)]
        if not found:
            raise UserError(
                f"trec: {file} is nothing that its name tells; topics, judgements and documents begin with topics or "
                "queries, qrels, and docs, corpus or collection"
            )
        kinds += [(kind, path, said or _language_of(path)) for kind, path in found]
    there = {kind for kind, _, _ in kinds}
    if "rows" not in there and (missing := [kind for kind in KINDS if kind not in there]):
        raise UserError(
            f"trec: no {' and no '.join(missing)} among {', '.join(map(str, files))}; name files or folders with "
            "topics*, qrels* and docs* or corpus* or collection*"
        )
    langs = {lang for _, _, lang in kinds if lang}
    parts: dict[Lang, _Part] = {}
    for kind, path, lang in kinds:
        if lang is None:
            if len(langs) > 1:
                raise UserError(
                    f"{path}: which of {', '.join(sorted(langs))} is it? Put it into a folder named so"
                )
            # A file that tells no language beside others that do has theirs; the topics' name may tell it.
            topics = next(path for kind, path, _ in kinds if kind in ("topics", "rows"))
            langs = langs or {language_by_name(topics, problems, options.varieties)}
            (lang,) = langs
        parts.setdefault(lang, {kind: [] for kind in (*KINDS, "rows")})[kind].append(path)
    for lang, part in parts.items():
        if not part["rows"] and (missing := [kind for kind in KINDS if not part[kind]]):
            raise UserError(f"trec: {lang} has no {' and no '.join(missing)}")
    return parts


def _holds_passages(path: Path) -> bool:
    if unpacked_name(path).suffix.lower() not in SUFFIXES:
        return False
    first = next(read_objects(path, Problems()), None)
    return first is not None and "positive_passages" in first.values


def _language_of(path: Path) -> Lang | None:
    """By the names of MIRACL and Mr. TyDi, of the file or of a folder above it."""
    found = _LANGUAGE.findall("/".join(path.parts))
    return suggest_language(found[-1]) if found else None


def _of_split(part: _Part, split: str, lang: Lang) -> _Part:
    """The topics and judgements of one split."""

    def by_split(paths: Sequence[Path]) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in paths:
            found.setdefault("".join(_SPLITS.findall(path.name)[-1:]), []).append(path)
        return found

    topics, qrels = by_split(part["topics"]), by_split(part["qrels"])
    both = [name for name in topics if name in qrels or "" in qrels]
    if (not split and len(both) == 1) or split in both:
        name = split if split in both else both[0]
        return {**part, "topics": topics[name], "qrels": qrels.get(name) or qrels[""]}
    if not split and not both and len(topics) == len(qrels) == 1:
        return part
    named = ", ".join(sorted(filter(None, both))) or "none"
    raise UserError(
        f"trec: {lang} has topics and judgements of these splits: {named}. Choose one with --split"
    )


def _documents(path: Path, problems: Problems) -> Iterator[Row]:
    """The rows of a collection: objects, or an id and a text between tabs (a title between them in three columns)."""
    name = unpacked_name(path)
    if name.suffix.lower() in SUFFIXES:
        yield from read_objects(path, problems)
        return
    for number, (place, line) in enumerate(read_lines(path, problems)):
        cells = line.split("\t")
        if number == 0 and cells[0].lower() in IDS and cells[-1].lower() in TEXTS:
            problems.warn(place, "", "header", f"the first line is a header: {', '.join(cells)}", "skipped")
        elif len(cells) in (2, 3):
            title = {"title": cells[1]} if len(cells) == 3 else {}
            yield Row({"docid": cells[0], "text": cells[-1], **title}, place, problems)
        elif line.strip():
            message = f"expected id <TAB> text, or id <TAB> title <TAB> text, found {len(cells)} columns"
            fix = "write it so, or write JSON lines (docs/data.md)"
            problems.error(place, "", "malformed document", message, fix)


def _read_topics(path: Path, rows: Rows, lang: Lang) -> None:
    problems = rows.problems
    if unpacked_name(path).suffix.lower() in SUFFIXES:
        add_queries(read_objects(path, problems), rows, lang)
        return
    lines = list(read_lines(path, problems))
    topics: list[tuple[Place, str, str | None]]
    if any(line.strip().lower() == "<top>" for _, line in lines[:50]):
        topics = list(_top_elements(lines))
    else:
        cells = [(place, line.partition("\t")) for place, line in lines if line.strip()]
        topics = [(place, own.strip(), text if tab else None) for place, (own, tab, text) in cells]
    if topics and topics[0][1].lower().replace("_", "-") in (*NAMES[0], "id", "query-id"):
        problems.warn(topics[0][0], "", "header", f"the first line is a header: {topics[0][1]}", "skipped")
        topics = topics[1:]
    for place, query_id, text in topics:
        if text is None:
            message = "expected id <TAB> text, found no tab"
            problems.error(place, "", "malformed topic", message, "write a tab between id and text")
        else:
            rows.add_query(Query(query_id, text, lang, query_id), place, ("id", "text"), also="")


def _top_elements(lines: Sequence[tuple[Place, str]]) -> Iterator[tuple[Place, str, str | None]]:
    element: list[str] = []
    place = lines[0][0]
    for at, line in lines:
        if line.strip().lower() == "<top>":
            element, place = [], at
        elif line.strip().lower().endswith("</top>"):
            text = "\n".join([*element, line.strip()[: -len("</top>")]])
            number = re.search(r"<num>\s*(?:Number:)?\s*(\S+?)\s*(?:</num>|\n|$)", text, re.IGNORECASE)
            title = re.search(
                r"<title>\s*(?:Topic:)?\s*(.*?)\s*(?:</title>|\n\s*<|$)", text, re.IGNORECASE | re.DOTALL
            )
            yield place, number[1] if number else "", title[1] if title else None
        else:
            element.append(line)
