import numpy as np
import pytest

from xlembed.stats.layout import cluster_sums, unit_layout, unit_values


def test_numbers_follow_the_sorted_ids():
    layout = unit_layout(
        [0, 2, 0], ["n2", "n1", "n2"], ["b", "a", "b"], n_cells=3, task_clusters=["c", "b", "a"]
    )
    assert layout.cluster_ids == ("a", "b", "c")
    assert layout.clusters.tolist() == [1, 0, 1]
    assert layout.needs.tolist() == [1, 0, 1]
    assert (len(layout.cells), layout.n_cells) == (3, 3)


@pytest.mark.parametrize(
    ("cells", "needs", "clusters", "message"),
    [
        ([0], ["n1", "n2"], ["c"], "one cell, need and cluster per unit, found 1, 2 and 1"),
        ([3], ["n1"], ["c"], r"cells must lie in \[0, 3\)"),
        ([-1], ["n1"], ["c"], r"cells must lie in \[0, 3\)"),
        ([0], ["n1"], ["z"], r"not among the task's clusters: \['z'\]"),
    ],
)
def test_bad_layouts_are_named(cells, needs, clusters, message):
    with pytest.raises(ValueError, match=message):
        unit_layout(cells, needs, clusters, 3, task_clusters=["c"])


def test_bad_values_are_named():
    layout = unit_layout([0, 0], ["n", "m"], ["c", "d"], 1)
    with pytest.raises(ValueError, match=r"shape \(2, n_measures\), found \(2,\)"):
        unit_values(layout, [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        unit_values(layout, [[1.0], [float("nan")]])


def test_sums_by_cell_and_cluster():
    layout = unit_layout([1, 0, 1, 1], list("wxyz"), ["b", "a", "a", "b"], 2)
    sums = cluster_sums(layout, np.array([[1.0], [2.0], [3.0], [4.0]]))
    assert sums.cells.tolist() == [0, 1, 1]
    assert sums.clusters.tolist() == [0, 0, 1]
    assert sums.counts.tolist() == [1, 1, 2]
    assert sums.sums.tolist() == [[2], [3], [5]]
