"""The morphology score and its word list; what each mistake in a list is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlembed.analyse.morphology import legacy_band, load_word_pairs, superiority
from xlembed.words import UserError

LANGUAGES = ["tr", "en", "de", "es", "fr", "fi"]
STARTERS = [
    ("geliyorum", "gelmekteyim"),
    ("gidecek", "gider"),
    ("yaptım", "yapıyorum"),
    ("okuyor", "okumakta"),
    ("koşacağım", "koşarım"),
    ("araba", "arabalar"),
    ("evdeyim", "evde olmak"),
]


def test_superiority_counted_by_hand() -> None:
    """0.9 beats all three, 0.5 beats one and ties with one: 4.5 of 6."""
    found = superiority(np.array([0.9, 0.5]), np.array([0.1, 0.5, 0.8]))
    assert found.value == 4.5 / 6
    assert (found.ci_low, found.ci_high) == (None, None)


def test_an_interval_needs_thirty_pairs_of_each_kind() -> None:
    cosines = np.linspace(0.0, 1.0, 30)
    assert superiority(cosines, cosines).ci_low is not None
    assert superiority(cosines, cosines[:29]).ci_low is None
    assert superiority(cosines[:29], cosines).ci_low is None


def test_a_model_that_finds_everything_similar_does_not_win() -> None:
    rng = np.random.default_rng(0)
    high = superiority(0.95 + 0.01 * rng.normal(size=40), 0.95 + 0.01 * rng.normal(size=40))
    assert high.ci_low is not None and high.ci_high is not None
    assert high.ci_low < 0.5 < high.ci_high
    apart = superiority(np.full(32, 0.4), np.full(32, 0.1))
    assert apart.value == 1 and apart.ci_high == 1
    assert apart.ci_low is not None and 0.85 < apart.ci_low < 0.92  # Wilson, 32 of 32: 0.893


def test_the_interval_covers_the_true_probability() -> None:
    """Normal cosines a standard deviation apart: P = Phi(1 / sqrt 2) = 0.760."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(300):
        found = superiority(rng.normal(1, 1, 32), rng.normal(0, 1, 32))
        assert found.ci_low is not None and found.ci_high is not None
        inside += found.ci_low <= 0.7602 <= found.ci_high
    assert 0.91 <= inside / 300 <= 0.98


def test_no_pairs_no_score() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        superiority(np.array([]), np.array([0.1]))


@pytest.mark.parametrize(("cosine", "band"), [(0.91, "excellent"), (0.9, "good"), (0.69, "weak")])
def test_bands(cosine: float, band: str) -> None:
    assert legacy_band(cosine) == band


def test_the_bundled_list_is_large_enough_and_its_control_unrelated() -> None:
    lists = load_word_pairs()
    assert list(lists) == LANGUAGES
    for pairs in lists.values():
        assert min(len(pairs.inflected), len(pairs.unrelated)) >= 30
        assert len(set(pairs.inflected)) == len(pairs.inflected)
        assert not set(pairs.inflected) & set(pairs.unrelated)
        # the same words on both sides, in other pairs
        for side in (0, 1):
            assert {p[side] for p in pairs.inflected} == {p[side] for p in pairs.unrelated}
    assert set(STARTERS) <= set(lists["tr"].inflected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected languages"),
        ("tr: [a, b]", "tr: expected `inflected` and `unrelated`, found list"),
        ("tr: {inflected: [[a, b]]}", "found inflected"),
        ("tr: {inflected: [], unrelated: [[a, b]]}", "tr.inflected: expected a list of pairs"),
        ("tr: {inflected: [[a, b]], unrelated: [[a, b, c]]}", "tr.unrelated: expected two words, found"),
        ("tr: {inflected: [[a, no]], unrelated: [[a, b]]}", "quote yes, no and numbers"),
        ("tr: {inflected: [[a", "not valid YAML"),
    ],
)
def test_a_wrong_list_is_told(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"word pairs: |pairs\.yaml:1: ") as told:
        load_word_pairs(path)
    assert message in str(told.value)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no file"):
        load_word_pairs(tmp_path / "none.yaml")
