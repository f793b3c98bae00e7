"""Rows -> Task: judgements united, duplicates merged, what cannot be scored left out and told."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

from xlembed.data.checks import first_of
from xlembed.data.duplicates import merge_identical
from xlembed.data.rows import Rows
from xlembed.data.sampling import sample_documents
from xlembed.data.task import Alignment, Merge, Query, Task
from xlembed.data.uniting import Qrels, keep_own, unite_needs
from xlembed.words import Lang, UserError, counted


def build_task(
    rows: Rows,
    *,
    keep_duplicates: bool = False,
    relevance: Literal["all", "own"] = "all",
    max_documents_per_language: int | None = None,
    seed: int = 0,
) -> Task:
    """The task that the rows describe.

    Its notes say what was left out or changed here and by the reader; warnings about the files stay in
    `rows.problems`.

    Raises:
        UserError: with all problems of the rows at once; or if no documents or no judged queries are left.
    """
    rows.settle()
    united = unite_needs(rows)
    qrels = keep_own(rows, united) if relevance == "own" else united
    rows.problems.raise_errors(rows.card.name)
    documents = tuple(rows.documents)
    merges: tuple[Merge, ...] = ()
    notes = [*rows.card.notes, *rows.excluded]
    queries = rows.queries
    judged = {doc_id for docs in united.values() for doc_id in docs}
    if not keep_duplicates:
        merged = merge_identical(documents, qrels)
        kept_for = {merge.doc_id: merge.kept for merge in merged.merges}
        documents, qrels, merges = merged.documents, merged.qrels, merged.merges
        queries = [
            dataclasses.replace(q, doc_id=kept_for[q.doc_id]) if q.doc_id in kept_for else q for q in queries
        ]
        judged = {kept_for.get(doc_id, doc_id) for doc_id in judged}
        notes += merged.notes
    told: Sequence[str] = ()
    if rows.card.unjudged:
        _refuse_judgements(rows, united)
    else:
        queries, told = _scorable(queries, qrels)
        notes += told
    if not documents:
        raise UserError(
            f"{rows.card.name}: there are no documents; rows of queries with their passages (MIRACL) are read by "
            "`xlembed import miracl`"
        )
    if not rows.queries and not rows.card.unjudged:
        raise UserError(
            f"{rows.card.name}: there are no queries: import their file too, or say what a query is called with "
            "--columns query=... (topics with TREC judgements, as MIRACL has them, are for `xlembed import trec`)"
        )
    if not queries and not rows.card.unjudged:
        raise UserError(
            "\n  ".join(
                [f"{rows.card.name}: no query has a relevant document (grade 1 or more) in the qrels", *told]
            )
        )
    if max_documents_per_language is not None:
        documents, told = sample_documents(documents, judged, max_documents_per_language, seed)
        notes += told
        present = {d.doc_id for d in documents}
        merges = tuple(merge for merge in merges if merge.kept in present)
    said = {**vars(rows.card), "languages": rows.languages}
    kept = {q.query_id: qrels[q.query_id] for q in queries}
    task = Task(**said, documents=documents, queries=tuple(queries), qrels=kept, merged=merges)
    return dataclasses.replace(task, notes=tuple(dict.fromkeys([*notes, *_gaps(task)])))


def _refuse_judgements(rows: Rows, qrels: Qrels) -> None:
    if judged := [query_id for query_id, docs in qrels.items() if docs]:
        subject = counted(len(judged), "query has", "queries have")
        raise UserError(
            f"{rows.card.name}: called unjudged, but {subject} judgements ({first_of(judged)}): leave out --unjudged, "
            "or `unjudged` in task.yaml"
        )


def _scorable(queries: list[Query], qrels: Qrels) -> tuple[list[Query], tuple[str, ...]]:
    """Queries with a relevant document, and notes on the others."""
    unjudged = [q.query_id for q in queries if not qrels[q.query_id]]
    hopeless = [q.query_id for q in queries if qrels[q.query_id] and max(qrels[q.query_id].values()) < 1]
    notes = []
    if unjudged:
        notes.append(
            f"{counted(len(unjudged), 'query', 'queries')} without judgements left out: {first_of(unjudged)}"
        )
    if hopeless:
        subject = counted(len(hopeless), "query", "queries")
        notes.append(
            f"{subject} without a relevant document (all grades below 1) left out: {first_of(hopeless)}"
        )
    left_out = {*unjudged, *hopeless}
    return [q for q in queries if q.query_id not in left_out], tuple(notes)


def _gaps(task: Task) -> list[str]:
    """What a reader of the task card would not expect."""
    notes = []
    spoken: Counter[Lang] = Counter(d.lang for d in task.documents)
    asked: Counter[Lang] = Counter(q.lang for q in task.queries)
    for lang in task.languages:
        missing = [
            noun
            for noun, counts in (
                ("documents", spoken),
                (f"{'' if task.unjudged else 'judged '}queries", asked),
            )
            if not counts[lang] and (task.queries or counts is spoken)
        ]
        if missing:
            notes.append(f"{lang}: no {' and no '.join(missing)}")
    answers: dict[tuple[Lang, str], set[frozenset[str]]] = defaultdict(set)
    for query in task.queries:
        relevant = frozenset(d for d, grade in task.qrels[query.query_id].items() if grade >= 1)
        answers[query.lang, query.text].add(relevant)
    if ambiguous := sum(len(sets) > 1 for sets in answers.values()):
        subject = counted(ambiguous, "query text is", "query texts are")
        notes.append(
            f"{subject} asked more than once with different relevant documents: no model can tell which"
        )
    if task.alignment is Alignment.PARALLEL and not task.unjudged:
        lang_of = {d.doc_id: d.lang for d in task.documents}
        partial = [
            need
            for need, docs in task.needs.items()
            if {lang_of[d] for d, grade in docs.items() if grade >= 1} < set(task.languages)
        ]
        if partial:
            subject = counted(len(partial), "need has", "needs have")
            notes.append(
                f"called parallel, but {subject} no relevant document in some language: {first_of(partial)}"
            )
    return notes
