import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlembed.stats import signflip
from xlembed.stats.layout import unit_layout
from xlembed.stats.signflip import cluster_contributions, flips_needed, sign_flip_tests


def exact_p(parts):
    """Share of all sign vectors that are at least as far from 0."""
    sums = [abs(np.dot(signs, parts)) for signs in itertools.product([-1, 1], repeat=len(parts))]
    return np.mean([s >= abs(sum(parts)) - 1e-9 for s in sums])


def rng():
    return np.random.default_rng(11)


def test_three_clusters_by_hand():
    # sums of +-3 +-2 +-1: 6, 4, 2, 0, 0, -2, -4, -6; observed 3 + 2 - 1 = 4, so 4 of 8 are as far: ties count
    assert exact_p([3, 2, -1]) == 0.5
    (test,) = sign_flip_tests([[3.0], [2.0], [-1.0]], rng(), 20_000)
    assert test.statistic == 4
    assert test.p_value == pytest.approx(0.5, abs=0.015)


def test_ties_are_not_left_to_rounding():
    # 0.1 + 0.2 - 0.3 and its like are equal on paper only; |observed| = 0.6, tied by its mirror image alone
    (test,) = sign_flip_tests([[0.1], [0.2], [0.3]], rng(), 20_000)
    assert test.p_value == pytest.approx(0.25, abs=0.013)
    # observed 0 in exact arithmetic, 5.6e-17 here: every flip is at least as far
    (test,) = sign_flip_tests([[0.1], [0.2], [-0.3]], rng(), 999)
    assert test.p_value == 1


def test_p_is_never_zero():
    (test,) = sign_flip_tests(np.ones((60, 1)), rng(), 999)
    assert test.p_value == 1 / 1000


def test_nothing_to_flip_gives_one():
    (test,) = sign_flip_tests(np.zeros((5, 1)), rng(), 99)
    assert (test.p_value, test.statistic) == (1, 0)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_agrees_with_full_enumeration(parts):
    column = np.array(parts, dtype=float)[:, None] / 7
    (test,) = sign_flip_tests(column, rng(), 4000)
    assert test.p_value == pytest.approx(exact_p(parts), abs=0.04)  # 5 standard errors


@given(st.integers(1, 130), st.integers(1, 50))
def test_chunks_change_nothing(n_clusters, chunk):
    parts = np.random.default_rng(3).standard_normal((n_clusters, 2))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(signflip, "CHUNK_BYTES", 8 * n_clusters * chunk)
        pieces = sign_flip_tests(parts, rng(), 40)
    assert pieces == sign_flip_tests(parts, rng(), 40)


def test_sign_of_the_difference_and_order_of_tests_do_not_matter():
    parts = np.random.default_rng(4).standard_normal((25, 3))
    tests, mirrored = sign_flip_tests(parts, rng(), 500), sign_flip_tests(-parts[:, ::-1], rng(), 500)
    assert [t.p_value for t in tests] == [t.p_value for t in reversed(mirrored)]


def test_contributions_by_hand():
    # cell 0: units a +1, a 0, b -1, c 0 (4 units); cell 1: a +1, c +1 (2 units); cell 2 is empty
    layout = unit_layout([0, 0, 0, 0, 1, 1], list("uvwxyz"), list("aabcac"), 3)
    delta = np.array([[1.0], [0.0], [-1.0], [0.0], [1.0], [1.0]])
    assert cluster_contributions(layout, delta, [0])[:, 0].tolist() == [0.25, -0.25, 0]
    # macro: (1/4 + 1/2) / 2, -1/4 / 2, (0 + 1/2) / 2
    assert cluster_contributions(layout, delta, [0, 1, 2])[:, 0].tolist() == [0.375, -0.125, 0.25]


def test_contributions_add_up_to_the_macro():
    generator = np.random.default_rng(6)
    cells = generator.integers(0, 5, 200)
    delta = generator.standard_normal((200, 2))
    layout = unit_layout(cells, ["n"] * 200, [f"c{i}" for i in generator.integers(0, 30, 200)], 5)
    expected = np.mean([delta[cells == c].mean(axis=0) for c in range(5)], axis=0)
    np.testing.assert_allclose(cluster_contributions(layout, delta, range(5)).sum(axis=0), expected)


def test_flips_needed_for_a_family():
    assert flips_needed(1) == 400
    assert flips_needed(12) == 4800
    assert flips_needed(3, alpha=0.01) == 6000


def test_bad_calls_are_named():
    layout = unit_layout([0], ["n"], ["c"], 2)
    with pytest.raises(ValueError, match="have no units"):
        cluster_contributions(layout, [[1.0]], [1])
    with pytest.raises(ValueError, match=r"distinct cells in \[0, 2\)"):
        cluster_contributions(layout, [[1.0]], [0, 0])
    with pytest.raises(ValueError, match=r"shape \(n_clusters, n_tests\), found \(3,\)"):
        sign_flip_tests([1.0, 2.0, 3.0], rng())
    with pytest.raises(ValueError, match="positive number of flips"):
        sign_flip_tests([[1.0]], rng(), 0)
