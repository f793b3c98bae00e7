"""Exact search against plain sorting, on both of its paths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlembed.search import exact
from xlembed.search.exact import ExactIndex


def unit(rng, n, dim=8):
    x = rng.normal(size=(n, dim)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def sorted_by_hand(ids, langs, vectors, query, lang):
    rows = [i for i in range(len(ids)) if lang in (None, langs[i])]
    score = {i: round(float(vectors[i].astype(float) @ query.astype(float)), 6) for i in rows}
    return [ids[i] for i in sorted(rows, key=lambda i: (-score[i], ids[i]))]


def corpus(rng, n=600):
    ids = [f"d{i}" for i in rng.permutation(n)]
    langs = [["de", "en", "tr"][i % 3] for i in range(n)]
    vectors = unit(rng, n)
    vectors[n // 2 :] = vectors[: n - n // 2]  # every vector twice: ties everywhere
    return ids, langs, vectors


@pytest.mark.parametrize("lang", [None, "tr"])
@pytest.mark.parametrize("k", [1, 5, 7])
def test_candidate_path_equals_sorting(lang, k, monkeypatch):
    monkeypatch.setattr(exact, "MARGIN", 0)  # so that ties at the cut must widen the search
    monkeypatch.setattr(exact, "BLOCK_ROWS", 97)
    rng = np.random.default_rng(1)
    ids, langs, vectors = corpus(rng)
    queries = unit(rng, 20)
    hits = ExactIndex(ids, langs, vectors).search(queries, k, lang)
    for query, rows in zip(queries, hits.rows, strict=True):
        assert [ids[r] for r in rows] == sorted_by_hand(ids, langs, vectors, query, lang)[:k]
    assert hits.boundary_ties.sum() > 0 or k % 2 == 0 or lang


def test_dense_path_equals_candidate_path(monkeypatch):
    rng = np.random.default_rng(2)
    ids, langs, vectors = corpus(rng)
    queries = unit(rng, 10)
    index = ExactIndex(ids, langs, vectors)
    dense = index.search(queries, 100)  # 600 <= 8 * (100 + margin)
    monkeypatch.setattr(
        ExactIndex, "_search_dense", lambda *_: pytest.fail("this must not score the whole pool")
    )
    candidates = index._search_faiss(queries, 100, None)
    np.testing.assert_array_equal(dense.rows, candidates.rows)
    np.testing.assert_array_equal(dense.scores, candidates.scores)


def test_full_ranks_count_what_scores_above(monkeypatch):
    monkeypatch.setattr(exact, "BLOCK_ROWS", 50)
    rng = np.random.default_rng(3)
    ids, langs, vectors = corpus(rng, 300)
    queries = unit(rng, 5)
    index = ExactIndex(ids, langs, vectors)
    wanted = [
        np.array(rng.choice([i for i in range(300) if langs[i] == "de"], 3, replace=False)) for _ in queries
    ]
    for lang in (None, "de"):
        for query, rows, ranks in zip(queries, wanted, index.full_ranks(queries, wanted, lang), strict=True):
            by_hand = sorted_by_hand(ids, langs, vectors, query, lang)
            assert list(ranks) == [by_hand.index(ids[r]) + 1 for r in rows]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_size_and_k(n, k, seed):
    rng = np.random.default_rng(seed)
    ids, langs = [f"{i:x}" for i in range(n)], ["en"] * n
    vectors = np.round(unit(rng, n, 2), 1).astype(np.float32)
    queries = unit(rng, 2, 2)
    hits = ExactIndex(ids, langs, vectors).search(queries, k)
    assert hits.rows.shape == (2, min(n, k))
    for query, rows in zip(queries, hits.rows, strict=True):
        nonzero = [r for r in rows if vectors[r].any()]
        by_hand = [d for d in sorted_by_hand(ids, langs, vectors, query, None) if vectors[ids.index(d)].any()]
        assert [ids[r] for r in nonzero] == by_hand[: len(nonzero)]


def test_zero_vectors_rank_last_even_below_negative_scores():
    vectors = np.array([[0, 0], [-1, 0], [1, 0]], dtype=np.float32)
    hits = ExactIndex(["a", "b", "c"], ["en"] * 3, vectors).search(np.array([[1, 0]], dtype=np.float32), 3)
    assert list(hits.rows[0]) == [2, 1, 0]


def test_unknown_language_is_an_empty_pool_and_wrong_dimension_an_error():
    index = ExactIndex(["a"], ["en"], np.ones((1, 2), dtype=np.float32))
    assert index.search(np.ones((1, 2), dtype=np.float32), 3, "xx").rows.shape == (1, 0)
    with pytest.raises(ValueError, match="queries have 3 dimensions, the index has 2"):
        index.search(np.ones((1, 3), dtype=np.float32), 1)


def test_only_the_query_whose_cut_may_hide_a_tie_is_searched_wider(monkeypatch):
    monkeypatch.setattr(exact, "MARGIN", 1)
    rng = np.random.default_rng(4)
    ids, langs, vectors = [f"d{i}" for i in range(400)], ["de"] * 400, unit(rng, 400)
    vectors[100:140] = vectors[100]  # forty equal documents: a query beside them cannot be cut at 5 + 1
    queries = unit(rng, 30)
    queries[7] = vectors[100]
    asked = []
    candidates = ExactIndex._candidates
    monkeypatch.setattr(
        ExactIndex,
        "_candidates",
        lambda self, q, k, lang: asked.append(len(q)) or candidates(self, q, k, lang),
    )
    hits = ExactIndex(ids, langs, vectors).search(queries, 5)
    assert asked == [30, 1, 1, 1]  # 6, 12, 24, 48 candidates
    for query, rows in zip(queries, hits.rows, strict=True):
        assert [ids[r] for r in rows] == sorted_by_hand(ids, langs, vectors, query, None)[:5]
    assert hits.boundary_ties[7] == 35


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-7, 4e-7, 1e-6, 6e-6]))
def test_near_ties_are_ranked_by_their_float64_scores(seed, step):
    """Scores that float32 cannot tell apart, around the cut and around counted ranks."""
    rng = np.random.default_rng(seed)
    ids, langs = [f"d{i}" for i in rng.permutation(300)], ["de"] * 300
    query = unit(rng, 1, 16)
    beside = unit(rng, 300, 16)
    vectors = query + (rng.integers(0, 40, size=(300, 1)) * step) * beside
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = ExactIndex(ids, langs, vectors)
    by_hand = sorted_by_hand(ids, langs, vectors, query[0], None)
    assert [ids[r] for r in index._search_faiss(query, 7, None).rows[0]] == by_hand[:7]
    wanted = np.arange(0, 300, 50)
    assert index.full_ranks(query, [wanted])[0].tolist() == [by_hand.index(ids[r]) + 1 for r in wanted]


def test_languages_searched_after_all_documents_cost_no_pass_of_their_own(monkeypatch):
    monkeypatch.setattr(exact, "MARGIN", 2)
    rng = np.random.default_rng(5)
    ids, langs, vectors = corpus(rng, 900)
    queries = unit(rng, 12)
    index, passes = ExactIndex(ids, langs, vectors), []
    nearest = ExactIndex._nearest
    monkeypatch.setattr(
        ExactIndex, "_nearest", lambda self, q, k, lang: passes.append(lang) or nearest(self, q, k, lang)
    )
    by_pool = {lang: index.search(queries[:8] if lang else queries, 6, lang) for lang in (None, "tr", "de")}
    first = len([lang for lang in passes if lang])
    assert set(passes[:3]) == {"de", "en", "tr"} and first >= 3
    for lang, hits in by_pool.items():
        for query, rows in zip(queries, hits.rows, strict=False):
            assert [ids[r] for r in rows] == sorted_by_hand(ids, langs, vectors, query, lang)[:6]
    passes.clear()
    fresh = ExactIndex(ids, langs, vectors[rng.permutation(900)])
    fresh.search(queries, 6)
    n_all = len(passes)
    fresh.search(queries[3:9], 6, "en")
    assert len(passes) == n_all  # random vectors: nothing had to be widened
