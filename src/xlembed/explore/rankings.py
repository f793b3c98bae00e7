"""Every unit's ranking by one model, searched again: its first documents, its right ones, and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation
from xlembed.search.base import Hits, Rows
from xlembed.search.ranking import RankedUnit, count_searches, rank_units
from xlembed.search.searcher import Searcher
from xlembed.search.units import build_units
from xlembed.words import Lang, Pool, UserError
from xlembed.workspace import Watch


class Key(NamedTuple):
    """What identifies a unit in a pool."""

    query_id: str
    doc_lang: Lang
    pool: str


class Hit(NamedTuple):
    """A document in a ranking.

    Attributes:
        row: of `task.documents`.
        rank: from 1, after the ignored documents were taken out; 0: not retrieved.
        score: None: below the depth of the evaluation.
    """

    row: int
    rank: int
    score: float | None


@dataclass(frozen=True, slots=True)
class UnitRanking:
    """One unit in one pool.

    Attributes:
        query: row of `task.queries`.
        top: the first documents.
        right: all right documents, the best first; those that were not retrieved last.
        right_if_alone: whether a right one is first when only documents of the unit's language are searched.
    """

    query: int
    top: tuple[Hit, ...]
    right: tuple[Hit, ...]
    right_if_alone: bool

    @property
    def rank(self) -> int:
        """Of the first right document; 0: not known or not retrieved."""
        return self.right[0].rank if self.right else 0

    @property
    def is_right(self) -> bool:
        """Whether the first document is right."""
        return self.rank == 1


def shared_documents(first: UnitRanking, second: UnitRanking) -> int:
    """How many of the documents that are shown two rankings share."""
    return len({hit.row for hit in first.top} & {hit.row for hit in second.top})


class _Recorder:
    """Passes searches on and keeps what is shown of their answers.

    Args:
        searcher: that is asked.
        width: documents kept of each answer.
        judged: row of a query -> rows of documents whose scores are kept.
    """

    def __init__(self, searcher: Searcher, width: int, judged: Mapping[int, Sequence[int]]) -> None:
        self._searcher, self._width, self._judged = searcher, width, judged
        self.exact, self.n_queries = searcher.exact, searcher.n_queries
        self.top: dict[tuple[int, Lang | None], list[tuple[int, float]]] = {}
        self.scores: dict[tuple[int, Lang | None], dict[int, float]] = {}

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`."""
        hits = self._searcher.search(queries, k, lang)
        for query, rows, scores in zip(queries, hits.rows, hits.scores, strict=True):
            found = [(int(r), float(s)) for r, s in zip(rows, scores, strict=True) if r >= 0]
            wanted = set(self._judged.get(query, ()))
            self.top[query, lang] = found[: self._width]
            self.scores[query, lang] = {row: score for row, score in found if row in wanted}
        return hits

    def search_each(self, queries: Sequence[int], k: int, langs: Sequence[Lang]) -> list[Hits]:
        """See `Search.search_each`."""
        return [self.search(queries, k, lang) for lang in langs]

    def full_ranks(
        self, queries: Sequence[int], rows: Sequence[Rows], lang: Lang | None = None
    ) -> list[Rows]:
        """See `Search.full_ranks`."""
        return self._searcher.full_ranks(queries, rows, lang)


def search_again(
    task: Task, searcher: Searcher, evaluation: Evaluation, shown: int, watch: Watch
) -> dict[Key, UnitRanking]:
    """The ranking of every unit that was evaluated.

    Args:
        task: that was evaluated.
        searcher: by which it was evaluated.
        evaluation: what was found then.
        shown: documents wanted of each ranking.
        watch: told of the searches.

    Raises:
        UserError: a right document has another rank now than it had then.
    """
    settings = evaluation.book.evaluate
    units = build_units(task, settings.other_versions)
    ignored = max((len(unit.ignored) for unit in units), default=0)
    judged: dict[int, list[int]] = {}
    for unit in units:
        judged.setdefault(unit.query, []).extend(unit.relevant)
    recorder = _Recorder(searcher, shown + ignored, judged)
    total, done = count_searches(task, other_versions=settings.other_versions), 0

    def count(n: int) -> None:
        nonlocal done
        done += n
        watch(f"search {evaluation.name}", done, total)

    found = rank_units(
        task, recorder, depth=settings.depth, other_versions=settings.other_versions, progress=count
    )
    ranked = dict(_read(found.units, task, recorder, shown))
    _check(ranked, evaluation)
    return ranked


def _read(
    ranked: Sequence[RankedUnit], task: Task, recorder: _Recorder, shown: int
) -> Iterator[tuple[Key, UnitRanking]]:
    alone = {(r.unit.query, r.unit.doc_lang): r.first_correct for r in ranked if r.pool is Pool.TARGET}
    for r in ranked:
        unit = r.unit
        asked = (unit.query, unit.doc_lang if r.pool is Pool.TARGET else None)
        ignored, scores = set(unit.ignored), recorder.scores[asked]
        top = [(row, score) for row, score in recorder.top[asked] if row not in ignored][:shown]
        right = [Hit(row, rank, scores.get(row)) for row, rank in zip(unit.relevant, r.ranks, strict=True)]
        yield (
            Key(task.queries[unit.query].query_id, unit.doc_lang, str(r.pool)),
            UnitRanking(
                unit.query,
                tuple(Hit(row, rank, score) for rank, (row, score) in enumerate(top, 1)),
                tuple(sorted(right, key=lambda hit: (hit.rank == 0, hit.rank, hit.row))),
                alone.get((unit.query, unit.doc_lang), False),
            ),
        )


def _check(ranked: Mapping[Key, UnitRanking], evaluation: Evaluation) -> None:
    """What is shown must be what was scored."""
    table = evaluation.units
    stored = table["rank_first_relevant"].fillna(0).astype(int)
    keys = map(Key, table["query_id"], table["doc_lang"], table["pool"])
    wrong = [
        key for key, rank in zip(keys, stored, strict=True) if key not in ranked or ranked[key].rank != rank
    ]
    if wrong:
        raise UserError(
            f"{evaluation.source}: {len(wrong):,} of {len(table):,} units are ranked otherwise now than when they were "
            f"evaluated (first: query {wrong[0].query_id}, answers in {wrong[0].doc_lang}, pool {wrong[0].pool}): "
            f"xlembed run -t {evaluation.book.task} -m {evaluation.name}"
        )
