"""A Task -> a folder in our layout, the same bytes for the same task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xlembed.data.card import CARD_FILE, card_text
from xlembed.data.folders import check_new
from xlembed.data.importers.beir import CORPUS_FILE, QRELS_FILE, QUERIES_FILE
from xlembed.data.judgements import HEADER
from xlembed.data.task import Task
from xlembed.files import atomic_folder, atomic_writer


def check_target(name: str, folder: Path, force: bool = False) -> None:
    """Nothing when a task called `name` may be written to `folder`.

    Raises:
        UserError: as `check_new`.
    """
    check_new(name, folder, CORPUS_FILE, "task", force)


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
            for d in task.documents:
                file.write(_json_line(_id=d.doc_id, title=d.title, text=d.text, lang=d.lang, group=d.group))
        with atomic_writer(temporary / QUERIES_FILE) as file:
            for q in task.queries:
                said = {"cluster": q.cluster, "doc_id": q.doc_id, "native": None if q.native else False}
                file.write(_json_line(_id=q.query_id, text=q.text, lang=q.lang, need_id=q.need_id, **said))
        order = {document.doc_id: row for row, document in enumerate(task.documents)}
        with atomic_writer(temporary / QRELS_FILE) as file:
            file.write("\t".join(HEADER) + "\n")
            for query in task.queries:
                judged = task.qrels.get(query.query_id, {})
                for doc_id in sorted(judged, key=order.__getitem__):
                    file.write(f"{query.query_id}\t{doc_id}\t{judged[doc_id]}\n")


def _json_line(**values: Any) -> str:
    return json.dumps({key: v for key, v in values.items() if v is not None}, ensure_ascii=False) + "\n"
