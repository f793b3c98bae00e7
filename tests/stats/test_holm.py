import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from xlembed.stats.holm import holm, primary_size


def test_by_hand():
    # sorted 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.5 x 1, then a running maximum
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])


def test_capped_at_one_and_empty_in_empty_out():
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert holm([]).tolist() == []


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_impossible_p_is_an_error(p):
    with pytest.raises(ValueError, match=r"p-values in \[0, 1\]"):
        holm([0.5, p])


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_statsmodels(seed):
    p_values = np.random.default_rng(seed).choice([0.001, 0.01, 0.02, 0.04, 0.5, 1.0], size=4 * seed + 1)
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_never_below_the_raw_p_and_in_the_same_order(p_values):
    adjusted, raw = holm(p_values), np.array(p_values)
    assert (adjusted >= raw - 1e-15).all()
    assert (adjusted <= np.minimum(1, raw * len(raw)) + 1e-15).all()
    assert (np.diff(adjusted[np.argsort(raw)]) >= -1e-15).all()


def test_the_planned_size():
    assert [primary_size(n) for n in (1, 2, 16)] == [0, 4, 480]
