"""Two stages counted by hand: the first documents of one ranking, in the order of another."""

from __future__ import annotations

import numpy as np
import pytest

from search.test_fusion import Listed
from xlembed.search.base import Rows, Scores
from xlembed.search.ranking import rank_units
from xlembed.search.reranking import RerankedSearcher, VectorPairs

IDS = ["d1", "d2", "d3", "d4", "d5"]


class Table:
    """Scores by document; remembers what it was asked."""

    def __init__(self, *scores: float) -> None:
        self._scores = np.array(scores)
        self.asked: list[list[int]] = []

    def score(self, query: int, rows: Rows) -> Scores:
        self.asked.append(rows.tolist())
        return self._scores[rows]


def test_the_first_ones_are_turned_and_the_rest_stays(tiny_search):
    slow = Table(1, 2, 3, 9, 9)
    hits = RerankedSearcher(tiny_search, slow, IDS, 3).search([0], 5)  # d1 d2 d3 | d4 d5
    assert hits.rows.tolist() == [[2, 1, 0, 3, 4]] and slow.asked == [[0, 1, 2]]
    assert hits.scores[0, :3].tolist() == [3, 2, 1] and (np.diff(hits.scores[0]) < 0).all()


def test_as_many_are_ranked_however_few_are_wanted(tiny_search):
    slow = Table(1, 2, 3, 9, 9)
    searcher = RerankedSearcher(tiny_search, slow, IDS, 3)
    assert searcher.search([0], 1).rows.tolist() == [[2]]
    assert searcher.search([0], 9).rows.tolist() == [[2, 1, 0, 3, 4]]


def test_equal_scores_go_by_id_and_the_ties_of_a_cut_are_counted(tiny_search):
    hits = RerankedSearcher(tiny_search, Table(7, 7, 7, 7, 7), IDS, 4).search([1], 2)  # d3 d4 d2 d1 | d5
    assert hits.rows.tolist() == [[0, 1]] and hits.boundary_ties.tolist() == [2]


def test_what_is_not_retrieved_is_not_ranked(tiny_task):
    words = Listed([[2, 0], [], [], [], []], [d.lang for d in tiny_task.documents])
    slow = Table(5, 4, 3, 2, 1)
    hits = RerankedSearcher(words, slow, IDS, 100).search([0, 1], 4)
    assert hits.rows.tolist() == [[0, 2, -1, -1], [-1] * 4] and slow.asked == [[2, 0]]
    assert hits.scores[1].tolist() == [-np.inf] * 4


def test_the_full_ranking_is_known_where_the_fast_one_is(tiny_task, tiny_search):
    searcher = RerankedSearcher(tiny_search, Table(1, 2, 3, 9, 9), IDS, 3)
    assert searcher.exact
    assert searcher.full_ranks([0, 1], [np.array([0, 3, 2]), np.array([0, 2])])[0].tolist() == [3, 4, 1]
    whole = rank_units(tiny_task, searcher, depth=1000)
    cut = rank_units(tiny_task, searcher, depth=1)  # below the depth ranks are counted, and are the same
    assert [u.ranks for u in whole.units] == [u.ranks for u in cut.units]


def test_cosines():
    pairs = VectorPairs(np.eye(2, dtype=np.float32), np.array([[0.6, 0.8], [0, 0], [1, 0]], dtype=np.float32))
    assert pairs.score(0, np.array([2, 1, 0])).tolist() == pytest.approx([1.0, -2.0, 0.6])
