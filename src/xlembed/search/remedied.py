"""Search with a remedy that changes no vector: by a query's translations too, or with the languages merged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from xlembed.data.task import Task
from xlembed.models.rescoring import Candidates, Rescored
from xlembed.models.spec import Variation
from xlembed.search.base import NO_DIRECTION, AsRetrieved, Hits, Rows, Scores, id_places, nothing_found, stack
from xlembed.search.searcher import Searcher
from xlembed.words import Lang, UserError

BATCH = 256
"""Queries whose candidates of all languages are in memory at a time."""


def check_remedies(task: Task, variation: Variation) -> None:
    """Refuse what cannot be done on a task, before any work.

    Raises:
        UserError: it has no translations of its queries, or too few languages for a quota.
    """
    if variation.translated and not any(len(rows) > 1 for rows in translations(task)):
        raise UserError(
            f"+translated: task {task.name} has no question in two languages (need_id joins translations)"
        )
    if (rescored := variation.rescored) and (
        problem := rescored.method.check(rescored.number, len({d.lang for d in task.documents}))
    ):
        raise UserError(f"+{rescored.name} on task {task.name}: {problem}")


def translations(task: Task) -> list[list[int]]:
    """Per query, the rows of all queries that ask for the same need, its own among them."""
    of_need: dict[str, list[int]] = defaultdict(list)
    for row, query in enumerate(task.queries):
        of_need[query.need_id].append(row)
    return [of_need[query.need_id] for query in task.queries]


def searches_per_query(task: Task, variation: Variation) -> int:
    """What a remedy costs where documents are searched: searches per query in all languages, 1 without any."""
    asked = max(map(len, translations(task))) if variation.translated else 1
    return asked * (len({d.lang for d in task.documents}) if variation.rescored else 1)


class TranslatedSearcher(AsRetrieved):
    """A query is searched together with its translations; a document has the best of its scores.

    `translations` has, per query, the rows of all that ask for the same; document ids break ties.
    """

    def __init__(
        self, searcher: Searcher, translations: Sequence[Sequence[int]], doc_ids: Sequence[str]
    ) -> None:
        self._searcher, self._translations = searcher, translations
        self._places = id_places(doc_ids)
        self.n_queries = searcher.n_queries

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`."""
        asked = sorted({row for query in queries for row in self._translations[query]})
        found = self._searcher.search(asked, k, lang)
        k = found.rows.shape[1]
        place = {row: i for i, row in enumerate(asked)}
        known: dict[tuple[int, ...], Hits] = {}  # translations of one question share their ranking
        parts = []
        for query in queries:
            rows = tuple(place[row] for row in self._translations[query])
            if rows not in known:
                known[rows] = self._best(found.rows[list(rows)].ravel(), found.scores[list(rows)].ravel(), k)
            parts.append(known[rows])
        return stack(parts) if parts else nothing_found(0)

    def _best(self, rows: Rows, scores: Scores, k: int) -> Hits:
        order = np.lexsort((self._places[rows], -scores))
        rows, scores = rows[order], scores[order]
        _, first = np.unique(rows[rows >= 0], return_index=True)
        kept = np.sort(first)  # what was not retrieved stands last
        return _cut(rows[kept][None], scores[kept][None], k)


class RescoredSearcher(AsRetrieved):
    """All languages searched as one filtered search each, their rankings merged; one language is searched as it is.

    `langs` are those of the documents, whose ids break ties.
    """

    def __init__(
        self, searcher: Searcher, rescored: Rescored, doc_ids: Sequence[str], langs: Sequence[Lang]
    ) -> None:
        self._searcher, self._rescored = searcher, rescored
        self._places = id_places(doc_ids)
        self._sizes = dict(sorted(Counter(langs).items()))
        self.n_queries = searcher.n_queries

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`."""
        if lang is not None:
            return self._searcher.search(queries, k, lang)
        parts = [self._merged(list(queries[i : i + BATCH]), k) for i in range(0, len(queries), BATCH)]
        return stack(parts) if parts else nothing_found(0)

    def _merged(self, queries: list[int], k: int) -> Hits:
        k = min(k, len(self._places))
        depth = self._rescored.method.fetch(k, self._rescored.number, list(self._sizes.values()))
        found = self._searcher.search_each(queries, depth, list(self._sizes))
        if depth < k and any((hits.rows < 0).any() for hits in found):  # others must fill the gap
            found = self._searcher.search_each(queries, k, list(self._sizes))
        return merge(found, self._rescored, self._places, k)


def merge(found: Sequence[Hits], rescored: Rescored, places: Rows, k: int) -> Hits:
    """The rankings of several languages (of the same queries, one per language) as one, with the scores that decided.

    A row is filled with -1 where fewer than k were retrieved; documents without a direction come last, below all
    others; `places` are those of the documents in the order of ids.
    """
    rows = np.concatenate([hits.rows for hits in found], axis=1)
    scores = np.concatenate([hits.scores for hits in found], axis=1)
    widths = [hits.rows.shape[1] for hits in found]
    place = np.where(rows < 0, len(places), places[rows])
    undirected = scores == NO_DIRECTION
    candidates = Candidates(
        np.where(undirected, -np.inf, scores),
        place,
        np.repeat(np.arange(len(found)), widths),
        np.concatenate([np.arange(1, width + 1) for width in widths]),
    )
    anew = np.where(
        np.isfinite(candidates.scores), rescored.method.rescore(candidates, rescored.number), -np.inf
    )
    lowest = np.where(np.isfinite(anew), anew, 0.0).min(axis=1, keepdims=True, initial=0.0)
    anew = np.where(undirected, lowest - 1.0, anew)
    order = np.lexsort((place, -anew), axis=1)
    return _cut(np.take_along_axis(rows, order, axis=1), np.take_along_axis(anew, order, axis=1), k)


def _cut(rows: Rows, scores: Scores, k: int) -> Hits:
    """The first k columns of sorted ones, filled up where there are fewer."""
    missing = max(0, k - rows.shape[1])
    kept = np.pad(rows[:, :k], ((0, 0), (0, missing)), constant_values=-1)
    best = np.pad(scores[:, :k], ((0, 0), (0, missing)), constant_values=-np.inf)
    last = best[:, -1:] if k else np.full((len(rows), 1), -np.inf)
    ties = ((scores[:, k:] == last) & np.isfinite(last)).sum(axis=1)
    return Hits(kept, best, ties)
