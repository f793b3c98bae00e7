import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from xlembed.stats.intervals import effective_n, wilson_interval


def test_by_hand():
    # z^2 = 3.8415; p = 0.5, n = 10: centre 0.5, half = 1.96 / 1.38415 * sqrt(0.025 + 0.0096037) = 0.26341
    low, high = wilson_interval(0.5, 10)
    assert low == pytest.approx(0.23659, abs=1e-5)
    assert high == pytest.approx(0.76341, abs=1e-5)


def test_the_ends_are_exact():
    # p = 0: high = z^2 / (n + z^2) = 3.8415 / 13.8415
    low, high = wilson_interval(0.0, 10)
    assert (low, high) == (0.0, pytest.approx(0.27753, abs=1e-5))
    low, high = wilson_interval(1.0, 10)
    assert (low, high) == (pytest.approx(0.72247, abs=1e-5), 1.0)


def test_effective_n_by_hand():
    assert effective_n(0.2, 0.04, 17) == pytest.approx(100)
    assert effective_n(0.2, 0.0, 17) == 17
    assert effective_n(1.0, 0.0, 17) == 17


@pytest.mark.parametrize(("p", "n"), [(1.2, 5), (-0.1, 5), (0.5, 0)])
def test_impossible_input_is_an_error(p, n):
    with pytest.raises(ValueError, match="expected 0 <= p <= 1 and n > 0"):
        wilson_interval(p, n)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_agrees_with_statsmodels_and_holds_the_value(n, share):
    hits = round(n * share)
    low, high = wilson_interval(hits / n, n)
    expected = proportion_confint(hits, n, method="wilson")
    assert (low, high) == (pytest.approx(expected[0], abs=1e-9), pytest.approx(expected[1], abs=1e-9))
    assert 0 <= low <= hits / n <= high <= 1
