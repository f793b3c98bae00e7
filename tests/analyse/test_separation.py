"""Separation of languages on points whose values can be counted, and on known geometry."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from xlembed.analyse.separation import (
    cosine_silhouette,
    expected_purity,
    kmeans_silhouette,
    language_hits,
    neighbourhood_purity,
)
from xlembed.words import UserError, Vectors


def unit(points: np.ndarray) -> Vectors:
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def at_angles(*degrees: float) -> Vectors:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def noise(n: int, dim: int = 64, seed: int = 0) -> Vectors:
    return unit(np.random.default_rng(seed).normal(size=(n, dim)))


def two_clumps(n: int, dim: int = 64) -> tuple[Vectors, np.ndarray]:
    """Two languages around two directions at a right angle."""
    langs = np.repeat([0, 1], n)
    centres = np.zeros((2, dim))
    centres[0, 0] = centres[1, 1] = 1
    rng = np.random.default_rng(1)
    return unit(centres[langs] + 0.02 * rng.normal(size=(2 * n, dim))), langs


def test_silhouette_counted_by_hand() -> None:
    """Points at 0, 60 | 90 degrees: the first has a = 1 - cos 60 = 0.5, b = 1 - cos 90 = 1."""
    found = cosine_silhouette(at_angles(0, 60, 90), np.array([0, 0, 1]))
    b = 1 - np.cos(np.deg2rad(30))
    assert found == pytest.approx([0.5, (b - 0.5) / 0.5, 0.0], abs=1e-6)


@pytest.mark.parametrize("n_langs", [2, 5])
def test_silhouette_agrees_with_scikit_learn(n_langs: int) -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(200, 16)) + 0.3)
    langs = np.random.default_rng(4).integers(0, n_langs, size=200)
    theirs = silhouette_samples(vectors.astype(np.float64), langs, metric="cosine")
    assert cosine_silhouette(vectors, langs) == pytest.approx(theirs, abs=1e-6)


def test_copies_of_one_point_have_no_silhouette() -> None:
    assert cosine_silhouette(at_angles(0, 0, 0, 0), np.array([0, 0, 1, 1])).tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="two clusters"):
        cosine_silhouette(at_angles(0, 10), np.array([0, 0]))


def test_purity_counted_by_hand() -> None:
    """Angles 0 a, 1 b, 3 a, 7 b, two neighbours each: b a | a a | b a | a b."""
    found = neighbourhood_purity(at_angles(0, 1, 3, 7), np.array([0, 1, 0, 1]), k=2)
    assert found == pytest.approx([1 / 2, 0, 1 / 2, 1 / 2])


def test_neighbours_equally_near_share_the_place() -> None:
    """Three copies beside the first point: which one would come first must not matter."""
    vectors = at_angles(0, 20, 20, 20, 90)
    for langs in ([0, 0, 1, 1, 1], [0, 1, 1, 0, 1]):
        assert neighbourhood_purity(vectors, np.array(langs), k=1)[0] == pytest.approx(1 / 3)


def test_purity_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, langs = noise(50), np.arange(50) % 3
    whole = neighbourhood_purity(vectors, langs)
    monkeypatch.setattr("xlembed.analyse.separation.BLOCK_CELLS", 7 * 50)
    assert neighbourhood_purity(vectors, langs) == pytest.approx(whole)


def test_purity_needs_neighbours() -> None:
    with pytest.raises(UserError, match="more than 10 documents in the sample, found 10"):
        neighbourhood_purity(noise(10), np.zeros(10, dtype=np.int64))


def test_expected_purity_leaves_the_point_itself_out() -> None:
    assert expected_purity(np.array([0, 0, 0, 1])) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 0])


def test_clumps_are_separated_and_noise_is_not() -> None:
    clumps, langs = two_clumps(150)
    groups = np.arange(300) % 150
    assert cosine_silhouette(clumps, langs).mean() > 0.9
    assert neighbourhood_purity(clumps, langs).mean() == 1
    assert language_hits(clumps, langs, groups).mean() == 1
    assert kmeans_silhouette(clumps) > 0.9
    mixed = noise(300)
    assert abs(cosine_silhouette(mixed, langs).mean()) < 0.02
    assert neighbourhood_purity(mixed, langs).mean() == pytest.approx(149 / 299, abs=0.04)
    assert language_hits(mixed, langs, groups).mean() == pytest.approx(0.5, abs=0.1)


def test_classifier_never_sees_a_group_on_both_sides() -> None:
    """A group's language is random and its points alike: only leakage could tell the language."""
    rng = np.random.default_rng(7)
    centres = noise(200, dim=128, seed=8)
    groups = np.repeat(np.arange(200), 4)
    langs = rng.integers(0, 2, size=200)[groups]
    vectors = unit(centres[groups] + 0.01 * rng.normal(size=(800, 128)))
    leaked = language_hits(vectors, langs, np.arange(800)).mean()
    assert leaked > 0.7
    assert language_hits(vectors, langs, groups).mean() == pytest.approx(0.5, abs=0.12)


def test_classifier_says_what_it_needs() -> None:
    with pytest.raises(UserError, match="at least two groups"):
        language_hits(noise(4), np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64))
    with pytest.raises(UserError, match="all its documents in one fold"):
        language_hits(noise(4), np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
