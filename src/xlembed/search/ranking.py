"""From a searcher to the ranks of every unit's documents, in every mode and pool."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xlembed.data.task import Task
from xlembed.search.base import Rows
from xlembed.search.mixed import MixedRankings
from xlembed.search.searcher import Searcher
from xlembed.search.units import Unit, build_units, mode_of
from xlembed.stages import Stage, unmeasured
from xlembed.words import Lang, Mode, OtherVersions, Pool

QUERY_CHUNK = 2048
"""Queries whose rankings are held at a time."""


@dataclass(frozen=True, slots=True)
class RankedUnit:
    """One unit in one pool, after the ignored documents were taken out of the ranking.

    Attributes:
        unit: query, relevant and ignored documents.
        pool: the documents searched.
        n_retrieved: documents left in the ranking, at most `depth`.
        ranks: rank from 1 of each relevant document, 0 if not retrieved. Exact search also knows
            ranks beyond `depth`.
        first_lang: language of the first document left; None if there is none.
        first_correct: whether that document is relevant.
        wrong_share: share of the query's language among all wrong documents of the pool; NaN if there are none.
    """

    unit: Unit
    pool: Pool
    n_retrieved: int
    ranks: tuple[int, ...]
    first_lang: Lang | None
    first_correct: bool
    wrong_share: float


@dataclass
class Rankings:
    """What one pass over all searches yields.

    Attributes:
        units: every unit in every pool asked for.
        top: raw pool = all ranking of each query (nothing removed), rows of documents, shape
            (n_queries, width), -1 where nothing was retrieved.
        boundary_ties: number of searches whose cut fell between equal scores.
    """

    units: list[RankedUnit] = field(default_factory=list)
    top: Rows = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    boundary_ties: int = 0


def rank_units(
    task: Task,
    searcher: Searcher,
    *,
    depth: int = 1000,
    modes: Collection[Mode] = tuple(Mode),
    other_versions: OtherVersions = OtherVersions.IGNORE,
    keep_top: int = 100,
    mixed: MixedRankings | None = None,
    progress: Callable[[int], None] | None = None,
    stage: Stage = unmeasured,
) -> Rankings:
    """Search every pool that the modes need and rank every unit in it.

    Args:
        task: what is searched; the searcher's rows are those of `task.documents` and `task.queries`.
        searcher: by vectors, by words, or both.
        depth: documents of a ranking that are scored, after the removal of ignored ones.
        modes: which modes to evaluate.
        other_versions: what other languages' relevant documents count as.
        keep_top: width of `Rankings.top`.
        mixed: takes what it needs of the rankings of all documents.
        progress: called with the number of searches just finished.
        stage: entered as `search` and as `ranks`.
    """
    if searcher.n_queries != len(task.queries):
        raise ValueError(f"the searcher knows {searcher.n_queries} queries, the task has {len(task.queries)}")
    units = build_units(task, other_versions)
    corpus = _Corpus(task)
    result = Rankings(
        top=np.full((len(task.queries), min(keep_top, len(task.documents))), -1, dtype=np.int64)
    )
    searches = list(_searches(task, units, modes))
    # All searches of some queries before the next queries: an index may use one search for the next.
    for start in range(0, len(task.queries), QUERY_CHUNK):
        chunk = list(range(start, min(start + QUERY_CHUNK, len(task.queries))))
        for search in searches:
            # The raw ranking of a query is wanted even when it has no unit.
            queries = chunk if search.pool is Pool.ALL else [q for q in chunk if q in search.by_query]
            if not queries:
                continue
            with stage("search"):
                hits = searcher.search(queries, depth + search.extra, search.lang)
            result.boundary_ties += int((hits.boundary_ties > 0).sum())
            if search.pool is Pool.ALL:
                width = min(result.top.shape[1], hits.rows.shape[1])
                result.top[chunk, :width] = hits.rows[:, :width]
                if mixed is not None:
                    mixed.add(chunk, hits.rows)
            with stage("ranks"):
                wanted = [_judged(search.by_query.get(q, ()), search.lang, corpus) for q in queries]
                ranks = _ranks(searcher, queries, hits.rows, wanted, search.lang)
                for i, query in enumerate(queries):
                    for unit in search.by_query.get(query, ()):
                        found = _rank_unit(unit, search.pool, hits.rows[i], ranks[i], depth, corpus)
                        search.ranked.append(found)
            if progress:
                progress(len(queries))
    result.units += [unit for search in searches for unit in search.ranked]
    return result


def count_searches(
    task: Task, modes: Collection[Mode] = tuple(Mode), other_versions: OtherVersions = OtherVersions.IGNORE
) -> int:
    """How many searches `rank_units` will do: the total of its progress."""
    return sum(
        len(task.queries if search.pool is Pool.ALL else search.by_query)
        for search in _searches(task, build_units(task, other_versions), modes)
    )


def _searches(task: Task, units: Sequence[Unit], modes: Collection[Mode]) -> Iterator[_Search]:
    def wanted(unit: Unit, pool: Pool) -> bool:
        return mode_of(task.queries[unit.query].lang, unit.doc_lang, pool) in modes

    if set(modes) - {Mode.MONOLINGUAL}:
        yield _Search(Pool.ALL, None, [u for u in units if wanted(u, Pool.ALL)])
    for lang in task.languages:
        chosen = [u for u in units if u.doc_lang == lang and wanted(u, Pool.TARGET)]
        if chosen:
            yield _Search(Pool.TARGET, lang, chosen)


class _Search:
    """A pass over the index: what it wants, by query, and what it found."""

    def __init__(self, pool: Pool, lang: Lang | None, chosen: Sequence[Unit]) -> None:
        self.pool, self.lang = pool, lang
        self.extra = max((len(unit.ignored) for unit in chosen), default=0)
        self.by_query: dict[int, list[Unit]] = {}
        for unit in chosen:
            self.by_query.setdefault(unit.query, []).append(unit)
        self.ranked: list[RankedUnit] = []


class _Corpus:
    """Languages of documents and queries, and how many documents each language has."""

    def __init__(self, task: Task) -> None:
        self.doc_langs = [d.lang for d in task.documents]
        self.query_langs = [q.lang for q in task.queries]
        self.counts = {lang: self.doc_langs.count(lang) for lang in set(self.doc_langs)}

    def wrong_share(self, unit: Unit, pool: Pool) -> float:
        """Share of the query's language among the documents that are neither relevant nor ignored."""
        lang = self.query_langs[unit.query]
        if pool is Pool.TARGET:
            return float("nan")  # one language only: nothing to be biased towards
        right = [self.doc_langs[row] for row in (*unit.relevant, *unit.ignored)]
        wrong = len(self.doc_langs) - len(right)
        return (self.counts.get(lang, 0) - right.count(lang)) / wrong if wrong else float("nan")


def _judged(units: Sequence[Unit], lang: Lang | None, corpus: _Corpus) -> Rows:
    rows = {row for u in units for row in (*u.relevant, *u.ignored)}
    if lang is not None:
        rows = {row for row in rows if corpus.doc_langs[row] == lang}
    return np.array(sorted(rows), dtype=np.int64)


def _ranks(
    searcher: Searcher, queries: Sequence[int], rows: Rows, wanted: Sequence[Rows], lang: Lang | None
) -> list[dict[int, int]]:
    """Rank from 1 of each wanted document per query.

    Those not retrieved are absent, and those below the depth too unless the full ranking is known.
    """
    found: list[dict[int, int]] = []
    for ranking, judged in zip(rows, wanted, strict=True):
        which, place = np.nonzero(judged[:, None] == ranking[None, :])
        found.append({int(judged[w]): int(p) + 1 for w, p in zip(which, place, strict=True)})
    if searcher.exact:
        lacking = [
            np.array([r for r in judged if r not in f], dtype=np.int64)
            for judged, f in zip(wanted, found, strict=True)
        ]
        # Where fewer were retrieved than asked for, there is nothing below.
        some = [i for i, missing in enumerate(lacking) if len(missing) and (rows[i] >= 0).all()]
        if some:
            counted = searcher.full_ranks([queries[i] for i in some], [lacking[i] for i in some], lang)
            for i, ranks in zip(some, counted, strict=True):
                known = ranks > 0
                found[i].update(zip(map(int, lacking[i][known]), map(int, ranks[known]), strict=True))
    return found


def _rank_unit(
    unit: Unit, pool: Pool, ranking: Rows, ranks: dict[int, int], depth: int, corpus: _Corpus
) -> RankedUnit:
    """Take the ignored documents out and renumber."""
    removed = sorted(ranks[row] for row in unit.ignored if row in ranks)
    retrieved = int((ranking >= 0).sum())
    left = retrieved - sum(r <= retrieved for r in removed)
    first = next((int(r) for r in ranking[: len(removed) + 1] if r >= 0 and r not in unit.ignored), None)
    return RankedUnit(
        unit=unit,
        pool=pool,
        n_retrieved=min(depth, left),
        ranks=tuple(
            ranks[r] - int(np.searchsorted(removed, ranks[r])) if r in ranks else 0 for r in unit.relevant
        ),
        first_lang=None if first is None else corpus.doc_langs[first],
        first_correct=first in unit.relevant,
        wrong_share=corpus.wrong_share(unit, pool),
    )


def language_shares(task: Task, top: Rows, k: int) -> NDArray[np.float64]:
    """Share of each language (columns: `task.languages`) among the first k documents of each query's raw ranking.

    A query that retrieved nothing has a row of NaN, to be counted apart.
    """
    langs = np.array([task.languages.index(d.lang) for d in task.documents], dtype=np.int64)
    cut = top[:, :k]
    found = cut >= 0
    shares = np.stack(
        [((langs[np.maximum(cut, 0)] == i) & found).sum(axis=1) for i in range(len(task.languages))], axis=1
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(shares / found.sum(axis=1, keepdims=True), dtype=np.float64)
