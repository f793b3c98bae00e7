"""A Task -> a folder in our layout, the same bytes for the same task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xlembed.data.card import CARD_FILE, card_text, is_task_name, slugify
from xlembed.data.importers.beir import CORPUS_FILE, QRELS_FILE, QUERIES_FILE
from xlembed.data.judgements import HEADER
from xlembed.data.task import Document, Query, Task
from xlembed.files import atomic_folder, atomic_writer
from xlembed.words import UserError


def check_target(name: str, folder: Path, force: bool = False) -> None:
    """Nothing when a task called `name` may be written to `folder`.

    Raises:
        UserError: for a name that is no slug; for a folder that exists, unless `force` replaces a task.
    """
    if not is_task_name(name):
        advice = f"use letters, digits, '.', '_', '+' and '-', e.g. {slugify(name)!r}"
        raise UserError(f"{name!r} is no name for a task: {advice}")
    if not folder.exists():
        return
    if not force:
        raise UserError(
            f"{folder} exists already; choose another --name or --out, or replace it with --force"
        )
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / CORPUS_FILE).is_file()):
        raise UserError(f"{folder} is no task (it has no {CORPUS_FILE}), so --force does not replace it")


def write_task(task: Task, folder: Path, force: bool = False) -> None:
    """Write task.yaml, corpus.jsonl, queries.jsonl and qrels/test.tsv; whole or not at all.

    Raises:
        UserError: as `check_target`.
    """
    check_target(task.name, folder, force)
    with atomic_folder(folder) as temporary:
        with atomic_writer(temporary / CARD_FILE) as file:
            file.write(card_text(task))
        with atomic_writer(temporary / CORPUS_FILE) as file:
            file.writelines(map(_document_row, task.documents))
        with atomic_writer(temporary / QUERIES_FILE) as file:
            file.writelines(map(_query_row, task.queries))
        order = {document.doc_id: row for row, document in enumerate(task.documents)}
        with atomic_writer(temporary / QRELS_FILE) as file:
            file.write("\t".join(HEADER) + "\n")
            for query in task.queries:
                judged = task.qrels.get(query.query_id, {})
                for doc_id in sorted(judged, key=order.__getitem__):
                    file.write(f"{query.query_id}\t{doc_id}\t{judged[doc_id]}\n")


def _document_row(document: Document) -> str:
    row = {"_id": document.doc_id, "title": document.title, "text": document.text, "lang": document.lang}
    return _json_line(row, {"group": document.group})


def _query_row(query: Query) -> str:
    row = {"_id": query.query_id, "text": query.text, "lang": query.lang, "need_id": query.need_id}
    native = None if query.native else False
    return _json_line(row, {"cluster": query.cluster, "doc_id": query.doc_id, "native": native})


def _json_line(row: dict[str, Any], perhaps: dict[str, Any]) -> str:
    found = row | {key: value for key, value in perhaps.items() if value is not None}
    return json.dumps(found, ensure_ascii=False) + "\n"
