"""Ends by hand, agreement of ends and p-values, and what must never happen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from xlembed.stats.intervals import drawn_ends, moments, share_ends, skewed_t
from xlembed.stats.scores import CiMethod


def test_without_skewness_it_is_students_t() -> None:
    # t(0.975, 19) = 2.09302, SE x sqrt(20 / 19)
    half = 2.09302 * 0.1 * math.sqrt(20 / 19)
    low, high = skewed_t(0.5, 0.1, 0.0, 20)
    assert (float(low), float(high)) == (
        pytest.approx(0.5 - half, abs=1e-6),
        pytest.approx(0.5 + half, abs=1e-6),
    )


def test_skewness_moves_the_end_it_points_to_and_no_other() -> None:
    low, high = skewed_t(0.0, 0.1, 0.2, 40)
    t, se = 2.02269, 0.1 * math.sqrt(40 / 39)  # t(0.975, 39)
    assert float(low) == pytest.approx(-t * se, abs=1e-6)
    # Hall's end by a search, skewness 1.25 x 0.2 = (1 + 10 / 40) x 0.2
    end = brentq(lambda x: x + 0.25 * x**2 / 3 + 0.0625 * x**3 / 27 + 0.25 / 6 + t, -20, 0)
    assert float(high) == pytest.approx(-end * se, abs=1e-5) and float(high) > 1.25 * t * se


def test_an_end_moves_no_further_than_twice() -> None:
    """One of 40 clusters differs, by a point: at most 0.113 (Clopper-Pearson, one-sided 95 %) is likely, not 1."""
    low, high = skewed_t(0.025, math.sqrt(0.025 * 0.975 / 40), 0.975 / math.sqrt(0.975), 40, alpha=0.1)
    half = 1.684875 * math.sqrt(0.025 * 0.975 / 39)  # t(0.95, 39)
    assert (float(low), float(high)) == (pytest.approx(0.025 - half), pytest.approx(0.025 + 2 * half))
    assert float(high) == pytest.approx(0.113, abs=0.005)


def test_a_share_by_hand() -> None:
    # p (1 - p) / SE^2 = 0.25 / (0.01 x 20 / 19) = 23.75, t(0.975, 19)^2 = 4.380733; at 1/2 skewness moves nothing
    z2 = 4.380733 / 23.75
    half = 2.09302 / (1 + z2) * math.sqrt(0.25 / 23.75 + 4.380733 / (4 * 23.75**2))
    (low, high), method = share_ends(np.array([0.5]), 0.1, 0.3, 20, False)
    assert (low[0], high[0]) == (pytest.approx(0.5 - half, abs=1e-6), pytest.approx(0.5 + half, abs=1e-6))
    assert method[0] == CiMethod.WILSON_EFFECTIVE_N


def test_only_the_end_towards_the_middle_moves() -> None:
    values = np.array([0.2, 0.8])
    plain, _ = share_ends(values, 0.05, 0.0, 30, False)
    skewed, _ = share_ends(values, 0.05, np.array([0.4, -0.4]), 30, False)
    assert skewed.low[0] == plain.low[0] and skewed.high[1] == plain.high[1]
    assert skewed.high[0] > plain.high[0] and skewed.low[1] < plain.low[1]
    assert (skewed.low[1], skewed.high[1]) == (
        pytest.approx(1 - skewed.high[0]),
        pytest.approx(1 - skewed.low[0]),
    )


def test_sparse_is_an_se_above_58_percent_of_the_distance_to_an_end() -> None:
    # SE x sqrt(20 / 19) against p / sqrt(3): 0.02 / 1.73205 / 1.02598 = 0.011255
    for se, sparse in ((0.0112, False), (0.0113, True)):
        for p in (0.02, 0.98):
            _, (method,) = share_ends(np.array([p]), se, 0.1, 20, False)
            assert (method == CiMethod.WILSON_SPARSE) is sparse
            _, (hits,) = share_ends(np.array([p]), se, 0.1, 20, True)
            assert hits == CiMethod.WILSON_EFFECTIVE_N


def test_equal_resamples_have_no_skewness_and_missing_ones_say_nothing() -> None:
    se, skewness = moments([[1.0, 1.0, 1.0], [0.0, 3.0, math.nan]])
    assert se.tolist() == [0.0, pytest.approx(math.sqrt(4.5))] and skewness.tolist() == [0.0, 0.0]
    assert drawn_ends(0.5, [math.nan, 0.5], 20) == (None, None, CiMethod.NONE)
    assert drawn_ends(0.5, [0.4, 0.6], 9) == (None, None, CiMethod.NONE)
    assert drawn_ends(0.5, [0.4, 0.6], 10)[2] is CiMethod.SKEWED_T
    low, high, method = drawn_ends(1.0, [1.0, 1.0], 20, is_share=True)
    assert (low, high, method) == (pytest.approx(20 / (20 + 1.959964**2)), 1.0, CiMethod.WILSON_N_CLUSTERS)


@given(
    st.floats(0, 1),
    st.floats(0, 0.5),
    st.floats(-1.5, 1.5),
    st.integers(10, 300),
    st.booleans(),
    st.floats(0.5, 0.999),
)
def test_a_share_lies_in_its_interval_and_that_in_0_to_1(
    p: float, se: float, skewness: float, n: int, binary: bool, level: float
) -> None:
    (low, high), _ = share_ends(np.array([p]), se, skewness, n, binary, level)
    assert 0 <= low[0] <= p + 1e-12 and p - 1e-12 <= high[0] <= 1 and low[0] < high[0]
