"""XQuAD read straight from its JSON, and its scores computed by plain loops over stored vectors."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LANGS = ("en", "de", "es", "tr", "zh", "ru")


@dataclass(frozen=True)
class Source:
    """One language: paragraphs, and for every question its id, text and the number of its paragraph."""

    contexts: list[str]
    questions: list[tuple[str, str, int]]


def read_source(file: Path) -> Source:
    contexts: list[str] = []
    questions: list[tuple[str, str, int]] = []
    for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            questions += [(qa["id"], qa["question"], len(contexts)) for qa in paragraph["qas"]]
            contexts.append(paragraph["context"])
    return Source(contexts, questions)


def first_articles(file: Path, n: int, target: Path) -> Path:
    """The same file with its first `n` articles only."""
    content = json.loads(file.read_text(encoding="utf-8"))
    content["data"] = content["data"][:n]
    path = target / file.name
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


class Plain:
    """Ranks by loops over all cosines in float64, rounded to 1e-6; equal ones in the order of the ids.

    Attributes:
        langs: in alphabetical order, which is that of the document ids (``de-p0001``).
        right: paragraph number of each question.
        cosines: shape (n_langs, n_questions, n_langs, n_paragraphs).
    """

    def __init__(self, export: Path, source: Source, langs: tuple[str, ...]) -> None:
        self.langs = sorted(langs)
        self.right = [paragraph for _, _, paragraph in source.questions]
        documents = _by_id(export, "documents.npy", "document_ids.json")
        queries = _by_id(export, "queries.npy", "query_ids.json")
        d = np.stack(
            [documents[f"{a}-p{i + 1:04d}"] for a in self.langs for i in range(len(source.contexts))]
        )
        q = np.stack([queries[f"{b}-{need}"] for b in self.langs for need, _, _ in source.questions])
        cosines = np.round(q.astype(np.float64) @ d.astype(np.float64).T, 6)
        n = len(self.langs)
        self.cosines = cosines.reshape(n, len(source.questions), n, len(source.contexts))

    def ranks(self, query_lang: str, doc_lang: str, pool: str) -> list[int]:
        """Rank of the one right document of each question; its other versions are taken out."""
        b, a = self.langs.index(query_lang), self.langs.index(doc_lang)
        found = []
        for row, right in zip(self.cosines[b], self.right, strict=True):
            if pool == "target":
                left, place = row[a].copy(), right
            else:
                left = row.copy()
                for other in range(len(self.langs)):
                    if other != a:
                        left[other, right] = -9.0
                left, place = left.reshape(-1), a * row.shape[1] + right
            above = int((left > left[place]).sum()) + int((left[:place] == left[place]).sum())
            found.append(above + 1)
        return found

    def ranking(self, query_lang: str, question: int) -> list[str]:
        """Ids of all documents of all languages, best first, nothing taken out."""
        row = self.cosines[self.langs.index(query_lang), question]
        named = [
            (-cosine, f"{lang}-p{i + 1:04d}")
            for lang, line in zip(self.langs, row.tolist(), strict=True)
            for i, cosine in enumerate(line)
        ]
        return [doc_id for _, doc_id in sorted(named)]


def _by_id(export: Path, vectors: str, ids: str) -> dict[str, NDArray[Any]]:
    names = json.loads((export / ids).read_text(encoding="utf-8"))
    return dict(zip(names, np.load(export / vectors), strict=True))


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
