"""Kendall's tau between two tasks: by hand, against scipy, and what its interval is made of."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from xlembed.measures import parse_measure
from xlembed.stats.agreement import kendall_tau, rank_agreement
from xlembed.stats.comparison import Evaluated
from xlembed.words import UserError

HIT = parse_measure("accuracy@1")


def task(shares: list[float], n: int, prefix: str = "c", names: str = "abcdefgh") -> list[Evaluated]:
    """One model per share of n needs that it hits, monolingual in one language."""
    return [
        Evaluated(
            name,
            pd.DataFrame(
                {
                    "query_id": [f"{prefix}{i}" for i in range(n)],
                    "need_id": [f"{prefix}{i}" for i in range(n)],
                    "cluster": [f"{prefix}{i}" for i in range(n)],
                    "query_lang": "en",
                    "doc_lang": "en",
                    "mode": "monolingual",
                    "pool": "target",
                    "hit@1": [float(i < round(share * n)) for i in range(n)],
                }
            ),
            {},
        )
        for name, share in zip(names, shares, strict=False)
    ]


def test_against_scipy_ties_and_all() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.integers(0, 4, (7, 50)).astype(float) for _ in range(2))
    expected = [kendalltau(a, b).statistic for a, b in zip(x.T, y.T, strict=True)]
    assert kendall_tau(x, y) == pytest.approx(expected, nan_ok=True)
    assert math.isnan(kendall_tau(np.ones((3, 1)), np.arange(3.0)[:, None])[0])


def test_by_hand() -> None:
    """a > b > c > d on one task, a > c > b > d on the other: 5 of 6 pairs agree, tau = 4 / 6."""
    first, second = task([0.9, 0.7, 0.5, 0.3], 200), task([0.9, 0.5, 0.7, 0.1], 100, "x")
    (found,) = rank_agreement(first, second, HIT, n_resamples=500)
    assert found.tau == pytest.approx(4 / 6)
    assert found.ci_low == found.ci_high == pytest.approx(4 / 6)  # the gaps are too wide for any resample
    row = found.to_json()
    assert row["ranks"] == [[1, 2, 3, 4], [1, 3, 2, 4]]
    assert (row["n_clusters"], row["n_models"], row["kind"]) == ([200, 100], 4, "monolingual")


def test_near_scores_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    models = task([0.6, 0.55, 0.5, 0.45], 40)
    for m in models:  # each hits other needs, so that resamples change the order
        m.units["hit@1"] = rng.permutation(m.units["hit@1"])
    (found,) = rank_agreement(models, task([0.9, 0.7, 0.5, 0.3], 40, "x"), HIT, n_resamples=1000)
    assert found.tau == 1
    assert found.ci_low is not None and found.ci_low < 0.5


def test_tasks_with_the_same_clusters_are_resampled_independently() -> None:
    """Equal scores on equal clusters: the same resample for both would always give tau = 1."""
    rng = np.random.default_rng(5)
    models = task([0.5] * 4, 60)
    for m in models:
        m.units["hit@1"] = rng.integers(0, 2, 60).astype(float)
    (found,) = rank_agreement(models, models, HIT, n_resamples=1000)
    assert found.tau == 1
    assert found.ci_low is not None and found.ci_low < 0.5


def test_few_clusters_have_no_interval() -> None:
    (found,) = rank_agreement(task([0.9, 0.1], 9), task([0.9, 0.1], 40, "x"), HIT, n_resamples=200)
    assert (found.tau, found.ci_low, found.ci_high) == (1, None, None)


def test_bad_input() -> None:
    with pytest.raises(UserError, match="at least two models, found a"):
        rank_agreement(task([0.5], 20), task([0.5], 20), HIT)
    with pytest.raises(UserError, match="same models on both tasks, found a, b and b, a"):
        rank_agreement(task([0.5, 0.6], 20), task([0.5, 0.6], 20, names="ba"), HIT)
    with pytest.raises(UserError, match=r"without nDCG@10"):
        rank_agreement(task([0.5, 0.6], 20), task([0.5, 0.6], 20), parse_measure("nDCG@10"))
    other = task([0.5, 0.6], 20, "x")
    for m in other:
        m.units["mode"] = "cross_lingual"
    with pytest.raises(UserError, match="no mode in common"):
        rank_agreement(task([0.5, 0.6], 20), other, HIT, n_resamples=100)
