"""Documents stay whole, languages keep their shares, and what repeats a text of the test part is found."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from xlembed.data.scored import Part, ScoredText
from xlembed.probe.splits import SHARES, near_duplicates, published_split, split_documents
from xlembed.words import UserError


def text(text_id: str, lang: str = "en", document: str = "", split: Part | None = None) -> ScoredText:
    return ScoredText(text_id, f"text {text_id}", lang, document or text_id, (0.0,), split)


def corpus() -> list[ScoredText]:
    """300 documents of 1 to 9 sentences in three languages of unequal size."""
    rng = np.random.default_rng(5)
    texts = []
    for number in range(300):
        lang = str(rng.choice(["en", "fr", "pt"], p=[0.6, 0.3, 0.1]))
        texts += [text(f"{number}-{i}", lang, f"doc{number}") for i in range(int(rng.integers(1, 10)))]
    return texts


def test_documents_are_whole_and_every_language_has_its_shares() -> None:
    texts = corpus()
    split = split_documents(texts, 42)
    parts: dict[str, set[Part]] = defaultdict(set)
    for t, part in zip(texts, split.parts, strict=True):
        parts[t.document].add(part)
    assert all(len(found) == 1 for found in parts.values()) and split.torn == ()
    for lang in ("en", "fr", "pt"):
        counts = Counter(p for t, p in zip(texts, split.parts, strict=True) if t.lang == lang)
        total = sum(counts.values())
        for part, share in SHARES.items():
            assert abs(counts[part] - share * total) <= 9, (lang, part)  # the longest document


def test_the_seed_and_the_ids_decide_not_the_order() -> None:
    texts = corpus()
    first = dict(zip([t.text_id for t in texts], split_documents(texts, 42).parts, strict=True))
    again = dict(zip([t.text_id for t in texts[::-1]], split_documents(texts[::-1], 42).parts, strict=True))
    other = dict(zip([t.text_id for t in texts], split_documents(texts, 43).parts, strict=True))
    assert first == again and first != other


def test_too_few_documents_are_told() -> None:
    with pytest.raises(UserError, match="no text for validation, test"):
        split_documents([text("a", document="d"), text("b", document="d")], 42)


def test_a_published_split_is_taken_as_it_is_and_its_torn_documents_are_named() -> None:
    texts = [
        text("a", document="d", split=Part.TRAIN),
        text("b", document="d", split=Part.TEST),
        text("c", split=Part.VALIDATION),
    ]
    split = published_split(texts)
    assert split.parts == (Part.TRAIN, Part.TEST, Part.VALIDATION)
    assert split.torn == ("d",) and split.published
    with pytest.raises(UserError, match=r"1 of 4 texts name no part \(the first: x\)"):
        published_split([*texts, text("x")])


def test_near_duplicates_are_found_and_other_texts_on_the_same_subject_are_not() -> None:
    apart = [
        "The council opened a new library near the old harbour on Monday.",
        "Prices of bread rose by four per cent in March, said the statistics office.",
    ]
    texts = [
        "A volunteer choir will sing at the station every evening in December.",
        "The council opened a new library near the old harbour on Monday!",
        "On Tuesday the council closed its oldest library, which stood near the market.",
        apart[1],
        "the council opened a new library near the old harbour on monday.",
    ]
    found = {twin.place: (twin.other, twin.similarity) for twin in near_duplicates(texts, apart)}
    assert set(found) == {1, 3, 4}
    assert found[1][0] == 0 and 0.9 <= found[1][1] <= 1 and found[3] == (1, 1.0)


def test_texts_without_letters_are_twins_only_if_they_are_equal() -> None:
    twins = near_duplicates(["...", "??", "a"], ["...", "!!"])
    assert [(t.place, t.other) for t in twins] == [(0, 0)]
    assert near_duplicates([], ["a"]) == () == near_duplicates(["a"], [])
