"""Questions with their paragraph in a row each, as `datasets` keeps SQuAD; or articles, as SQuAD's own files do."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlembed.data.importing import find_reader
from xlembed.data.public.entry import Part
from xlembed.data.public.source import Source
from xlembed.data.row import Row
from xlembed.data.rows import Rows
from xlembed.words import UserError

ROWS = Part(config=("{subset}", "plain_text", "default"))
NESTED = ("paragraphs", "data")


def read(source: Source) -> Rows:
    """As `xlembed import squad` reads a file per language: equal question ids are translations."""
    part = source.entry.part("rows", ROWS)
    fields = ("context", "question", "answers", "id", *NESTED)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for lang, subset in source.chosen.items():
            file = Path(folder) / (subset or lang)
            paragraphs = _paragraphs(source.rows(part, (), fields, subset=subset))
            article = {"data": [{"paragraphs": paragraphs}]}
            file.write_text(json.dumps(article, ensure_ascii=False), encoding="utf-8")
            files.append(file)
        options = replace(source.options, langs=tuple(source.chosen), believe=True)
        rows = find_reader("squad")(files, options, source.problems)
    rows.card = source.card(rows.card.alignment)
    return rows


def _paragraphs(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Each paragraph once, with all its questions."""
    asked: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        for context, question in _questions(row.values, row):
            asked[context].append(question)
    return [{"context": context, "qas": qas} for context, qas in asked.items()]


def _questions(values: dict[str, Any] | Any, row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paragraph and question of a row, or all of an article, or of a file that is one row."""
    for name in NESTED:
        for inner in values.get(name) or ():
            if name == "paragraphs":
                for question in inner.get("qas") or ():
                    yield inner["context"], {**question, "answers": _answers(question.get("answers"))}
            else:
                yield from _questions(inner, row)
    if any(values.get(name) for name in NESTED):
        return
    if missing := [name for name in ("context", "question") if not isinstance(values.get(name), str)]:
        raise UserError(
            f"{row.place}: no {' and no '.join(missing)}: the rows are neither questions with their paragraph "
            f"(context, question, answers) nor SQuAD's articles ({' or '.join(NESTED)})"
        )
    question = {"id": values.get("id"), "question": values["question"]}
    yield values["context"], {**question, "answers": _answers(values.get("answers"))}


def _answers(value: Any) -> list[dict[str, str]]:
    """Answers as {text: [...]}, {text: ...}, or a list of either or of texts."""
    if isinstance(value, str):
        return [{"text": value}]
    if isinstance(value, dict):
        return _answers(value.get("text"))
    return [answer for one in value or () for answer in _answers(one)]
