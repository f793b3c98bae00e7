"""Fused ranks counted by hand: a document scores the sum of 1 / (60 + rank)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from xlembed.search.base import Hits, Rows, id_places
from xlembed.search.fusion import FusedSearcher, Fusion, fuse_ranks, fuse_scores, one_after_another
from xlembed.search.ranking import rank_units
from xlembed.words import Lang, OtherVersions

PLACES = np.arange(5)


def ranking(*rows: Sequence[int]) -> Hits:
    """One row per query, -1 filled up."""
    width = max(map(len, rows))
    table = np.array([[*row, *[-1] * (width - len(row))] for row in rows], dtype=np.int64)
    return Hits(table, np.where(table < 0, -np.inf, 1.0), np.zeros(len(rows), dtype=np.int64))


class Listed:
    """Retrieves what it is told; what is not listed shares no word with the query."""

    exact = True

    def __init__(self, lists: Sequence[Sequence[int]], langs: Sequence[Lang]) -> None:
        self._lists, self._langs = lists, langs
        self.n_queries = len(lists)
        self.asked: list[int] = []

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        self.asked.append(k)
        found = [[r for r in self._lists[q] if lang in (None, self._langs[r])] for q in queries]
        hits = ranking(*found)
        pool = sum(lang in (None, other) for other in self._langs)
        width = min(k, pool)
        rows = np.full((len(queries), width), -1, dtype=np.int64)
        rows[:, : hits.rows.shape[1]] = hits.rows[:, :width]
        return Hits(rows, np.where(rows < 0, -np.inf, 1.0), hits.boundary_ties)

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        raise AssertionError("a list that ends early is whole: nobody needs to ask")


def test_sums_by_hand():
    fused = fuse_ranks([ranking([0, 1, 2, 3]), ranking([2, 0])], PLACES, k=5)
    assert fused.rows.tolist() == [[0, 2, 1, 3, -1]]
    expected = [1 / 61 + 1 / 62, 1 / 63 + 1 / 61, 1 / 62, 1 / 64, -np.inf]
    np.testing.assert_allclose(fused.scores[0], expected, atol=1e-12)
    assert fused.boundary_ties.tolist() == [0]


def test_equal_sums_go_by_id_and_those_left_out_are_counted():
    mirrored = [ranking([3, 1, 0]), ranking([1, 3, 4])]  # 1 and 3 tie, 0 and 4 tie
    assert fuse_ranks(mirrored, PLACES, k=4).rows.tolist() == [[1, 3, 0, 4]]
    assert fuse_ranks(mirrored, PLACES[::-1], k=4).rows.tolist() == [[3, 1, 4, 0]]
    cut = fuse_ranks(mirrored, PLACES, k=3)
    assert cut.rows.tolist() == [[1, 3, 0]] and cut.boundary_ties.tolist() == [1]


def test_the_order_of_rankings_does_not_matter():
    three = [ranking([0, 1, 2, 3, 4]), ranking([4, 2, 0]), ranking([3, 4, 1])]
    found = [fuse_ranks(list(order), PLACES, k=5) for order in itertools.permutations(three)]
    assert all((f.rows == found[0].rows).all() and (f.scores == found[0].scores).all() for f in found)


def test_nothing_retrieved_by_one_or_by_both():
    fused = fuse_ranks([ranking([1, 0], [], [2]), ranking([], [], [2])], PLACES, k=2)
    assert fused.rows.tolist() == [[1, 0], [-1, -1], [2, -1]]
    assert fused.scores[1].tolist() == [-np.inf, -np.inf] and fused.boundary_ties.tolist() == [0, 0, 0]


@pytest.fixture
def words(tiny_task) -> Listed:
    #       q1-de: d3 d1 d2, q1-en: none, q2-de: d4, q2-en: d4 d5, q3-en: none
    return Listed([[2, 0, 1], [], [3], [3, 4], []], [d.lang for d in tiny_task.documents])


def fused(searcher, words, task) -> FusedSearcher:
    return FusedSearcher(
        one_after_another([searcher, words]), [d.doc_id for d in task.documents], len(task.queries)
    )


def ranks(rankings) -> dict:
    names = ["q1-de", "q1-en", "q2-de", "q2-en", "q3-en"]
    return {(names[r.unit.query], r.unit.doc_lang, str(r.pool)): r.ranks for r in rankings.units}


def test_ignored_documents_are_removed_after_the_fusion(tiny_task, tiny_search, words):
    found = ranks(rank_units(tiny_task, fused(tiny_search, words, tiny_task)))
    # Vectors d1 d2 d3 d4 d5, words d3 d1 d2; fused d1 d3 d2. Without d1 from the start d2 and d3 would tie, d2 first.
    assert found["q1-de", "en", "all"] == (2,)
    assert found["q1-de", "de", "all"] == (1,)
    assert found["q1-de", "en", "target"] == (1,)  # d2 d4 and d2
    # Vectors alone: d3 d4 d2 d1 d5.
    assert found["q1-en", "en", "all"] == (3,)
    # Vectors d1 d3 d4 (a tie, by id) d2 d5, words d4: 1/63 + 1/61 is most.
    assert found["q2-de", "en", "all"] == (1,)


def test_words_alone_leave_what_they_do_not_share_without_a_rank(tiny_task, words):
    rankings = rank_units(tiny_task, words)
    found = ranks(rankings)
    assert found["q1-en", "en", "all"] == (0,) and found["q1-en", "de", "target"] == (0,)
    assert found["q1-de", "en", "all"] == (2,)  # d3 d1 d2 without d1
    assert rankings.top[1].tolist() == [-1] * 5 and rankings.top[3].tolist() == [3, 4, -1, -1, -1]
    unit = next(u for u in rankings.units if u.unit.query == 1)
    assert (unit.n_retrieved, unit.first_lang, unit.first_correct) == (0, None, False)


def test_more_is_fused_than_is_wanted(tiny_task, tiny_search, words):
    searcher = fused(tiny_search, words, tiny_task)
    assert searcher.search([0], 1).rows.tolist() == [[0]] and words.asked == [100]
    assert searcher.search([0, 1], 2, "en").rows.tolist() == [[1, 3], [3, 1]]
    with pytest.raises(NotImplementedError):
        searcher.full_ranks([0], [np.array([1])])
    relevant = rank_units(tiny_task, searcher, other_versions=OtherVersions.RELEVANT)
    assert ranks(relevant)["q1-de", "*", "all"] == (1, 3)


def test_places():
    assert id_places([]).tolist() == [] and id_places(["d10", "d9", "d1"]).tolist() == [1, 2, 0]


def scored(rows: Sequence[int], scores: Sequence[float]) -> Hits:
    """One query."""
    return Hits(
        np.array([rows], dtype=np.int64), np.array([scores], dtype=np.float64), np.zeros(1, dtype=np.int64)
    )


def test_scores_normalised_and_added_up_by_hand():
    # By vector 1 is best, 2 in the middle, 3 lowest; by word 2 is best, then 0, then 3.
    dense, words = scored([1, 2, 3], [0.9, 0.8, 0.5]), scored([2, 0, 3], [8.0, 5.0, 4.0])
    fused = fuse_scores([dense, words], [0.7, 0.3], PLACES, k=5)
    assert fused.rows.tolist() == [[2, 1, 0, 3, -1]]
    expected = [0.7 * 0.75 + 0.3, 0.7, 0.3 * 0.25, 0.0, -np.inf]
    np.testing.assert_allclose(fused.scores[0], expected, atol=1e-12)
    turned = fuse_scores([dense, words], [0.4, 0.6], PLACES, k=2)
    np.testing.assert_allclose(turned.scores[0], [0.4 * 0.75 + 0.6, 0.4], atol=1e-12)


def test_one_document_or_equal_scores_count_one():
    one = fuse_scores([scored([1, 0], [0.4, 0.2]), scored([3, -1], [2.5, -np.inf])], [0.6, 0.4], PLACES, k=3)
    assert one.rows.tolist() == [[1, 3, 0]] and one.scores[0].round(6).tolist() == [0.6, 0.4, 0.0]
    tied = fuse_scores(
        [scored([4, 2], [0.0, 0.0]), scored([-1, -1], [-np.inf, -np.inf])], [0.5, 0.5], PLACES, k=2
    )
    assert tied.rows.tolist() == [[2, 4]] and tied.scores.tolist() == [[0.5, 0.5]]


def test_a_document_without_a_direction_does_not_stretch_the_scale():
    fused = fuse_scores(
        [scored([0, 1, 2], [0.9, 0.7, -2.0]), scored([2, -1, -1], [3.0, -np.inf, -np.inf])],
        [0.7, 0.3],
        PLACES,
        k=3,
    )
    assert fused.rows.tolist() == [[0, 2, 1]] and fused.scores[0].round(6).tolist() == [0.7, 0.3, 0.0]


def test_weighted_search_does_not_depend_on_how_many_are_wanted(tiny_task, tiny_search, words):
    searcher = FusedSearcher(
        one_after_another([tiny_search, words]),
        [d.doc_id for d in tiny_task.documents],
        len(tiny_task.queries),
        Fusion(0.7),
    )
    few, many = searcher.search([0, 1], 1), searcher.search([0, 1], 5)
    assert (few.rows[:, 0] == many.rows[:, 0]).all() and (few.scores[:, 0] == many.scores[:, 0]).all()
    assert words.asked == [1000, 1000] and not searcher.exact
    assert Fusion(0.7).ingredient != Fusion(0.6).ingredient != Fusion().ingredient
    assert Fusion(0.7).description == {"method": "min-max", "weights": [0.7, 0.3]}
