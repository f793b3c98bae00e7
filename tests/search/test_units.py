"""Measures by hand, and against pytrec_eval and ir_measures on whole rankings."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from xlembed.measures import parse_measure, parse_measures
from xlembed.search.table import JudgedRanks, measure_units
from xlembed.words import UserError

ALL = parse_measures(
    [f"{f}@{k}" for f in ("accuracy", "recall", "precision", "nDCG") for k in (1, 3, 5, 10, 100)]
    + ["MRR@10", "MRR"]
)


def test_counted_by_hand():
    # relevant at rank 2 (grade 1) and rank 5 (grade 2), one more never retrieved
    values = measure_units([JudgedRanks(1000, (2, 5, 0), (1, 2, 1))], ALL)
    expected = {
        "accuracy@1": 0, "accuracy@3": 1, "recall@3": 1 / 3, "recall@5": 2 / 3, "precision@5": 2 / 5,
        "precision@100": 2 / 100, "MRR@10": 1 / 2, "MRR": 1 / 2,
        "nDCG@10": (1 / np.log2(3) + 2 / np.log2(6)) / (2 / np.log2(2) + 1 / np.log2(3) + 1 / np.log2(4)),
    }  # fmt: skip
    for name, value in expected.items():
        assert values[name][0] == pytest.approx(value, abs=1e-12), name


def test_nothing_retrieved_counts_as_zero():
    values = measure_units([JudgedRanks(0, (0,), (1,)), JudgedRanks(10, (1,), (1,))], ALL)
    assert all(column[0] == 0 for column in values.values())
    assert values["MRR"][1] == 1


def test_no_units():
    assert all(len(v) == 0 for v in measure_units([], ALL).values())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equal_to_pytrec_eval_on_whole_rankings(data):
    n = data.draw(st.integers(1, 120))
    docs = [f"d{i}" for i in range(n + 3)]  # three are never retrieved
    seed = data.draw(st.integers(0, 2**32 - 1))
    order = np.random.default_rng(seed).permutation(docs[:n])
    judged = data.draw(st.dictionaries(st.sampled_from(docs), st.integers(1, 3), min_size=1, max_size=8))
    ranks = {doc: i for i, doc in enumerate(order, 1)}
    unit = JudgedRanks(n, tuple(ranks.get(d, 0) for d in judged), tuple(judged.values()))
    ours = measure_units([unit], ALL)

    run = {"q": {doc: -float(rank) for doc, rank in ranks.items()}}
    names = {"recall": "recall", "P": "precision", "success": "accuracy", "ndcg_cut": "nDCG"}
    wanted = {f"{name}.1,3,5,10,100" for name in names} | {"recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator({"q": judged}, wanted).evaluate(run)["q"]
    for name, ours_name in names.items():
        for k in (1, 3, 5, 10, 100):
            assert ours[f"{ours_name}@{k}"][0] == pytest.approx(theirs[f"{name}_{k}"], abs=1e-9)
    assert ours["MRR"][0] == pytest.approx(theirs["recip_rank"], abs=1e-9)
    cut = {"q": {doc: score for doc, score in run["q"].items() if score >= -10}}
    at_10 = pytrec_eval.RelevanceEvaluator({"q": judged}, {"recip_rank"}).evaluate(cut)["q"]["recip_rank"]
    assert ours["MRR@10"][0] == pytest.approx(at_10, abs=1e-9)
    ir = ir_measures.calc_aggregate([m.ir for m in ALL], {"q": judged}, run)
    for measure in ALL:
        assert ours[measure.name][0] == pytest.approx(ir[measure.ir], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ndgc@10", "unknown measure 'ndgc@10'"),
        ("nDCG@0", "unknown measure"),
        ("recall", "needs a cutoff, for example recall@10"),
        ("nDcg@10", "Did you mean 'nDCG@10'"),
    ],
)
def test_bad_names(name, message):
    with pytest.raises(UserError, match=message):
        parse_measure(name)


def test_names_and_columns():
    assert [
        (m.name, m.column) for m in parse_measures(["accuracy@5", "nDCG@10", "MRR", "MRR@10", "accuracy@5"])
    ] == [
        ("accuracy@5", "hit@5"),
        ("nDCG@10", "ndcg@10"),
        ("MRR", "rr"),
        ("MRR@10", "rr@10"),
    ]
