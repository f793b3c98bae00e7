"""A task of six documents and a model whose word vectors are written by hand, so that every rank can be counted.

Cosines that matter (each text is one word, or words of which all but one have no vector):

              boat  boot  cat   katze  haus
    boat      1     .8    0     0      0
    cat       0     0     1     .6     0
    katze     0     0     .6    1      .8

"zzz" and "qqq" have no vector: a-en-3, first by its id, and q3-de are zero vectors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

from xlembed.models.selfcheck import sentences

WORDS = {
    "boat": (1.0, 0.0, 0.0, 0.0),
    "boot": (0.8, 0.6, 0.0, 0.0),
    "cat": (0.0, 0.0, 1.0, 0.0),
    "katze": (0.0, 0.0, 0.6, 0.8),
    "haus": (0.0, 0.0, 0.0, 1.0),
}
DOCUMENTS: list[dict[str, Any]] = [
    {"_id": "d-en-1", "title": "", "text": "boat", "lang": "en", "group": "boat"},
    {"_id": "d-en-2", "title": "", "text": "cat", "lang": "en", "group": "cat"},
    {"_id": "a-en-3", "title": "", "text": "zzz", "lang": "en"},
    {"_id": "d-de-1", "title": "", "text": "boot", "lang": "de", "group": "boat"},
    {"_id": "d-de-2", "title": "", "text": "katze", "lang": "de", "group": "cat"},
    {"_id": "d-de-3", "title": "", "text": "haus", "lang": "de"},
]
QUERIES: list[dict[str, Any]] = [
    {"_id": "q1-en", "text": "boat qqq", "lang": "en", "need_id": "n1", "doc_id": "d-en-1"},
    {"_id": "q2-en", "text": "cat", "lang": "en", "need_id": "n2", "doc_id": "d-en-2"},
    {"_id": "q3-en", "text": "boat", "lang": "en", "need_id": "n3", "doc_id": "a-en-3"},
    {"_id": "q1-de", "text": "boot", "lang": "de", "need_id": "n1", "doc_id": "d-de-1"},
    {"_id": "q2-de", "text": "katze", "lang": "de", "need_id": "n2", "doc_id": "d-de-2"},
    {"_id": "q3-de", "text": "qqq", "lang": "de", "need_id": "n3"},
]
QRELS = [
    ("q1-en", "d-en-1", 1),
    ("q1-en", "d-de-1", 1),
    ("q2-en", "d-en-2", 1),
    ("q2-en", "d-de-2", 1),
    ("q3-en", "a-en-3", 1),
]
"""The German queries say nothing: they inherit the judgements of their needs."""


def write_toy(
    folder: Path,
    documents: list[dict[str, Any]] = DOCUMENTS,
    queries: list[dict[str, Any]] = QUERIES,
    qrels: list[tuple[str, str, int]] = QRELS,
) -> Path:
    """The task as a folder in our layout."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    card = f"name: {folder.name}\nlanguages: [en, de]\nalignment: comparable\n"
    (folder / "task.yaml").write_text(card, encoding="utf-8")
    for name, rows in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (folder / name).write_text("".join(lines), encoding="utf-8")
    lines = ["query-id\tcorpus-id\tscore\n", *(f"{q}\t{d}\t{grade}\n" for q, d, grade in qrels)]
    (folder / "qrels" / "test.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


def save_toy_model(folder: Path, words: Mapping[str, Sequence[float]] = WORDS) -> Path:
    """A table of word vectors, saved by sentence-transformers; an unknown word adds nothing."""
    pieces = [piece for text in sentences().values() for piece in text.split()]
    known = list(dict.fromkeys(["[UNK]", *words, *pieces]))  # the loader checks that sentences can be read
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(known)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    nothing = np.zeros(len(next(iter(words.values()))))
    rows = np.array([words.get(word, nothing) for word in known], dtype=np.float32)
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=rows), Normalize()], device="cpu"
    )
    model.save_pretrained(str(folder))
    return folder


def digests(folder: Path, *parts: str) -> dict[str, str]:
    """Path -> sha256 of every file below the named parts of `folder` (all parts if none is named)."""
    places = [folder / part for part in parts] or [folder]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for place in places
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }
