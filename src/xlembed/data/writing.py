"""A Task -> a folder in our layout, the same bytes for the same task, or as MTEB's loader and BEIR have it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from xlembed.data.card import CARD_FILE, card_text
from xlembed.data.folders import check_new
from xlembed.data.importers.beir import CORPUS_FILE, QRELS_FILE, QUERIES_FILE
from xlembed.data.judgements import HEADER
from xlembed.data.subsets import Subset, subsets
from xlembed.data.task import Query, Task
from xlembed.files import atomic_folder, atomic_writer, check_free
from xlembed.words import UserError


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
        _write_lines(
            temporary / CORPUS_FILE,
            (
                {"_id": d.doc_id, "title": d.title, "text": d.text, "lang": d.lang, "group": d.group}
                for d in task.documents
            ),
        )
        _write_lines(temporary / QUERIES_FILE, map(_query_row, task.queries))
        order = {document.doc_id: row for row, document in enumerate(task.documents)}
        with atomic_writer(temporary / QRELS_FILE) as file:
            file.write("\t".join(HEADER) + "\n")
            for query in task.queries:
                judged = task.qrels.get(query.query_id, {})
                for doc_id in sorted(judged, key=order.__getitem__):
                    file.write(f"{query.query_id}\t{doc_id}\t{judged[doc_id]}\n")


def _query_row(query: Query) -> dict[str, Any]:
    row = {"_id": query.query_id, "text": query.text, "lang": query.lang, "need_id": query.need_id}
    native = None if query.native else False
    return {**row, "cluster": query.cluster, "doc_id": query.doc_id, "native": native}


LICENCES = re.compile(r"(cc|mit|apache|gpl|lgpl|agpl|bsd|odc|odbl|cdla|unlicense)[a-z0-9.-]*")
"""What the Hub takes as the name of a licence; others are told in words."""
README = """
# {name}

{description}

| subset | documents | queries |
|---|---|---|
{rows}

Subsets of one language hold its documents and queries, pairs such as `en-de` questions in the first language and
documents in the second; `corpus`, `queries` and `default` hold all languages at once, with `lang`, `need_id` and
`group` in each row. Source: {source}. Licence: {licence}.
"""


def export_task(task: Task, folder: Path, layout: str, *, force: bool = False) -> list[str]:
    """Write a task into a folder in one of `LAYOUTS`, whole or not at all; the names of its subsets.

    Raises:
        UserError: no such layout, the folder exists, or the task has no judgements.
    """
    if layout not in LAYOUTS:
        raise UserError(f"--layout: {layout!r}: choose one of {', '.join(LAYOUTS)}")
    if task.unjudged:
        raise UserError(f"{task.name} has no judgements, and such layouts are for judged tasks")
    check_free(folder, CARD_FILE, force)
    parts = list(subsets(task))
    with atomic_folder(folder) as made:
        made.rmdir()
        write_task(task, made)
        LAYOUTS[layout](task, parts, made)
    return [part.name for part in parts]


def _write_hub(task: Task, parts: Iterable[Subset], folder: Path) -> None:
    """Our own files, whose rows the Hub's viewer shows, files per language, and a card that names all as configs."""
    configs = {"corpus": CORPUS_FILE, "queries": QUERIES_FILE, "default": "qrels/all.jsonl"}
    _write_lines(folder / configs["default"], _judgements(task.qrels))
    rows = []
    for part in parts:
        files = {
            "corpus": ({"_id": d.doc_id, "title": d.title, "text": d.text} for d in part.documents),
            "queries": ({"_id": q.query_id, "text": q.text} for q in part.queries),
            "qrels": _judgements(part.qrels),
        }
        for of, lines in files.items():
            place = f"{of}/{part.doc_lang if of == 'corpus' else part.name}.jsonl"
            configs[f"{part.name}-{of}"] = place
            _write_lines(folder / place, lines)
        rows.append(f"| {part.name} | {len(part.documents):,} | {len(part.queries):,} |")
    licence = task.licence.lower()
    header: dict[str, Any] = {
        "language": list(task.languages),
        "multilinguality": "multilingual" if len(task.languages) > 1 else "monolingual",
        "task_categories": ["text-retrieval"],
        **({"license": licence} if LICENCES.fullmatch(licence) else {}),
        "configs": [
            {"config_name": n, "data_files": [{"split": "test", "path": p}]} for n, p in configs.items()
        ],
    }
    told = {name: getattr(task, name) or "not told" for name in ("description", "source", "licence")}
    text = README.format(name=task.name, rows="\n".join(rows), **told)
    head = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
    with atomic_writer(folder / "README.md") as file:
        file.write(f"---\n{head}---\n{text}")


def _write_beir(task: Task, parts: Iterable[Subset], folder: Path) -> None:
    """All languages in the folder itself, and a folder per subset, for readers that know of no languages."""
    for part in parts:
        langs = tuple(dict.fromkeys((part.query_lang, part.doc_lang)))
        cut = replace(task, name=f"{task.name}-{part.name}", languages=langs, qrels=part.qrels)
        write_task(replace(cut, documents=part.documents, queries=part.queries), folder / part.name)


LAYOUTS: Mapping[str, Callable[[Task, Iterable[Subset], Path], None]] = {
    "hub": _write_hub,
    "beir": _write_beir,
}


def _judgements(qrels: Mapping[str, Mapping[str, int]]) -> Iterable[dict[str, Any]]:
    for query_id, judged in qrels.items():
        for doc_id, grade in judged.items():
            yield {"query-id": query_id, "corpus-id": doc_id, "score": grade}


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """A row per line, without the fields that are not said."""
    with atomic_writer(path) as file:
        for row in rows:
            said = {key: value for key, value in row.items() if value is not None}
            file.write(json.dumps(said, ensure_ascii=False) + "\n")
