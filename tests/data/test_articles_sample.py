"""The bundled sample of scored articles is what its card and docs/scored.md say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from xlembed.data.scored import ScoredSet, load_scored, score_array

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ("benefit", "reach", "evidence", "novelty", "urgency", "emotion")


@pytest.fixture(scope="module")
def sample() -> ScoredSet:
    return load_scored("articles_sample", REPOSITORY / "data")


def test_sizes_and_scales(sample: ScoredSet) -> None:
    assert Counter(t.lang for t in sample.texts) == dict.fromkeys(("en", "es", "fr", "pt"), 108)
    assert sample.dimension_names == NAMES
    assert {(d.low, d.high) for d in sample.dimensions} == {(0.0, 10.0)} and all(
        d.description for d in sample.dimensions
    )
    assert (sample.licence, len({t.document for t in sample.texts})) == ("CC0-1.0", 432)
    assert all(45 <= len(t.text.split()) <= 120 for t in sample.texts)


@pytest.mark.parametrize("lang", ["en", "es", "fr", "pt"])
def test_every_dimension_uses_its_whole_range_in_every_language(sample: ScoredSet, lang: str) -> None:
    scores = score_array([t for t in sample.texts if t.lang == lang])
    assert ((scores <= 2).sum(axis=0) >= 12).all() and ((scores >= 8).sum(axis=0) >= 12).all()
    assert ((scores * 2) % 1 == 0).all()


def test_dimensions_hardly_go_together(sample: ScoredSet) -> None:
    """And the numbers in the card's note are right."""

    def off_diagonal(scores: np.ndarray) -> np.ndarray:
        return np.corrcoef(scores.T)[np.triu_indices(len(NAMES), 1)]

    overall = off_diagonal(score_array(sample.texts))
    languages = {
        lang: np.abs(off_diagonal(score_array([t for t in sample.texts if t.lang == lang]))).max()
        for lang in sample.languages
    }
    (note,) = sample.notes
    assert f"from {overall.min():.2f} to {overall.max():.2f} over all articles" in note
    assert max(languages, key=languages.__getitem__) == "es" and f"up to {languages['es']:.2f}" in note


def test_no_sentence_stands_twice(sample: ScoredSet) -> None:
    sentences = [s for t in sample.texts for s in re.split(r"(?<=[.!?])\s+", t.text) if len(s.split()) > 2]
    assert len(sentences) > 2_000 and max(Counter(sentences).values()) == 1


def test_the_criteria_are_those_of_the_page(sample: ScoredSet) -> None:
    """docs/scored.md shows them as a table."""
    page = (REPOSITORY / "docs" / "scored.md").read_text(encoding="utf-8")
    for dimension in sample.dimensions:
        question, _, anchors = dimension.description.rstrip(".").partition(": ")
        cells = [re.sub(r"^\d+ ", "", anchor) for anchor in anchors.split("; ")]
        assert len(cells) == 5
        assert f"| `{dimension.name}`: {question[0].lower()}{question[1:]} | {' | '.join(cells)} |" in page
