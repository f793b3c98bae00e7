import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from xlembed.stats.bootstrap import cluster_weights, resample
from xlembed.stats.layout import unit_layout
from xlembed.stats.paired import difference_cells
from xlembed.stats.scores import CiMethod

NAMES = [f"c{i:02d}" for i in range(20)]


def test_by_hand_against_the_same_weights():
    a = np.array([1.0] * 5 + [0.0] * 15)
    b = np.array([0.0] * 3 + [1.0] * 4 + [0.0] * 13)  # A alone: 3 units, B alone: 2
    layout = unit_layout([0] * 20, NAMES, NAMES, 1)
    found = difference_cells(layout, a[:, None], b[:, None], n_resamples=2000).cells[0][0]
    weights = np.concatenate(list(cluster_weights(NAMES, 2000)))
    drawn = (weights[:, :3].sum(axis=1) - weights[:, 5:7].sum(axis=1)) / 20
    assert found.value == pytest.approx(1 / 20)
    assert (found.n_discordant, found.n_discordant_clusters) == (5, 5)
    assert found.se == pytest.approx(drawn.std(ddof=1))
    # t(0.975, 19) = 2.09302 times the SE times sqrt(20 / 19), or Hall's ends where they lie further out: by a search,
    # with the skewness that was seen and 1.5 times it
    se = drawn.std(ddof=1) * np.sqrt(20 / 19)
    g = ((drawn - drawn.mean()) ** 3).mean() / drawn.std() ** 3
    low, high = ([hall_end(sign * 2.09302, factor * g) for factor in (0, 1, 1.5)] for sign in (1, -1))
    assert found.ci_method == CiMethod.SKEWED_T
    assert (found.ci_low, found.ci_high) == pytest.approx(
        (0.05 - max(low) * se, 0.05 - min(high) * se), abs=1e-5
    )
    assert (max(low) == pytest.approx(2.09302)) != (min(high) == pytest.approx(-2.09302))


def hall_end(quantile, g):
    """t with t + g t^2 / 3 + g^2 t^3 / 27 + g / 6 = quantile."""
    return brentq(lambda t: t + g * t**2 / 3 + g**2 * t**3 / 27 + g / 6 - quantile, -50, 50)


def test_without_a_discordant_unit_the_rule_of_three():
    layout = unit_layout([0] * 20 + [1] * 20, NAMES * 2, NAMES * 2, 2)
    values = np.random.default_rng(0).random((40, 1))
    table = difference_cells(layout, values, values, {"m": [0, 1]})
    for found in (table.cells[0][0], table.macros["m"][0]):
        assert (found.value, found.ci_low, found.ci_high) == (0, -0.15, 0.15)
        assert (found.ci_method, found.n_discordant, found.n_clusters) == ("rule_of_three", 0, 20)


def test_a_difference_that_is_the_same_in_all_clusters_has_an_interval_too():
    layout = unit_layout([0] * 40, [f"n{i}" for i in range(40)], NAMES * 2, 1)
    ones = np.ones((40, 1))
    found = difference_cells(layout, ones, 0 * ones).cells[0][0]
    assert (found.value, found.ci_low, found.ci_high) == (1, pytest.approx(1 - 2 * 0.15), 1)
    first_only = np.array([[1.0]] * 20 + [[0.0]] * 20)  # in every cluster one unit for A and one for B
    found = difference_cells(layout, first_only, 1 - first_only).cells[0][0]
    assert (found.value, found.n_discordant, found.ci_method) == (0, 40, "rule_of_three")
    assert (found.ci_low, found.ci_high) == pytest.approx((-0.15, 0.15))


def test_no_end_of_an_interval_is_farther_than_a_difference_can_be():
    layout = unit_layout([0] * 20, NAMES, NAMES, 1)
    a = np.ones((20, 1))
    a[0] = 0
    found = difference_cells(layout, a, np.zeros((20, 1))).cells[0][0]
    assert found.value == 0.95 and found.ci_low < 0.9 and found.ci_high == 1


def test_rounding_is_not_discordance():
    layout = unit_layout([0] * 20, NAMES, NAMES, 1)
    found = difference_cells(layout, np.full((20, 1), 0.1 + 0.2), np.full((20, 1), 0.3)).cells[0][0]
    assert (found.value, found.n_discordant) == (0, 0)


def test_a_cluster_whose_units_cancel_is_not_discordant():
    layout = unit_layout([0] * 40, [f"n{i}" for i in range(40)], NAMES * 2, 1)
    a, b = np.zeros((40, 1)), np.zeros((40, 1))
    a[0], b[20], a[1] = 1, 1, 1  # cluster c00: one for A, one for B; cluster c01: one for A
    found = difference_cells(layout, a, b).cells[0][0]
    assert (found.n_discordant, found.n_discordant_clusters) == (3, 1)


def test_empty_cells_few_clusters_and_unequal_shapes():
    layout = unit_layout([0] * 9, NAMES[:9], NAMES[:9], 2)
    table = difference_cells(layout, np.ones((9, 1)), np.zeros((9, 1)), {"none": [1]})
    assert table.cells[0][0].value == 1
    assert (table.cells[0][0].ci_low, table.cells[0][0].se) == (None, None)
    assert table.cells[0][0].ci_method == "none: fewer than 10 clusters"
    assert (table.cells[1], table.macros["none"]) == ((None,), (None,))
    with pytest.raises(ValueError, match="same units and measures"):
        difference_cells(layout, np.ones((9, 1)), np.ones((9, 2)))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_a_minus_b_is_the_mirror_of_b_minus_a_and_the_difference_of_the_scores(seed):
    rng = np.random.default_rng(seed)
    cells, names = rng.integers(0, 3, 60), [NAMES[i] for i in rng.integers(0, 20, 60)]
    layout = unit_layout(cells, names, names, 3)
    a, b = rng.random((2, 60, 2))
    macros = {"m": [0, 1, 2]}
    ab = difference_cells(layout, a, b, macros, n_resamples=200).macros["m"]
    ba = difference_cells(layout, b, a, macros, n_resamples=200).macros["m"]
    one, two = (resample(layout, v, macros, n_resamples=200) for v in (a, b))
    apart = (one.macro_resamples - two.macro_resamples)[0]
    for m in range(2):
        assert ab[m].value == pytest.approx(-ba[m].value) == pytest.approx(one.value[3, m] - two.value[3, m])
        assert (ab[m].ci_low, ab[m].ci_high) == pytest.approx((-ba[m].ci_high, -ba[m].ci_low))
        assert ab[m].se == pytest.approx(apart[m].std(ddof=1))


@pytest.mark.parametrize(("n", "has_interval"), [(9, False), (10, True)])
def test_ten_clusters_are_enough_for_an_interval(n, has_interval):
    layout = unit_layout([0] * n, NAMES[:n], NAMES[:n], 1)
    a = np.arange(n)[:, None] % 2
    found = difference_cells(layout, a, np.zeros((n, 1)), n_resamples=200).cells[0][0]
    assert (found.ci_low is not None, found.se is not None) == (has_interval, has_interval)
