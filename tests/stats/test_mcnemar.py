import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from xlembed.stats.mcnemar import has_one_unit_per_cluster, mcnemar_test


def table(both, only_a, only_b, neither):
    a = [1] * both + [1] * only_a + [0] * only_b + [0] * neither
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    return a, b, range(len(a))


def test_by_hand():
    found = mcnemar_test(*table(both=5, only_a=7, only_b=1, neither=3))
    assert (found.both, found.only_a, found.only_b, found.neither) == (5, 7, 1, 3)
    # 2 (C(8, 0) + C(8, 1)) / 2^8
    assert found.p_value == pytest.approx(18 / 256)


def test_six_discordant_units_can_reject_and_five_cannot():
    assert mcnemar_test(*table(0, 5, 0, 9)).p_value == pytest.approx(2 / 32)
    assert mcnemar_test(*table(0, 6, 0, 9)).p_value == pytest.approx(2 / 64)


def test_without_discordant_units_p_is_one():
    assert mcnemar_test(*table(3, 0, 0, 2)).p_value == 1
    assert mcnemar_test([], [], []).p_value == 1
    assert mcnemar_test([True, False], [True, False], ["x", "y"]).both == 1


def test_clustered_units_are_refused():
    assert has_one_unit_per_cluster(["a", "b"])
    assert not has_one_unit_per_cluster(["a", "b", "a"])
    with pytest.raises(ValueError, match="use sign_flip_tests for clustered units"):
        mcnemar_test([1, 0], [0, 0], ["a", "a"])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="three lists of one length"):
        mcnemar_test([1, 0], [0], ["a", "b"])
    with pytest.raises(ValueError, match="hits of 0 or 1"):
        mcnemar_test([0.5], [0], ["a"])


@given(*[st.integers(0, 30)] * 4)
def test_agrees_with_statsmodels(both, only_a, only_b, neither):
    expected = mcnemar(np.array([[both, only_a], [only_b, neither]]), exact=True).pvalue
    assert mcnemar_test(*table(both, only_a, only_b, neither)).p_value == pytest.approx(min(1, expected))
