"""Rankings that another system made, in the place of a search."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from xlembed.data.task import Task
from xlembed.search.base import AsRetrieved, Hits, Rows
from xlembed.search.run import Run
from xlembed.words import Lang

ENGINE = "imported"
"""Instead of the name of a search engine of ours."""
ALL = "all"
"""Name of the pool of all languages, where files and tables name pools."""


class ImportedSearcher(AsRetrieved):
    """Answers what the rankings say; a language without rankings of its own is filtered out of those of all.

    Args:
        task: whose documents and queries are meant.
        pools: `ALL` or a language -> rankings in this pool, by the ids of queries and documents.
        cut: pools and ids of queries whose rankings may go on below what is known.
    """

    def __init__(self, task: Task, pools: Mapping[str, Run], cut: Collection[tuple[str, str]]) -> None:
        row_of = {d.doc_id: row for row, d in enumerate(task.documents)}
        self.n_queries = len(task.queries)
        self._langs = np.array([d.lang for d in task.documents], dtype=object)
        self._rankings = {
            pool: [
                np.array([row_of[d] for d in run.get(q.query_id, ())], dtype=np.int64) for q in task.queries
            ]
            for pool, run in pools.items()
        }
        self.pools = frozenset(pools)
        self._cut = {
            (pool, i) for i, q in enumerate(task.queries) for pool in pools if (pool, q.query_id) in cut
        }

    def ranking(self, query: int, lang: Lang | None) -> Rows:
        """Rows of documents in one pool, best first."""
        if lang in self._rankings or lang is None:
            return self._rankings[lang or ALL][query]
        rows = self._rankings[ALL][query]
        return np.asarray(rows[self._langs[rows] == lang], dtype=np.int64)

    def is_whole(self, query: int, lang: Lang | None) -> bool:
        """Whether nothing is below a ranking: it has all documents, or was not cut."""
        pool = lang if lang in self._rankings and lang is not None else ALL
        size = len(self._langs) if pool == ALL else int((self._langs == pool).sum())
        return len(self._rankings[pool][query]) == size or (pool, query) not in self._cut

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`; a document's score is its rank, negative."""
        rankings = [self.ranking(query, lang)[:k] for query in queries]
        width = max(map(len, rankings), default=0)
        rows = np.full((len(rankings), width), -1, dtype=np.int64)
        for row, ranking in zip(rows, rankings, strict=True):
            row[: len(ranking)] = ranking
        scores = np.where(rows >= 0, -np.arange(1.0, width + 1), -np.inf)
        return Hits(rows, scores, np.zeros(len(rankings), dtype=np.int64))
