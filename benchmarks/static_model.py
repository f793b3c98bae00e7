"""Scores a static model folder.

    python benchmarks/static_model.py MODEL_FOLDER DATA_FOLDER [--on dev|tatoeba|xquad]

Settings are chosen on `dev`: the STS dev split and the last 200 NTREX rows. Tatoeba and XQuAD are for
final candidates: every such run is a look at a test set, to be counted in the model's card.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from xlembed.data.parallel import read_stsb
from xlembed.data.text_digest import comparable

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
TATOEBA = ("deu", "fra", "tur", "jpn")
LANGS = ("en", "de", "es", "fr", "pt", "tr", "ja", "zh")
NTREX_TAIL = 200
XQUAD = ("en", "de", "es", "tr", "zh")


def tatoeba_accuracy(encode: Encode, data: Path, lang: str) -> tuple[float, float]:
    """Share of sentences whose nearest one in the other language is the translation: to and from English."""
    folder = data / "tatoeba"
    foreign = encode((folder / f"tatoeba.{lang}-eng.{lang}").read_text(encoding="utf-8").splitlines())
    english = encode((folder / f"tatoeba.{lang}-eng.eng").read_text(encoding="utf-8").splitlines())
    scores = foreign @ english.T
    right = np.arange(len(scores))
    return float((scores.argmax(axis=1) == right).mean()), float((scores.argmax(axis=0) == right).mean())


def read_xquad(data: Path, lang: str) -> tuple[list[str], list[str], list[int]]:
    """Paragraphs, questions, and for each question the number of its paragraph."""
    articles = json.loads((data / "xquad" / f"xquad.{lang}.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    questions = [
        (qa["question"], number) for number, paragraph in enumerate(paragraphs) for qa in paragraph["qas"]
    ]
    return [p["context"] for p in paragraphs], [q for q, _ in questions], [number for _, number in questions]


def xquad_accuracy(encode: Encode, data: Path) -> dict[tuple[str, str], float]:
    """Accuracy@1 for each (question language, paragraph language); the pool is one language's paragraphs."""
    read = {lang: read_xquad(data, lang) for lang in XQUAD}
    documents = {lang: encode(found[0]) for lang, found in read.items()}
    queries = {lang: encode(found[1]) for lang, found in read.items()}
    return {
        (a, b): float(((queries[a] @ documents[b].T).argmax(axis=1) == np.array(read[a][2])).mean())
        for a in XQUAD
        for b in XQUAD
    }


def dev_scores(encode: Encode, data: Path) -> dict[str, float]:
    """Mean accuracy@1 over language pairs, and Spearman's rank correlation with the STS scores."""
    pairs = {lang: read_stsb(data, lang, "dev") for lang in LANGS}
    distinct: dict[str, int] = {}
    for number, pair in enumerate(pairs["en"]):
        distinct.setdefault(comparable(pair[0]), number)
    sentences = {
        lang: encode([found[number][0] for number in distinct.values()]) for lang, found in pairs.items()
    }
    lines = (data / "parallel" / "ntrex.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines[-NTREX_TAIL:]]
    news = {lang: encode([row[lang] for row in rows]) for lang in LANGS}
    # Five sentences in a row stand in for a paragraph, the middle of a sentence for a question.
    starts = range(0, NTREX_TAIL, 5)
    paragraphs = {
        lang: encode([" ".join(row[lang] for row in rows[start : start + 5]) for start in starts])
        for lang in XQUAD
    }
    parts = {
        lang: encode([row[lang][int(len(row[lang]) * 0.3) : int(len(row[lang]) * 0.7)] for row in rows])
        for lang in XQUAD
    }
    row_numbers = np.arange(NTREX_TAIL)
    correlations = []
    for found in pairs.values():
        cosines = (encode([p[0] for p in found]) * encode([p[1] for p in found])).sum(axis=1)
        correlations.append(spearmanr(cosines, [p[2] for p in found]).statistic)
    sentence_numbers = np.arange(len(distinct))
    return {
        "stsb dev, to and from en": _mean_over(
            sentences, sentences, sentence_numbers, LANGS, with_english=True
        ),
        "ntrex tail, all pairs": _mean_over(news, news, row_numbers, LANGS),
        "ntrex tail, sentence to paragraph": _mean_over(news, paragraphs, row_numbers // 5, XQUAD),
        "ntrex tail, part to paragraph": _mean_over(parts, paragraphs, row_numbers // 5, XQUAD),
        "stsb dev, Spearman": float(np.mean(correlations)),
    }


def _mean_over(
    queries: Mapping[str, NDArray[np.float32]],
    documents: Mapping[str, NDArray[np.float32]],
    right: NDArray[np.int64],
    langs: Sequence[str],
    with_english: bool = False,
) -> float:
    found = [
        float(((queries[a] @ documents[b].T).argmax(axis=1) == right).mean())
        for a in langs
        for b in langs
        if a != b and (not with_english or "en" in (a, b))
    ]
    return float(np.mean(found))


def load_encoder(folder: Path) -> Encode:
    """Unit vectors in float32, whatever the file holds."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu").float()

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(list(texts), show_progress_bar=False), dtype=np.float32)

    return encode


def main() -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--on", choices=("dev", "tatoeba", "xquad"), default="dev")
    arguments = parser.parse_args()
    encode = load_encoder(arguments.model)
    if arguments.on == "dev":
        for name, value in dev_scores(encode, arguments.data).items():
            print(f"  {name:<36}{value:>7.1%}")
    if arguments.on == "tatoeba":
        print("Tatoeba, accuracy in %   to eng  from eng    mean")
        means = []
        for lang in TATOEBA:
            there, back = tatoeba_accuracy(encode, arguments.data, lang)
            means.append((there + back) / 2)
            print(f"  {lang:<22}{there:>7.1%}{back:>10.1%}{means[-1]:>8.1%}")
        print(f"  {'mean':<22}{'':>17}{np.mean(means):>8.1%}")
    if arguments.on == "xquad":
        found = xquad_accuracy(encode, arguments.data)
        print("XQuAD, accuracy@1 in %, 240 paragraphs; rows: question, columns: paragraph")
        print("      " + "".join(f"{lang:>8}" for lang in XQUAD))
        for a in XQUAD:
            print(f"  {a:<4}" + "".join(f"{found[a, b]:>8.1%}" for b in XQUAD))
        print(f"  monolingual mean  {np.mean([found[a, a] for a in XQUAD]):.1%}")
        print(f"  cross-lingual mean{np.mean([v for (a, b), v in found.items() if a != b]):>6.1%}")


if __name__ == "__main__":
    main()
