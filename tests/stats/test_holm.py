import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from xlembed.stats.holm import Comparison, FamilyKind, adjust, holm, primary_size


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


def comparison(a, b, p, measure="accuracy@1", mode="monolingual", pool=None, cell=None):
    return Comparison(a, b, measure, mode, p, pool, cell)


def test_families():
    true = "true_cross_lingual"
    results = adjust(
        [
            comparison("a", "b", 0.01),
            comparison("a", "b", 0.04, mode=true, pool="all", cell="de-en"),
            comparison("a", "b", 0.02, mode=true, pool="all"),
            comparison("a", "b", 0.01, mode=true, pool="target", cell="de-en"),
            comparison("a", "b", 0.03, measure="MRR@10"),
            comparison("a", "c", 0.2, mode=true, pool="target"),
        ]
    )
    primary = [r for r in results if r.family.kind == FamilyKind.PRIMARY]
    assert [r.p_adjusted for r in primary] == pytest.approx([0.03, 0.04, 0.2])
    assert {r.family.size for r in primary} == {3}
    cells, mrr = results[1], results[4]
    assert (cells.family.name, cells.family.size, cells.family.kind) == (
        "accuracy@1, " + true,
        2,
        "exploratory",
    )
    assert (results[3].p_adjusted, cells.p_adjusted) == pytest.approx((0.02, 0.04))
    assert (mrr.family.name, mrr.p_adjusted) == ("MRR@10, monolingual", pytest.approx(0.03))
    assert [r.comparison.p_value for r in results] == [0.01, 0.04, 0.02, 0.01, 0.03, 0.2]


def test_another_primary_measure_and_the_planned_size():
    (result,) = adjust([comparison("a", "b", 0.03, measure="MRR@10")], primary_measure="MRR@10")
    assert result.family.kind == FamilyKind.PRIMARY
    assert [primary_size(n) for n in (1, 2, 16)] == [0, 4, 480]
    assert adjust([]) == ()


def test_one_question_may_be_asked_once():
    with pytest.raises(ValueError, match="found again"):
        adjust([comparison("a", "b", 0.1), comparison("b", "a", 0.1)])
    with pytest.raises(ValueError, match="found again"):
        adjust([comparison("a", "a", 0.1)])
