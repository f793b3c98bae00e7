"""Spearman's rho: against scipy and by hand; its interval, its paired change, and gains near queries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from xlembed.stats.spearman import (
    _midranks,
    _weighted_rho,
    neighbourhood_gain,
    rank_gain,
    spearman,
    spearman_change,
)


def noisy(rng: np.random.Generator, y: np.ndarray, noise: float) -> np.ndarray:
    return y + noise * rng.normal(size=len(y))


def test_rho_by_hand() -> None:
    # Ranks 1 2 3 4 and 1 3 2 4: 1 - 6 * (1 + 1) / (4 * 15) = 0.8
    found = spearman([0.1, 0.2, 0.3, 0.4], [1, 3, 2, 4])
    assert found.value == pytest.approx(0.8)
    assert (found.ci_low, found.ci_high, found.n, found.n_clusters) == (None, None, 4, 4)


def test_an_interval_needs_ten_clusters() -> None:
    values = [float(i) for i in range(10)]
    other = [values[i ^ 1] for i in range(10)]
    assert spearman(values, other, n_resamples=50).ci_low is not None
    assert spearman(values[:9], other[:9], n_resamples=50).ci_low is None


def test_every_resample_is_the_rho_of_the_drawn_values() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 6, 30).astype(float), rng.integers(0, 5, 30).astype(float)
    weights = rng.multinomial(30, np.full(30, 1 / 30), size=20).astype(float)
    expected = [
        spearmanr(np.repeat(x, w.astype(int)), np.repeat(y, w.astype(int))).statistic for w in weights
    ]
    np.testing.assert_allclose(_weighted_rho(weights, x, y), expected, atol=1e-12)


def test_midranks_by_hand() -> None:
    # 5 is drawn twice, 7 once, the other 7 twice, 9 never: ranks 1 2 | 3 4 5.
    ranks = _midranks(np.array([[2.0, 1.0, 2.0, 0.0]]), np.array([5.0, 7.0, 7.0, 9.0]))
    assert ranks[0, :3].tolist() == [1.5, 4.0, 4.0]


def test_a_constant_side_has_no_rho() -> None:
    found = spearman([1.0] * 12, list(range(12)))
    assert math.isnan(found.value) and found.ci_low is None
    assert found.to_json()["spearman"] is None


def test_the_interval_covers_and_depends_on_clusters() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=200)
    x = noisy(rng, y, 0.8)
    alone = spearman(x, y, n_resamples=2000)
    assert alone.ci_low is not None and alone.ci_high is not None
    assert alone.ci_low < alone.value < alone.ci_high
    # The same value ten times is no more than one: copies in one cluster give the interval of the 20 originals.
    few = spearman(np.repeat(x[:20], 10), np.repeat(y[:20], 10), [f"c{i // 10}" for i in range(200)], 2000)
    assert few.n_clusters == 20
    assert few.ci_low is not None and few.ci_high is not None
    assert few.ci_high - few.ci_low > 2 * (alone.ci_high - alone.ci_low)
    assert spearman(x, y, n_resamples=2000) == alone  # no global state


def test_a_change_against_itself_is_none() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=50)
    x = noisy(rng, y, 0.5)
    same = spearman_change(x, x, y, n_resamples=500, n_flips=500)
    assert (same.difference, same.p_value) == (0.0, 1.0)
    assert (same.ci_low, same.ci_high) == (0.0, 0.0)


def test_a_change_is_found_and_has_its_sign() -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(size=300)
    good, bad = noisy(rng, y, 0.3), 5 * noisy(rng, y, 2.0)  # another scale does no harm
    found = spearman_change(bad, good, y, n_resamples=1000, n_flips=1000)
    expected = spearmanr(good, y).statistic - spearmanr(bad, y).statistic
    assert found.difference == pytest.approx(expected)
    assert found.ci_low is not None and found.ci_low > 0
    assert found.p_value == pytest.approx(1 / 1001)
    back = spearman_change(good, bad, y, n_resamples=1000, n_flips=1000)
    assert back.difference == pytest.approx(-expected)


def test_the_exchange_test_keeps_its_level() -> None:
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(200):
        y = rng.normal(size=60)
        p = spearman_change(noisy(rng, y, 1.0), noisy(rng, y, 1.0), y, n_resamples=1, n_flips=199).p_value
        rejected += p <= 0.05
    assert rejected <= 20  # 10 expected; 21 or more has a chance of 0.1 %


def test_the_exchange_test_by_enumeration() -> None:
    # Two pairs alone cannot be told apart: of 4 exchanges, none and both have the same distance from 0.
    found = spearman_change([1.0, 2.0], [2.0, 1.0], [1.0, 2.0], n_resamples=10, n_flips=4000)
    assert found.difference == -2.0
    assert found.p_value == pytest.approx(0.5, abs=0.03)


def test_gains_near_queries() -> None:
    pairs = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    gain = [0.2, 0.4, -0.6]
    near = neighbourhood_gain([[2.0, 0.0], [0.0, 1.0]], pairs, gain, k=2)
    np.testing.assert_allclose(near, [0.3, -0.1])  # the second query: pairs 3 and 2
    np.testing.assert_allclose(neighbourhood_gain([[1.0, 1.0]], pairs, gain, k=10), [0.0], atol=1e-12)


def test_rank_gain_is_a_share_of_all_ranks() -> None:
    # before: ranks 2 1, score ranks 1 2, after: 1 2: each pair comes one of two ranks nearer.
    assert rank_gain([0.2, 0.1], [0.1, 0.2], [0, 5]).tolist() == [0.5, 0.5]


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="one row of values each"):
        spearman([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="finite"):
        spearman([1.0, math.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="a gain per pair"):
        neighbourhood_gain([[1.0]], np.empty((0, 1)), [])
