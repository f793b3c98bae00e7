"""What one ranking of all documents says of each query: which right documents, in which language, and in what order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from xlembed.data.task import Task
from xlembed.search.base import Rows
from xlembed.search.units import own_copies

NOTHING = -1
"""In place of a document or a group where a ranking has ended."""


class MixedRankings:
    """Rankings with pool = all of which nothing is taken out but the query's own copies, cut at the depth.

    `add` takes them a part at a time, so that no more is held than what is asked of them.

    Attributes:
        first: row of the first document of each query, `NOTHING` if it retrieved none.
        groups: numbers of the first `k` groups of each query, shape (n_queries, k), filled up with `NOTHING`.
        ranks: of each query the ranks from 1 of its right documents (`right`), 0 where one was not retrieved.
        right: rows of the documents with grade >= 1 of each query.
        depth: documents of a ranking that count.
        k: groups that are kept of each.
    """

    def __init__(self, task: Task, depth: int, k: int) -> None:
        row_of = {d.doc_id: i for i, d in enumerate(task.documents)}
        n = len(task.queries)
        self.depth, self.k = depth, k
        self.right: list[Rows] = [
            np.array(sorted(row_of[d] for d, g in task.qrels.get(q.query_id, {}).items() if g >= 1), np.int64)
            for q in task.queries
        ]
        self.first = np.full(n, NOTHING, dtype=np.int64)
        self.groups = np.full((n, k), NOTHING, dtype=np.int64)
        self.ranks: list[Rows] = [np.zeros(len(rows), dtype=np.int64) for rows in self.right]
        self._copies = own_copies(task)
        self._group_of = document_groups(task)
        self._enough = k * int(np.bincount(self._group_of).max(initial=0))

    def add(self, queries: Sequence[int], rankings: Rows) -> None:
        """Take what is asked of the rankings of some queries (their rows).

        `rankings` are rows of documents, best first, shape (n_queries, width); `NOTHING` where a ranking has ended.
        """
        kept = rankings.copy() if self._copies else rankings
        for i, query in enumerate(queries):
            if query in self._copies:
                left = rankings[i][~np.isin(rankings[i], self._copies[query])]
                kept[i] = NOTHING
                kept[i, : len(left)] = left
        kept = kept[:, : self.depth]
        self.first[queries] = kept[:, 0]
        found = kept[:, : self._enough]
        self.groups[queries] = first_distinct(np.where(found >= 0, self._group_of[found], NOTHING), self.k)
        for query, ranking in zip(queries, kept, strict=True):
            which, place = np.nonzero(self.right[query][:, None] == ranking[None, :])
            self.ranks[query][which] = place + 1


def document_groups(task: Task) -> Rows:
    """Number of the group of each document: translations of one document are one item of a ranking.

    They share `group`; documents without one share the needs that they are right for; others are alone.
    """
    needs: dict[str, list[str]] = defaultdict(list)
    for need, grades in task.needs.items():
        for doc_id, grade in grades.items():
            if grade >= 1:
                needs[doc_id].append(need)
    numbers: dict[Hashable, int] = {}
    keys: list[Hashable] = [
        ("group", d.group) if d.group else ("needs", *needs[d.doc_id]) if d.doc_id in needs else (d.doc_id,)
        for d in task.documents
    ]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def first_distinct(rows: Rows, k: int) -> Rows:
    """The first `k` different numbers of each row in their order, filled up with `NOTHING`.

    >>> first_distinct(np.array([[7, 7, 3, 7, 5], [4, 4, -1, -1, -1]]), 2).tolist()
    [[7, 3], [4, -1]]
    """
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    fresh = np.ones(rows.shape, dtype=bool)
    fresh[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    is_first = np.zeros(rows.shape, dtype=bool)
    np.put_along_axis(is_first, order, fresh & (ordered != NOTHING), axis=1)
    place = is_first.cumsum(axis=1) - 1
    result = np.full((len(rows), k), NOTHING, dtype=np.int64)
    row, column = np.nonzero(is_first & (place < k))
    result[row, place[row, column]] = rows[row, column]
    return result
