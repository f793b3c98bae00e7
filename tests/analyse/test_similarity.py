"""Mean cosines counted by hand and by brute force; isotropy of known shapes; the balanced sample."""

from __future__ import annotations

import numpy as np
import pytest

from analyse.test_separation import at_angles, noise, two_clumps, unit
from xlembed.analyse.points import balanced_sample
from xlembed.analyse.separation import isotropy
from xlembed.analyse.similarity import cosine_parts, mean_cosines, translation_cosines
from xlembed.words import UserError


def test_mean_cosines_against_every_pair() -> None:
    vectors, langs = noise(30, dim=8), np.arange(30) % 3
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    found = mean_cosines(vectors, langs, 4)
    for a in range(3):
        for b in range(3):
            pairs = [
                cosines[i, j]
                for i in range(30)
                for j in range(30)
                if (langs[i], langs[j]) == (a, b) and i != j
            ]
            assert found[a, b] == pytest.approx(np.mean(pairs), abs=1e-7)
    assert np.isnan(found[3]).all() and np.isnan(found[:, 3]).all()


def test_parts_have_the_mean_and_the_spread_of_the_mean_cosine() -> None:
    """Their standard error is that of a brute-force bootstrap of the points."""
    rng = np.random.default_rng(5)
    langs = np.repeat([0, 1], 60)
    vectors = unit(rng.normal(size=(120, 12)) + np.where(langs == 0, 0.5, 0.9)[:, None])
    means = mean_cosines(vectors, langs, 2)
    parts = cosine_parts(vectors, langs, 2)
    assert set(parts) == {(0, 0), (0, 1), (1, 1)}
    drawn = {pair: [] for pair in parts}
    cosines = vectors.astype(np.float64) @ vectors.T
    for _ in range(2000):
        a, b = rng.integers(0, 60, 60), rng.integers(60, 120, 60)
        drawn[0, 1].append(cosines[np.ix_(a, b)].mean())
        within, different = cosines[np.ix_(a, a)], a[:, None] != a[None, :]
        drawn[0, 0].append(within[different].mean())
    for pair in ((0, 0), (0, 1)):
        rows, values = parts[pair]
        assert values.mean() == pytest.approx(means[pair])
        half = [values[langs[rows] == code] for code in set(pair)]
        # each language is resampled on its own here, and weighs half where there are two
        error = np.sqrt(sum(v.var() / len(v) for v in half)) / len(half)
        assert error == pytest.approx(np.std(drawn[pair]), rel=0.12)


def test_translations_are_matched_by_group() -> None:
    vectors = at_angles(0, 60, 0, 90, 10, 20)
    langs = np.array([0, 1, 0, 1, 0, 0])
    groups = ["x", "x", "y", "y", "z", "z"]  # z has no translation, and its language twice
    found = translation_cosines(vectors, langs, groups)
    assert set(found) == {(0, 1)}
    names, cosines = found[0, 1]
    assert names == ["x", "y"]
    assert cosines == pytest.approx([0.5, 0.0], abs=1e-6)


def test_isotropy_of_noise_of_a_cone_and_of_a_line() -> None:
    even = isotropy(noise(3000, dim=16))
    assert abs(even.mean_cosine) < 0.01
    assert even.partition > 0.9
    assert even.effective_dims == pytest.approx(16, abs=0.2)
    cone = isotropy(unit(np.random.default_rng(2).normal(size=(500, 16)) + 5 * np.eye(16)[0]))
    assert cone.mean_cosine > 0.5
    assert cone.partition < 0.4
    line = isotropy(np.array([[1, 0], [-1, 0], [1, 0], [-1, 0]], dtype=np.float32))
    assert line.effective_dims == pytest.approx(1)
    assert line.mean_cosine == pytest.approx(-1 / 3, abs=1e-6)  # 2 pairs at 1, 4 at -1
    assert line.partition == pytest.approx(4 / (2 * np.e + 2 / np.e), abs=1e-6)
    with pytest.raises(ValueError, match="different points"):
        isotropy(np.ones((3, 2), dtype=np.float32))


def test_mean_cosine_of_isotropy_is_that_of_one_language() -> None:
    vectors, langs = two_clumps(20)
    assert isotropy(vectors).mean_cosine == pytest.approx(mean_cosines(vectors, 0 * langs, 1)[0, 0], abs=1e-6)


class TestSample:
    langs = ["en"] * 40 + ["de"] * 30 + ["xx"] * 3
    keys = [f"g{i}" for i in range(40)] + [f"g{i}" for i in range(30)] + ["g0", "g1", "g2"]

    def test_languages_are_balanced_and_small_ones_left_out(self) -> None:
        found = balanced_sample(self.langs, self.keys, ["de", "en", "xx"], most=1000)
        assert found.languages == ("de", "en")
        assert found.per_language == 30
        assert np.bincount(found.langs).tolist() == [30, 30]
        assert found.left_out == {"xx": 3}
        assert [self.langs[r] for r in found.rows] == [found.languages[c] for c in found.langs]

    def test_translations_are_sampled_together_and_a_larger_sample_holds_the_smaller(self) -> None:
        langs, keys = ["en"] * 40 + ["de"] * 40, [f"g{i}" for i in range(40)] * 2
        small, large = (balanced_sample(langs, keys, ["en", "de"], most=m) for m in (10, 20))
        english, german = ({keys[r] for r in small.rows[small.langs == c]} for c in (0, 1))
        assert english == german and len(english) == 10
        assert set(small.rows) < set(large.rows)
        other = balanced_sample(langs, keys, ["en", "de"], most=10, seed=1)
        assert set(other.rows) != set(small.rows)

    def test_unusable_rows_are_not_taken(self) -> None:
        usable = [i % 2 == 0 for i in range(len(self.langs))]
        found = balanced_sample(self.langs, self.keys, ["en", "de"], most=1000, usable=usable)
        assert all(usable[r] for r in found.rows) and found.per_language == 15

    def test_ten_documents_are_enough_and_nine_are_not(self) -> None:
        langs = ["en"] * 10 + ["de"] * 9
        found = balanced_sample(langs, [str(i) for i in range(19)], ["en", "de"], most=1000)
        assert (found.languages, found.per_language, found.left_out) == (("en",), 10, {"de": 9})

    def test_too_few_documents(self) -> None:
        with pytest.raises(UserError, match=r"a language with at least 10 documents.*found xx: 3"):
            balanced_sample(self.langs, self.keys, ["xx"], most=10)
