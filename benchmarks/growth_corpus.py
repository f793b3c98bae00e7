"""A task of any size out of real sentences, for growth.py: STSB and NTREX of shared corpora, put together anew.

A document is three to six sentences of one language, drawn with a fixed seed, so that a smaller corpus is the beginning
of a larger one. The first 600 answer questions: 100 pairs of STSB that mean the same (score 4 to 4.9) in six languages;
one sentence of the pair is the question, the other stands in the document, and both in no other.
"""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

LANGUAGES = ("de", "en", "es", "fr", "ja", "zh")
N_NEEDS = 100
SAME = (4.0, 4.9)
"""STSB's scores go from 0 to 5, which is the same sentence word for word."""


def write_corpus(corpora: Path, folder: Path, n_documents: int) -> None:
    """Write a task.

    Args:
        corpora: holds stsb/ and parallel/ntrex.jsonl.
        folder: of the task; made.
        n_documents: at least 600.
    """
    pairs = {lang: _pairs(corpora / "stsb", lang) for lang in LANGUAGES}
    needs = [i for i, (_, _, score) in enumerate(pairs["en"]) if SAME[0] <= score <= SAME[1]][:N_NEEDS]
    taken = {lang: {text for need in needs for text in pairs[lang][need][:2]} for lang in LANGUAGES}
    sentences = {lang: sorted(_sentences(corpora, lang, pairs[lang]) - taken[lang]) for lang in LANGUAGES}
    (folder / "qrels").mkdir(parents=True)
    card = f"name: {folder.name}\nlanguages: [{', '.join(LANGUAGES)}]\nalignment: comparable\n"
    (folder / "task.yaml").write_text(card, encoding="utf-8")
    queries = [
        {"_id": f"n{need:05d}-{lang}", "text": pairs[lang][need][1], "lang": lang, "need_id": f"n{need:05d}"}
        for need in needs
        for lang in LANGUAGES
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in queries]
    (folder / "queries.jsonl").write_text("".join(lines), encoding="utf-8")
    rng = random.Random(0)
    with (
        (folder / "corpus.jsonl").open("w", encoding="utf-8") as corpus,
        (folder / "qrels" / "test.tsv").open("w", encoding="utf-8") as judged,
    ):
        judged.write("query-id\tcorpus-id\tscore\n")
        for i in range(n_documents):
            turn, lang = i // len(LANGUAGES), LANGUAGES[i % len(LANGUAGES)]
            said = rng.choices(sentences[lang], k=rng.randint(3, 6))
            row = {"_id": f"d{i:08d}", "lang": lang}
            if turn < len(needs):
                said[0] = pairs[lang][needs[turn]][0]
                row["group"] = f"n{needs[turn]:05d}"
                judged.write(f"n{needs[turn]:05d}-{lang}\td{i:08d}\t1\n")
            row["text"] = ("" if lang in ("ja", "zh") else " ").join(said)
            corpus.write(json.dumps(row, ensure_ascii=False) + "\n")


def _pairs(folder: Path, lang: str) -> list[tuple[str, str, float]]:
    """Both sentences and their score, the same row in every language."""
    with (folder / f"stsb-{lang}-train.csv").open(encoding="utf-8", newline="") as file:
        return [(one, other, float(score)) for one, other, score in csv.reader(file)]


def _sentences(corpora: Path, lang: str, pairs: list[tuple[str, str, float]]) -> set[str]:
    news = (corpora / "parallel" / "ntrex.jsonl").read_text(encoding="utf-8").splitlines()
    every = [text for one, other, _ in pairs for text in (one, other)] + [
        json.loads(row)[lang] for row in news
    ]
    return set(filter(None, (text.strip() for text in every)))
