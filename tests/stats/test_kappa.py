from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from xlembed.stats.kappa import cohens_kappa


def test_as_scikit_learn_says_and_by_hand() -> None:
    first, second = [1, 1, 1, 0, 0, 0, 1, 0], [1, 1, 0, 0, 0, 1, 1, 0]
    found = cohens_kappa(first, second, list("aabbccdd"), 500)
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second)) == pytest.approx(0.5)
    assert (found.both, found.only_first, found.only_second, found.neither) == (3, 1, 1, 3)
    assert (
        found.agreed == 0.75 and found.clusters == 4 and found.low is None
    )  # as everywhere under ten clusters


@pytest.mark.parametrize(("clusters", "told"), [(9, False), (10, True)])
def test_an_interval_wants_ten_clusters(clusters: int, told: bool) -> None:
    names = [str(i * clusters // 83) for i in range(80)]
    found = cohens_kappa([1, 1, 1, 0, 0, 0, 1, 0] * 10, [1, 1, 0, 0, 0, 1, 1, 0] * 10, names, 500)
    assert (found.low is not None) is told
    if found.low is not None and found.high is not None:
        assert found.low < 0.5 < found.high


def test_pairs_of_one_query_are_drawn_together() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(rng.integers(0, 2, 40), 10)
    other = np.where(
        np.repeat(rng.random(40) < 0.2, 10), 1 - truth, truth
    )  # whole queries are judged wrongly
    together = cohens_kappa(truth, other, [str(i // 10) for i in range(400)], 500)
    apart = cohens_kappa(truth, other, [str(i) for i in range(400)], 500)
    assert together.kappa == apart.kappa
    assert (together.high or 0) - (together.low or 0) > 2 * ((apart.high or 0) - (apart.low or 0))


def test_where_chance_explains_everything_there_is_no_kappa() -> None:
    found = cohens_kappa([1, 1], [1, 1], ["a", "b"], 100)
    assert (found.kappa, found.low, found.agreed) == (None, None, 1.0)
    assert cohens_kappa([1, 0], [1, 0], ["a", "a"], 100).low is None
    for second, kappa in (([1] * 40, 0.0), ([1, 0] * 20, 1.0)):  # one that calls all right; agreement on all
        found = cohens_kappa([1, 0] * 20, second, [str(i // 2) for i in range(40)], 100)
        assert (found.kappa, found.low, found.high) == (kappa, None, None)
    with pytest.raises(ValueError, match="as many of each"):
        cohens_kappa([1], [1, 0], ["a"])
