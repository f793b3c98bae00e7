"""Task folders for tests, written as raw bytes so that every fault can be put into them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CARD = "name: demo\nlanguages: [de, en]\nalignment: comparable\n"
DOCUMENTS: list[dict[str, Any]] = [
    {"_id": "d1", "title": "", "text": "Das Boot ist blau.", "lang": "de", "group": "boat"},
    {"_id": "d2", "title": "", "text": "The boat is blue.", "lang": "en", "group": "boat"},
    {"_id": "d3", "title": "", "text": "Cats sleep.", "lang": "en"},
]
QUERIES: list[dict[str, Any]] = [
    {"_id": "q1-de", "text": "Welche Farbe hat das Boot?", "lang": "de", "need_id": "q1"},
    {"_id": "q1-en", "text": "What colour is the boat?", "lang": "en", "need_id": "q1"},
]
QRELS = [("q1-de", "d1", "1"), ("q1-en", "d2", "2")]


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def tsv(rows: list[tuple[str, ...]]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in [("query-id", "corpus-id", "score"), *rows]).encode()


def write_folder(
    folder: Path,
    card: str | None = CARD,
    documents: list[dict[str, Any]] | bytes = DOCUMENTS,
    queries: list[dict[str, Any]] | bytes = QUERIES,
    qrels: list[tuple[str, ...]] | bytes = QRELS,
) -> Path:
    (folder / "qrels").mkdir(parents=True)
    if card is not None:
        (folder / "task.yaml").write_text(card, encoding="utf-8")
    (folder / "corpus.jsonl").write_bytes(documents if isinstance(documents, bytes) else jsonl(documents))
    (folder / "queries.jsonl").write_bytes(queries if isinstance(queries, bytes) else jsonl(queries))
    (folder / "qrels" / "test.tsv").write_bytes(qrels if isinstance(qrels, bytes) else tsv(qrels))
    return folder
