"""Exact one-sided Spearman tests: probabilities counted by hand, against scipy, and the level under the null."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from xlembed.paradox.verdict import correlate
from xlembed.stats.rank_test import rank_test


@pytest.mark.parametrize(
    ("y", "rho", "counted", "orders"),
    [
        # Sums of squared rank differences <= 0, 2, 4: the identity; one swap of neighbours; two disjoint ones.
        ([1, 2, 3, 4, 5], 1.0, 1, 120),
        ([2, 1, 3, 4, 5], 0.9, 1 + 4, 120),
        ([2, 1, 4, 3, 5], 0.8, 1 + 4 + 3, 120),
        ([5, 4, 3, 2, 1], -1.0, 120, 120),
        ([1, 2, 3, 4, 5, 6], 1.0, 1, 720),
        ([1, 3, 2, 4, 5, 6], 1 - 6 * 2 / 210, 1 + 5, 720),
        ([2, 1, 4, 3, 5, 6], 1 - 6 * 4 / 210, 1 + 5 + 6, 720),
    ],
)
def test_p_counted_by_hand(y: list[float], rho: float, counted: int, orders: int) -> None:
    found = rank_test(range(1, len(y) + 1), y)
    assert found.rho == pytest.approx(rho)
    assert found.p_value == pytest.approx(counted / orders, abs=1e-12)
    assert found.is_exact and found.n == len(y)


def test_ties_share_midranks() -> None:
    """Two of the 120 orders put the tied pair first: both give the largest rho there is."""
    found = rank_test([1, 2, 3, 4, 5], [1, 1, 2, 3, 4])
    assert found.p_value == pytest.approx(2 / 120)
    assert found.rho == pytest.approx(spearmanr([1, 2, 3, 4, 5], [1, 1, 2, 3, 4]).statistic)


def test_every_order_against_plain_loops() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 4, 7), rng.integers(0, 4, 7)
    observed = spearmanr(x, y).statistic
    orders = list(itertools.permutations(y))
    beyond = sum(spearmanr(x, order).statistic >= observed - 1e-9 for order in orders)
    assert rank_test(x, y).p_value == pytest.approx(beyond / len(orders))


def test_above_nine_values_orders_are_drawn_and_seeded() -> None:
    x, y = np.arange(10), np.array([1, 0, 2, 3, 5, 4, 6, 7, 9, 8])
    found = rank_test(x, y)
    assert not found.is_exact and found == rank_test(x, y)
    assert found.p_value is not None and 0 < found.p_value < 0.001
    middle = rank_test(
        x, [3, 7, 0, 9, 1, 5, 8, 2, 6, 4]
    )  # rho 0.12; scipy's approximation is near enough here
    expected = spearmanr(x, [3, 7, 0, 9, 1, 5, 8, 2, 6, 4], alternative="greater").pvalue
    assert middle.p_value == pytest.approx(expected, abs=0.02)


def test_a_constant_side_has_no_rho() -> None:
    for found in (rank_test([1, 2, 3], [4, 4, 4]), rank_test([1], [1]), rank_test([], [])):
        assert math.isnan(found.rho) and found.p_value is None
    assert rank_test([1, 2, 3], [4, 4, 4]).to_json() == {"rho": None, "p_value": None, "n": 3, "exact": True}


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="one length"):
        rank_test([1, 2], [1])
    with pytest.raises(ValueError, match="finite"):
        rank_test([1, 2], [1, math.nan])


@pytest.mark.parametrize("n", [5, 6, 7])
def test_type_one_error_of_the_three_tests_together(n: int) -> None:
    """S tells nothing of the scores, which hang together; 2,000 worlds, so 5 % is 100 and 5.9 % would be 4 sd above."""
    rng = np.random.default_rng(n)
    wrong = 0
    for _ in range(2000):
        common = rng.normal(size=n)
        scores = {kind: common + rng.normal(size=n) for kind in ("monolingual", "loss_weak", "loss_strong")}
        wrong += any(c.is_shown for c in correlate(rng.normal(size=n), scores))
    assert wrong <= 100


def test_a_real_relation_is_found() -> None:
    """Else a test that never rejects would pass the one above."""
    rng = np.random.default_rng(0)
    shown = 0
    for _ in range(200):
        s = rng.normal(size=8)
        shown += any(c.is_shown for c in correlate(s, {"a": s + 0.3 * rng.normal(size=8), "b": s, "c": -s}))
    assert shown == 200
