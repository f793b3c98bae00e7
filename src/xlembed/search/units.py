"""Units: a query together with the relevant documents of its need in one language."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from xlembed.data.task import Task
from xlembed.words import Lang, Mode, OtherVersions, Pool

ANY_LANGUAGE: Lang = "*"
"""Document language of a unit that accepts every language (other_versions = relevant)."""

KEY = ["query_id", "doc_lang", "pool"]
"""What identifies a row of units.parquet within one task and model."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What one query must find; documents are rows of `task.documents`.

    Attributes:
        query: row of `task.queries`.
        doc_lang: language of the relevant documents, or `ANY_LANGUAGE`.
        relevant: rows of the documents with grade >= 1.
        grades: their grades.
        ignored: rows taken out of a ranking before it is scored: right documents in other languages, and the query's
            own copy where the task leaves it out.
    """

    query: int
    doc_lang: Lang
    relevant: tuple[int, ...]
    grades: tuple[int, ...]
    ignored: tuple[int, ...]


def own_copies(task: Task) -> dict[int, list[int]]:
    """Row of a query -> rows of its own copies among the documents, where the task leaves them out."""
    if not task.leave_out_self:
        return {}
    row_of = {d.doc_id: i for i, d in enumerate(task.documents)}
    copies = task.self_documents
    return {
        row: [row_of[d] for d in copies[q.query_id]]
        for row, q in enumerate(task.queries)
        if q.query_id in copies
    }


def build_units(task: Task, other_versions: OtherVersions = OtherVersions.IGNORE) -> list[Unit]:
    """Units of every query, in the order of queries and languages; a query without relevant documents has none."""
    row_of = {d.doc_id: i for i, d in enumerate(task.documents)}
    copies = own_copies(task)
    units = []
    for query_row, query in enumerate(task.queries):
        judged = {
            row_of[doc_id]: grade
            for doc_id, grade in task.qrels.get(query.query_id, {}).items()
            if grade >= 1
        }
        by_lang: dict[Lang, list[int]] = defaultdict(list)
        for row in sorted(judged):
            relevant_anywhere = other_versions is OtherVersions.RELEVANT
            by_lang[ANY_LANGUAGE if relevant_anywhere else task.documents[row].lang].append(row)
        for lang in sorted(by_lang):
            relevant = tuple(by_lang[lang])
            ignore = other_versions is OtherVersions.IGNORE
            ignored = {*copies.get(query_row, ()), *(judged.keys() - set(relevant) if ignore else ())}
            grades = tuple(judged[r] for r in relevant)
            units.append(Unit(query_row, lang, relevant, grades, tuple(sorted(ignored))))
    return units


def mode_of(query_lang: Lang, doc_lang: Lang, pool: Pool) -> Mode:
    """The mode that a unit belongs to when it is searched in `pool`."""
    if doc_lang not in (query_lang, ANY_LANGUAGE):
        return Mode.TRUE_CROSS_LINGUAL
    return Mode.MONOLINGUAL if pool is Pool.TARGET else Mode.CROSS_LINGUAL
