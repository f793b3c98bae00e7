"""Ranks and scores of every mode, counted by hand (the rankings stand in conftest.py)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from xlembed.measures import parse_measures
from xlembed.search import ranking
from xlembed.search.ranking import count_searches, language_shares, rank_units
from xlembed.search.searcher import VectorSearcher
from xlembed.search.table import units_table
from xlembed.search.units import build_units
from xlembed.stats.evaluation import score_run
from xlembed.words import Mode, OtherVersions, Pool

CLUSTERS = {"q1": "q1", "q2": "q2", "q3": "q3"}


def first_ranks(rankings) -> dict:
    names = ["q1-de", "q1-en", "q2-de", "q2-en", "q3-en"]
    return {(names[r.unit.query], r.unit.doc_lang, str(r.pool)): r.ranks for r in rankings.units}


def test_every_rank_of_every_mode(tiny_task, tiny_search):
    found = first_ranks(rank_units(tiny_task, tiny_search))
    assert found == {
        # pool = all: the version in the other language is taken out first
        ("q1-de", "de", "all"): (1,),
        ("q1-de", "en", "all"): (1,),  # d1 stood above d2, but is another version of the same answer
        ("q1-en", "en", "all"): (3,),
        ("q1-en", "de", "all"): (3,),
        ("q2-de", "en", "all"): (3,),  # a tie of three: d1, d3, d4 by id
        ("q2-en", "en", "all"): (2,),
        # pool = target: only documents of that language
        ("q1-de", "de", "target"): (1,),
        ("q1-de", "en", "target"): (1,),
        ("q1-en", "en", "target"): (2,),
        ("q1-en", "de", "target"): (2,),
        ("q2-de", "en", "target"): (1,),
        ("q2-en", "en", "target"): (1,),
    }


@pytest.mark.parametrize("size", [1, 2])
def test_queries_in_parts_are_ranked_as_all_at_once(tiny_task, tiny_search, monkeypatch, size):
    whole, done = rank_units(tiny_task, tiny_search), []
    monkeypatch.setattr(ranking, "QUERY_CHUNK", size)
    parts = rank_units(tiny_task, tiny_search, progress=done.append)
    assert repr(parts.units) == repr(whole.units)  # NaN is not equal to itself
    assert parts.boundary_ties == whole.boundary_ties
    np.testing.assert_array_equal(parts.top, whole.top)
    assert sum(done) == count_searches(tiny_task)


def test_other_versions_wrong_keeps_them_in_the_ranking(tiny_task, tiny_search):
    found = first_ranks(rank_units(tiny_task, tiny_search, other_versions=OtherVersions.WRONG))
    assert found["q1-de", "en", "all"] == (2,)
    assert found["q1-en", "de", "all"] == (4,)
    assert found["q1-de", "en", "target"] == (1,)


def test_a_query_s_own_copy_is_taken_out_of_every_pool(tiny_task, tiny_search):
    """d4 and d5 hold the texts of q1-en and q2-en."""
    texts = {"d4": "one?", "d5": "four?"}
    documents = tuple(replace(d, text=texts.get(d.doc_id, d.text)) for d in tiny_task.documents)
    task = replace(tiny_task, documents=documents)
    plain = first_ranks(rank_units(task, tiny_search))
    assert plain == first_ranks(rank_units(tiny_task, tiny_search))
    ranked = rank_units(replace(task, leave_out_self=True), tiny_search)
    assert first_ranks(ranked) == plain | {
        ("q1-en", "en", "all"): (2,),  # d3 [d4] d2
        ("q1-en", "de", "all"): (2,),  # d3 [d4] [d2] d1
        ("q1-en", "en", "target"): (1,),  # [d4] d2
        ("q2-en", "en", "all"): (1,),  # [d5] d4
    }
    (unit,) = [
        u for u in ranked.units if u.unit.query == 1 and u.unit.doc_lang == "en" and u.pool is Pool.TARGET
    ]
    assert (unit.first_lang, unit.first_correct, unit.n_retrieved) == ("en", True, 1)
    cut = rank_units(replace(task, leave_out_self=True), tiny_search, depth=1)
    assert first_ranks(cut)["q1-en", "en", "target"] == (1,)


def test_other_versions_relevant_gives_one_unit_per_query_in_pool_all(tiny_task, tiny_search):
    found = first_ranks(rank_units(tiny_task, tiny_search, other_versions=OtherVersions.RELEVANT))
    assert found == {
        ("q1-de", "*", "all"): (1, 2),
        ("q1-en", "*", "all"): (4, 3),
        ("q2-de", "*", "all"): (3,),
        ("q2-en", "*", "all"): (2,),
    }


def test_exact_search_knows_ranks_below_the_depth(tiny_task, tiny_search):
    rankings = rank_units(tiny_task, tiny_search, depth=1)
    assert first_ranks(rankings)["q1-en", "en", "all"] == (3,)
    unit = next(
        u for u in rankings.units if u.unit.query == 1 and u.unit.doc_lang == "en" and u.pool is Pool.ALL
    )
    assert unit.n_retrieved == 1
    table = units_table(tiny_task, rankings.units, parse_measures(["accuracy@1", "MRR"]), CLUSTERS)
    row = table[(table.query_id == "q1-en") & (table.doc_lang == "en") & (table.pool == "all")].iloc[0]
    assert row["rr"] == pytest.approx(1 / 3) and row["rank_first_relevant"] == 3 and row["hit@1"] == 0


def test_an_engine_that_is_not_exact_leaves_what_it_missed_without_a_rank(
    tiny_task, tiny_index, tiny_queries
):
    class Approximate:
        exact = False
        doc_ids = tiny_index.doc_ids
        search = tiny_index.search

    rankings = rank_units(
        tiny_task, VectorSearcher(Approximate(), tiny_queries), depth=1
    )  # fetches 1 + 1 ignored
    assert first_ranks(rankings)["q1-en", "en", "all"] == (0,)
    table = units_table(tiny_task, rankings.units, parse_measures(["MRR@1", "MRR"]), CLUSTERS)
    row = table[(table.query_id == "q1-en") & (table.doc_lang == "en") & (table.pool == "all")].iloc[0]
    assert pd.isna(row["rank_first_relevant"]) and row["rr"] == 0


def test_modes_can_be_chosen(tiny_task, tiny_search):
    rankings = rank_units(tiny_task, tiny_search, modes=[Mode.MONOLINGUAL])
    assert set(first_ranks(rankings)) == {
        ("q1-de", "de", "target"),
        ("q1-en", "en", "target"),
        ("q2-en", "en", "target"),
    }
    assert (rankings.top == -1).all()
    assert count_searches(tiny_task, [Mode.MONOLINGUAL]) == 3


def test_units_of_a_query_without_judgement_do_not_exist(tiny_task):
    assert {u.query for u in build_units(tiny_task)} == {0, 1, 2, 3}


@pytest.fixture
def scores(tiny_task, tiny_search):
    rankings = rank_units(tiny_task, tiny_search)
    measures = parse_measures(["accuracy@1", "recall@3"])
    units = units_table(tiny_task, rankings.units, measures, CLUSTERS)
    rows = score_run(units, {}, measures, set(units.cluster), {}, n_resamples=100)
    return {
        (r.kind, r.pool, r.query_lang, r.doc_lang): r
        for r in rows
        if r.measure in ("accuracy@1", "language_bias")
    }


@pytest.mark.parametrize(
    ("key", "value", "n_units"),
    [
        (("monolingual", "target", "de", "de"), 1.0, 1),
        (("monolingual", "target", "en", "en"), 0.5, 2),
        (("monolingual", "target", None, None), 0.75, 3),
        (("cross_lingual", "all", "de", "de"), 1.0, 1),
        (("cross_lingual", "all", "en", "en"), 0.0, 2),
        (("cross_lingual", "all", None, None), 0.5, 3),
        (("true_cross_lingual", "all", "de", "en"), 0.5, 2),
        (("true_cross_lingual", "all", "en", "de"), 0.0, 1),
        (("true_cross_lingual", "all", None, None), 0.25, 3),
        (("true_cross_lingual", "target", "de", "en"), 1.0, 2),
        (("true_cross_lingual", "target", None, None), 0.5, 3),
        (("pool_gap", None, "de", "en"), 0.5, 2),
        (("pool_gap", None, None, None), 0.25, 3),
        # q1: hit(en -> en) 0 - hit(de -> en) 1; q2: 1 - 1
        (("loss_weak", "target", "de", "en"), -0.5, 2),
        (("loss_weak", "target", None, None), 0.25, 3),
        (("loss_strong", "all", "de", "en"), -0.5, 2),
        (("loss_strong", "all", "en", "de"), 1.0, 1),
        (("loss_strong", "all", None, None), 0.25, 3),
        # q2-de finds d1 (its own language) first; half of the wrong d1 d2 d3 d5 are German
        (("language_bias", "all", "de", "en"), 0.5, 1),
        # q1-en finds d3 (German) first; one third of the wrong d3 d4 d5 is English
        (("language_bias", "all", "en", "de"), -1 / 3, 1),
        (("language_bias", "all", None, None), 1 / 12, 2),
    ],
)
def test_scores_of_every_mode(scores, key, value, n_units):
    assert scores[key].value == pytest.approx(value)
    assert scores[key].n_units == n_units


def test_cells_without_units_are_missing_and_macros_list_theirs(scores):
    assert not any("fr" in (lang or "") for _, _, *langs in scores for lang in langs)
    assert scores["true_cross_lingual", "all", None, None].cells == ("de->en", "en->de")
    assert scores["monolingual", "target", None, None].ci_low is None  # under 10 clusters


def test_language_shares_of_the_raw_ranking(tiny_task, tiny_search):
    top = rank_units(tiny_task, tiny_search).top
    shares = language_shares(tiny_task, top, 2)
    np.testing.assert_allclose(shares[0], [0.5, 0.5, 0])  # d1 d2: nothing is taken out here
    np.testing.assert_allclose(shares[3], [0, 0.5, 0.5])  # d5 d4
    nothing = np.full_like(top, -1)
    assert np.isnan(language_shares(tiny_task, nothing, 2)).all()
