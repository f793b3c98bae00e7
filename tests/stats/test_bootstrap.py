import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import skew

from xlembed.stats import bootstrap
from xlembed.stats.bootstrap import cluster_weights, resample, score_cells
from xlembed.stats.intervals import wilson_interval
from xlembed.stats.layout import unit_layout
from xlembed.stats.scores import CiMethod

IDS = [f"c{i}" for i in range(12)]


def random_units(seed=0, n_units=90, n_cells=4, n_measures=3):
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, n_cells, n_units)
    clusters = [IDS[i] for i in rng.integers(0, len(IDS), n_units)]
    needs = [f"{cluster}/{i % 3}" for i, cluster in enumerate(clusters)]
    values = rng.random((n_units, n_measures))
    values[:, 0] = values[:, 0] < 0.6
    return cells, needs, clusters, values


def all_weights(ids, n, chunk=None):
    return np.concatenate(list(cluster_weights(ids, n, chunk)))


def naive(cells, clusters, values, members, n_cells, n_resamples):
    """Cells and one macro, resample by resample, unit by unit."""
    ids = sorted(set(clusters))
    rows = []
    for weights in all_weights(ids, n_resamples):
        weight = dict(zip(ids, weights, strict=True))
        means = []
        for cell in range(n_cells):
            mine = [(weight[g], v) for c, g, v in zip(cells, clusters, values, strict=True) if c == cell]
            total = sum(w for w, _ in mine)
            means.append(sum(w * v for w, v in mine) / total if total else np.full(values.shape[1], np.nan))
        present = [means[c] for c in members if np.isfinite(means[c]).all()]
        rows.append([*means, sum(present) / len(present)])
    return np.array(rows)


def test_weights_are_whole_draws_that_depend_on_the_set_of_ids_only():
    weights = all_weights(IDS, 50)
    assert weights.dtype == np.float32
    assert weights.shape == (50, 12)
    assert (weights.sum(axis=1) == 12).all()
    assert (weights == np.round(weights)).all()
    np.testing.assert_array_equal(weights, all_weights([*reversed(IDS), "c3"], 50))
    assert (weights != all_weights([*IDS[:-1], "other"], 50)).any()


def test_weights_are_multinomial():
    weights = all_weights(IDS, 20_000)
    # mean 1, variance 1 - 1/12, covariance -1/12
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.04)
    covariance = np.cov(weights.T)
    np.testing.assert_allclose(np.diag(covariance), 11 / 12, atol=0.06)
    np.testing.assert_allclose(covariance[~np.eye(12, dtype=bool)], -1 / 12, atol=0.04)


def test_the_seed_is_fixed_for_all_time():
    # recorded, not counted: a change of these numbers changes every stored interval a little
    assert all_weights(["a", "b", "c", "d"], 3).tolist() == [[1, 1, 1, 1], [1, 0, 2, 1], [1, 1, 2, 0]]


@given(st.integers(1, 70), st.integers(1, 40))
def test_chunks_change_no_weight(chunk, n_resamples):
    chunks = list(cluster_weights(IDS[:7], n_resamples, chunk))
    assert max(map(len, chunks)) <= chunk
    np.testing.assert_array_equal(np.concatenate(chunks), all_weights(IDS[:7], 70)[:n_resamples])


def test_no_clusters_is_an_error():
    with pytest.raises(ValueError, match="found 0 clusters"):
        next(cluster_weights([], 10))


def test_agrees_with_a_loop_over_units():
    cells, needs, clusters, values = random_units()
    cells[cells == 2] = 1  # cell 2 is empty
    rare = np.flatnonzero(cells == 3)[2:]
    cells[rare] = 0  # cell 3 has two units: absent from some resamples
    drawn = resample(unit_layout(cells, needs, clusters, 4), values, {"macro": [0, 2, 3]}, n_resamples=300)
    expected = naive(cells, clusters, values, [0, 2, 3], 4, 300)
    assert np.isnan(expected[:, 3]).any()
    np.testing.assert_allclose(drawn.macro_resamples[0].T, expected[:, 4], atol=1e-12)
    assert drawn.macro_cells == {"macro": (0, 3)}
    for row in (0, 1, 3, 4):
        seen = expected[np.isfinite(expected[:, row, 0]), row]
        np.testing.assert_allclose(drawn.se[row], seen.std(axis=0, ddof=1), atol=1e-12)
        np.testing.assert_allclose(drawn.skewness[row], skew(seen, axis=0), atol=1e-9)
    assert np.isnan(drawn.value[2]).all()


def test_values_and_counts_by_hand():
    layout = unit_layout([0, 0, 0, 2], ["n1", "n1", "n2", "n3"], ["a", "a", "a", "b"], 3)
    table = score_cells(layout, [[1, 0.5], [0, 0.25], [1, 0.0], [1, 1.0]], [True, False], {"all": [0, 1, 2]})
    first, empty, last = table.cells
    assert [s.value for s in first] == [pytest.approx(2 / 3), 0.25]
    assert [s.value for s in last] == [1, 1]
    assert empty == (None, None)
    assert [s.value for s in table.macros["all"]] == [pytest.approx(5 / 6), 0.625]
    assert table.macro_cells == {"all": (0, 2)}
    assert (first[0].n_units, first[0].n_needs, first[0].n_clusters) == (3, 2, 1)
    macro = table.macros["all"][0]
    assert (macro.n_units, macro.n_needs, macro.n_clusters) == (4, 3, 2)


def test_no_interval_under_ten_clusters():
    for n, method in ((9, "none: fewer than 10 clusters"), (10, "wilson_effective_n")):
        layout = unit_layout([0] * n, IDS[:n], IDS[:n], 1)
        score = score_cells(layout, np.eye(n)[:, :1], [True]).cells[0][0]
        assert score.ci_method == method
        assert ((score.ci_low, score.ci_high, score.se) == (None, None, None)) == (n == 9)


def test_a_macro_without_cells_is_missing_and_so_is_an_empty_task():
    layout = unit_layout([0], ["n"], ["c"], 2)
    assert score_cells(layout, [[1.0]], [True], {"m": [1]}).macros == {"m": (None,)}
    empty = score_cells(unit_layout([], [], [], 2), np.empty((0, 1)), [True], {"m": [0]})
    assert (empty.cells, empty.macros) == (((None,), (None,)), {"m": (None,)})


def test_independent_units_give_the_usual_wilson_interval():
    n = 400
    names = [f"c{i}" for i in range(n)]
    score = score_cells(unit_layout([0] * n, names, names, 1), np.arange(n)[:, None] < 100, [True]).cells[0][
        0
    ]
    assert score.se == pytest.approx(np.sqrt(0.25 * 0.75 / n), rel=0.03)
    low, high = wilson_interval(0.25, n)
    assert (score.ci_low, score.ci_high) == (pytest.approx(low, abs=0.002), pytest.approx(high, abs=0.002))


def test_identical_units_of_a_cluster_count_once():
    names = [f"c{i}" for i in range(40)] * 5
    hits = np.array([i < 10 for i in range(40)] * 5, dtype=float)[:, None]
    fivefold = score_cells(unit_layout([0] * 200, names, names, 1), hits, [True]).cells[0][0]
    single = score_cells(unit_layout([0] * 40, names[:40], names[:40], 1), hits[:40], [True]).cells[0][0]
    assert (fivefold.ci_low, fivefold.ci_high) == pytest.approx((single.ci_low, single.ci_high))
    assert (fivefold.n_units, single.n_units) == (200, 40)


@pytest.mark.parametrize(("value", "low", "high"), [(0.0, 0.0, 0.27753), (1.0, 0.72247, 1.0)])
def test_at_zero_and_one_clusters_are_the_sample(value, low, high):
    layout = unit_layout([0, 1] * 20, [f"n{i}" for i in range(40)], IDS[:10] * 4, 2)
    table = score_cells(layout, np.full((40, 2), value), [True, False], {"m": [0, 1]})
    for score in table.macros["m"]:  # a measure that is not 0/1 too: an interval without width would be a lie
        assert score.ci_method == CiMethod.WILSON_N_CLUSTERS
        assert (score.ci_low, score.ci_high) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))


def test_measures_outside_the_unit_interval_get_students_t():
    layout = unit_layout([0] * 12, IDS, IDS, 1)
    varied, constant = score_cells(layout, [[i, 7.0] for i in range(12)], [False, False]).cells[0]
    assert varied.ci_method == constant.ci_method == CiMethod.SKEWED_T
    # 0 to 11: mean 5.5, standard deviation 3.60555, t(0.975, 11) = 2.20099: half 2.20099 x 3.60555 / sqrt(12) = 2.29086
    assert (varied.ci_low, varied.ci_high) == (pytest.approx(3.209, abs=0.06), pytest.approx(7.791, abs=0.06))
    assert (constant.ci_low, constant.ci_high) == (7, 7)


def test_a_share_that_few_clusters_carry_is_marked_and_wide():
    """One of twenty clusters has the whole value: its resamples cannot know what another such one would do."""
    names = [f"c{i:02d}" for i in range(20)]
    graded = np.array([0.4] + [0.0] * 19)
    found, hits = score_cells(
        unit_layout([0] * 20, names, names, 1), np.column_stack([graded, graded > 0]), [False, True]
    ).cells[0]
    assert found.ci_method == CiMethod.WILSON_SPARSE and hits.ci_method == CiMethod.WILSON_EFFECTIVE_N
    # Wilson with p = 0.02, n = 20, t(0.975, 19) = 2.09302: z^2 / n = 0.219037
    centre = (0.02 + 0.219037 / 2) / 1.219037
    half = 2.09302 / 1.219037 * np.sqrt(0.02 * 0.98 / 20 + 4.380733 / 1600)
    assert found.ci_high == pytest.approx(centre + half, abs=1e-5) and found.ci_low >= 0


def test_chunks_passes_and_order_change_nothing(monkeypatch):
    cells, needs, clusters, values = random_units(1)
    macros = {"m": [0, 1, 2], "n": [3]}
    kinds = [True, False, False]
    plain = score_cells(unit_layout(cells, needs, clusters, 4), values, kinds, macros, n_resamples=500)
    order = np.random.default_rng(5).permutation(len(cells))
    shuffled = unit_layout(cells[order], [needs[i] for i in order], [clusters[i] for i in order], 4)
    monkeypatch.setattr(bootstrap, "PASS_COLUMNS", 4)
    monkeypatch.setattr(bootstrap, "CHUNK_BYTES", 8 * 12 * 7)
    other = score_cells(shuffled, values[order], kinds, macros, n_resamples=500)
    for left, right in zip(
        [*plain.cells, *plain.macros.values()], [*other.cells, *other.macros.values()], strict=True
    ):
        for a, b in zip(left, right, strict=True):
            assert a.ci_method == b.ci_method
            numbers = [{k: v for k, v in dataclasses.asdict(s).items() if k != "ci_method"} for s in (a, b)]
            assert numbers[0] == pytest.approx(numbers[1], abs=1e-12)


def test_a_part_of_a_task_uses_the_weights_of_the_whole():
    cells, needs, clusters, values = random_units(2)
    part = np.isin(clusters, IDS[:11]) & (cells == 0)
    names = [c for c, inside in zip(clusters, part, strict=True) if inside]
    whole = unit_layout(cells[part], names, names, 4, task_clusters=IDS)
    full = resample(unit_layout(np.where(part, 0, 1), needs, clusters, 2), values, n_resamples=400)
    np.testing.assert_allclose(resample(whole, values[part], n_resamples=400).se[0], full.se[0])


def test_bad_calls_are_named():
    layout = unit_layout([0, 0], ["n", "m"], ["a", "b"], 1)
    with pytest.raises(ValueError, match="measures \\[0\\] are called binary"):
        score_cells(layout, [[0.5], [1.0]], [True])
    with pytest.raises(ValueError, match="one binary flag for each of 1 measures, found 2"):
        score_cells(layout, [[0.5], [1.0]], [True, False])
    for cells in ([0, 0], [1]):
        with pytest.raises(ValueError, match="macro 'm' must list distinct cells"):
            resample(layout, [[0.5], [1.0]], {"m": cells})


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_scores_stay_in_bounds(data):
    n = data.draw(st.integers(1, 40))
    cells = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    names = data.draw(st.lists(st.sampled_from(IDS), min_size=n, max_size=n))
    hits = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    values = np.array(hits, dtype=float)[:, None]
    table = score_cells(
        unit_layout(cells, names, names, 3), values, [True], {"m": [0, 1, 2]}, n_resamples=200
    )
    present = [row[0] for row in table.cells if row[0]]
    assert table.macros["m"][0].value == pytest.approx(np.mean([s.value for s in present]))
    for score in [*present, table.macros["m"][0]]:
        assert (score.ci_low is None) == (score.n_clusters < 10) == (score.se is None)
        assert score.n_clusters <= score.n_units
        if score.ci_low is not None:
            assert 0 <= score.ci_low <= score.value <= score.ci_high <= 1
            assert score.ci_low < score.ci_high
