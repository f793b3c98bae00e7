"""Data of the LAReQA trial (docs/finetune.md): one set of questions, answered in their own language or in another.

    python benchmarks/lareqa_trial.py CORPORA

CORPORA holds parallel/ntrex.jsonl, stsb/, tquad/ and xquad/ (which is only evaluated). What is there already is left as
it is. `make trial-lareqa` calls this, then fine-tunes four times.

LAReQA (Roy et al. 2020, arXiv:2004.05484) trains on SQuAD translated into every language; here no parallel questions
are at hand, so that they are made of parallel sentences, by an inverse cloze task (Lee et al. 2019,
arXiv:1906.00300): one sentence of a block of news is the query, the sentences around it are the passage. `lareqa_xx`
and `lareqa_xy` have the same queries and the same negatives, in the query's language; only the language of the right
passage differs. So a model may tell right from wrong by language in neither, and in `lareqa_xy` it must rank a passage
of another language above one of its own.
"""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sentence_transformers import SentenceTransformer

from xlembed.cli.options import open_workspace
from xlembed.data.pairs import Kind, PairSet, load_pairs, write_pairs
from xlembed.data.text_digest import text_digest
from xlembed.finetune.negatives import add_negatives
from xlembed.finetune.recipe import Negatives
from xlembed.models.loading import load_for_training
from xlembed.tracking.opening import open_model

DATA = Path("data")
PART = "xquad_part"
EVERY = 6
"""Of XQuAD's paragraphs, what `PART` has: the whole takes a body on a busy core half an hour."""
XLEMBED = str(Path(sys.executable).with_name("xlembed"))
MINER = "static_multilingual"
"""Quick, at hand everywhere, and one for all recipes: what they train on must not differ."""
SEED = 42
LANGUAGES = ("en", "de", "es", "tr", "zh")
"""Those of XQuAD that the parallel texts have; its sixth, Russian, nobody trains on."""
BLOCK = 3
"""Sentences per block: one is the query, the others are the passage."""
SAME = 4.0
"""Pairs of the STS benchmark from this score on count as question and answer."""
DEV_DOCUMENTS = 10
"""Documents at the end of NTREX that nothing trains on."""
LICENCE = "CC BY-SA 4.0 (NTREX-128, MicrosoftTranslator; STS benchmark, stsb-multi-mt, STSb-TR)"
TQUAD_LICENCE = "none stated (TQuAD, Teknofest 2018): local use only"

Texts = Mapping[str, str]
"""Language -> one text in it."""


@dataclass(frozen=True)
class Example:
    """A query, the passage that answers it and one that does not, each in every language.

    Attributes:
        group: examples of one group are never negatives of each other.
    """

    anchor: Texts
    positive: Texts
    group: str
    negative: Texts | None = None


def main() -> None:
    corpora = Path(sys.argv[1])
    miner = load_for_training(open_model(open_workspace(None, None, {}), MINER))
    stories = documents(ntrex_sentences(corpora))
    news = mined(cloze_examples(stories[:-DEV_DOCUMENTS]), "en", miner)
    similar = mined(similar_examples(corpora), "en", miner)
    for name, own in (("lareqa_xx", True), ("lareqa_xy", False)):
        write(name, LANGUAGES, [*rows(news, own), *rows(similar, own, per_example=1)], LICENCE)
    held_out = mined(cloze_examples(stories[-DEV_DOCUMENTS:]), "en", miner)
    write("lareqa_dev", LANGUAGES, rows(held_out, own=False, per_example=1), LICENCE)
    turkish = mined(tquad_examples(corpora), "tr", miner)
    write("lareqa_tquad", ("tr",), rows(turkish, own=True, languages=("tr",)), TQUAD_LICENCE)
    import_part([corpora / f"xquad/xquad.{lang}.json" for lang in ("de", "en", "es", "ru", "tr", "zh")])


def import_part(files: Sequence[Path]) -> None:
    if (DATA / PART).exists():
        return
    with TemporaryDirectory() as folder:
        for file in files:
            content = json.loads(file.read_text(encoding="utf-8"))
            content["data"] = part(content["data"])
            (Path(folder) / file.name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        parts = [str(Path(folder) / file.name) for file in files]
        subprocess.run([XLEMBED, "import", "squad", *parts, "--name", PART], check=True)


def part(articles: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Articles in SQuAD's form with one of `EVERY` paragraphs, counted through all of them, and its questions."""
    numbers = count()
    return [
        {**article, "paragraphs": [p for p in article["paragraphs"] if next(numbers) % EVERY == 0]}
        for article in articles
    ]


# ---- examples


def documents(sentences: Sequence[Texts]) -> list[list[Texts]]:
    """The sentences by news story: a line whose English does not end like a sentence is a headline."""
    found: list[list[Texts]] = []
    for sentence in sentences:
        if not found or not re.search(r"[.?!:;,…][\"'”’)\]]*\s*$", sentence["en"]):
            found.append([])
        found[-1].append(sentence)
    return found


def cloze_examples(stories: Sequence[Sequence[Texts]]) -> list[Example]:
    """Each sentence of each block of `BLOCK` asks for the block without it; no block crosses a story's end."""
    found = []
    for number, story in enumerate(stories):
        for start in range(0, len(story), BLOCK):
            block = story[start : start + BLOCK]
            for i, sentence in enumerate(block if len(block) > 1 else []):
                rest = [*block[:i], *block[i + 1 :]]
                found.append(Example(sentence, joined(rest), group=f"story-{number}"))
    return found


def joined(sentences: Sequence[Texts]) -> Texts:
    """The sentences one after another, in every language."""
    return {
        lang: ("" if lang == "zh" else " ").join(sentence[lang].strip() for sentence in sentences)
        for lang in LANGUAGES
    }


def similar_examples(corpora: Path) -> list[Example]:
    """Pairs of the STS benchmark (train split) that mean nearly the same."""
    tables = {lang: list(stsb_rows(corpora, lang)) for lang in LANGUAGES}
    if len({len(table) for table in tables.values()}) > 1:
        raise SystemExit(f"stsb: the languages have {[len(table) for table in tables.values()]} rows")
    found = []
    for number, row in enumerate(zip(*tables.values(), strict=True)):
        if row[0][2] >= SAME:
            first, second = (dict(zip(LANGUAGES, [pair[i] for pair in row], strict=True)) for i in (0, 1))
            found.append(Example(first, second, group=f"pair-{number}"))
    return found


def tquad_examples(corpora: Path) -> list[Example]:
    """Turkish questions and their paragraphs."""
    if not (DATA / "pairs" / "tquad_all").exists():
        file = corpora / "tquad/train-v0.1.json"
        words = ["--name", "tquad_all", "--lang", "tr"]
        subprocess.run([XLEMBED, "import", "pairs", str(file), *words], check=True)
    found = load_pairs("tquad_all", DATA).rows
    return [Example({"tr": r["anchor"]}, {"tr": r["positive"]}, group=r["group"]) for r in found]


def mined(examples: Sequence[Example], lang: str, miner: SentenceTransformer) -> list[Example]:
    """Those for which a passage near the query and not right could be found, by their texts in one language."""
    asked = [
        {"anchor": e.anchor[lang], "positive": e.positive[lang], "group": e.group, "example": i}
        for i, e in enumerate(examples)
    ]
    passages = {e.positive[lang]: e.positive for e in examples}
    found = add_negatives(asked, Negatives(kind="hard"), SEED, miner)
    print(f"{len(found):,} examples, {len(asked) - len(found):,} without a negative left out")
    return [replace(examples[row["example"]], negative=passages[row["negative"]]) for row in found]


# ---- rows


def rows(
    examples: Sequence[Example],
    own: bool,
    per_example: int = len(LANGUAGES),
    languages: Sequence[str] = LANGUAGES,
) -> list[dict[str, str]]:
    """Query and negative in one language; the right passage in that one too, or else in another.

    The same draws either way, so that the rows differ in the right passage only.

    Args:
        examples: with their negatives.
        own: the right passage is in the query's language.
        per_example: in so many languages each query is asked.
        languages: to draw from.
    """
    rng, found = random.Random(SEED), []
    for example in examples:
        for lang in rng.sample(languages, min(per_example, len(languages))):
            other = rng.choice([x for x in languages if x != lang] or [lang])
            row = {"anchor": example.anchor[lang], "anchor_lang": lang, "group": example.group}
            row |= {"positive": example.positive[lang if own else other]}
            row |= {"positive_lang": lang if own else other}
            row |= {"negative": (example.negative or {})[lang], "negative_lang": lang}
            if is_told_apart(example, lang, other):
                found.append(row)
    return found


def is_told_apart(example: Example, lang: str, other: str) -> bool:
    """Whether neither right passage is the query again, or the negative: translators made some sentences equal."""
    negative = text_digest((example.negative or {})[lang])
    right = {text_digest(example.positive[x]) for x in (lang, other)}
    return not right & {negative, text_digest(example.anchor[lang])}


def write(name: str, languages: Sequence[str], found: Sequence[Mapping[str, Any]], licence: str) -> None:
    folder = DATA / "pairs" / name
    if not folder.exists():
        source = "made by benchmarks/lareqa_trial.py"
        kind = Kind.TRIPLETS
        write_pairs(
            PairSet(
                name=name,
                kind=kind,
                languages=tuple(languages),
                rows=tuple(found),
                folder=folder,
                source=source,
                licence=licence,
            )
        )


# ---- corpora


def ntrex_sentences(corpora: Path) -> list[Texts]:
    """In the order of the news."""
    lines = (corpora / "parallel/ntrex.jsonl").read_text(encoding="utf-8").splitlines()
    return [{lang: row[lang] for lang in LANGUAGES} for row in map(json.loads, lines)]


def stsb_rows(corpora: Path, lang: str) -> Iterator[tuple[str, str, float]]:
    """Both sentences and the score, of the train split."""
    if lang != "tr":
        with (corpora / f"stsb/stsb-{lang}-train.csv").open(encoding="utf-8", newline="") as file:
            yield from ((first, second, float(score)) for first, second, score in csv.reader(file))
        return
    with (corpora / "stsb/stsb-tr-train.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield row["sentence1"], row["sentence2"], float(row["score"])


if __name__ == "__main__":
    main()
