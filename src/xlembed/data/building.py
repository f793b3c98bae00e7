"""Rows -> Task: judgements united, duplicates merged, what cannot be scored left out and told."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from xlembed.data.checks import first_of
from xlembed.data.reading import Judged, Rows
from xlembed.data.sampling import sample_documents
from xlembed.data.task import Alignment, Document, Merge, Query, Task
from xlembed.words import Lang, UserError, counted

Qrels = dict[str, dict[str, int]]
"""Query id -> document id -> grade."""


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
    card, united = rows.card, unite_needs(rows)
    qrels = keep_own(rows, united) if relevance == "own" else united
    rows.problems.raise_errors(card.name)
    documents, queries = tuple(rows.documents), rows.queries
    merges: tuple[Merge, ...] = ()
    notes = [*card.notes, *rows.excluded]
    judged = {doc_id for docs in united.values() for doc_id in docs}
    if not keep_duplicates:
        merged = merge_identical(documents, qrels)
        kept_for = {merge.doc_id: merge.kept for merge in merged.merges}
        documents, qrels, merges = merged.documents, merged.qrels, merged.merges
        queries = [replace(q, doc_id=kept_for[q.doc_id]) if q.doc_id in kept_for else q for q in queries]
        judged = {kept_for.get(doc_id, doc_id) for doc_id in judged}
        notes += merged.notes
    told: Sequence[str] = ()
    if not card.unjudged:
        queries, told = _scorable(queries, qrels)
        notes += told
    elif wrong := [query_id for query_id, docs in united.items() if docs]:
        subject = counted(len(wrong), "query has", "queries have")
        raise UserError(
            f"{card.name}: called unjudged, but {subject} judgements ({first_of(wrong)}): leave out --unjudged, "
            "or `unjudged` in task.yaml"
        )
    if not documents:
        raise UserError(
            f"{card.name}: there are no documents; rows of queries with their passages (MIRACL) are read by "
            "`xlembed import miracl`"
        )
    if not rows.queries and not card.unjudged:
        raise UserError(
            f"{card.name}: there are no queries: import their file too, or say what a query is called with "
            "--columns query=... (topics with TREC judgements, as MIRACL has them, are for `xlembed import trec`)"
        )
    if not queries and not card.unjudged:
        what = f"{card.name}: no query has a relevant document (grade 1 or more) in the qrels"
        raise UserError("\n  ".join([what, *told]))
    if max_documents_per_language is not None:
        documents, told = sample_documents(documents, judged, max_documents_per_language, seed)
        notes += told
        present = {d.doc_id for d in documents}
        merges = tuple(merge for merge in merges if merge.kept in present)
    said = {**vars(card), "languages": rows.languages}
    kept = {q.query_id: qrels[q.query_id] for q in queries}
    task = Task(**said, documents=documents, queries=tuple(queries), qrels=kept, merged=merges)
    return replace(task, notes=tuple(dict.fromkeys([*notes, *_gaps(task)])))


def _scorable(queries: list[Query], qrels: Qrels) -> tuple[list[Query], list[str]]:
    best = {q.query_id: max(qrels[q.query_id].values(), default=None) for q in queries}
    unjudged = [query_id for query_id, grade in best.items() if grade is None]
    hopeless = [query_id for query_id, grade in best.items() if grade is not None and grade < 1]
    reasons = {"judgements": unjudged, "a relevant document (all grades below 1)": hopeless}
    return [q for q in queries if (best[q.query_id] or 0) >= 1], [
        f"{counted(len(ids), 'query', 'queries')} without {what} left out: {first_of(ids)}"
        for what, ids in reasons.items()
        if ids
    ]


def _gaps(task: Task) -> list[str]:
    """What a reader of the task card would not expect."""
    notes = []
    there = {"documents": {d.lang for d in task.documents}}
    if task.queries:
        there["queries" if task.unjudged else "judged queries"] = {q.lang for q in task.queries}
    for lang in task.languages:
        if missing := [noun for noun, langs in there.items() if lang not in langs]:
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
        lacking = [
            need
            for need, docs in task.needs.items()
            if {lang_of[d] for d, grade in docs.items() if grade >= 1} < set(task.languages)
        ]
        if lacking:
            subject = counted(len(lacking), "need has", "needs have")
            notes.append(
                f"called parallel, but {subject} no relevant document in some language: {first_of(lacking)}"
            )
    return notes


def unite_needs(rows: Rows) -> Qrels:
    """Every query with all judgements of its need; that two of its queries disagree is an error told."""
    needs: dict[str, dict[str, tuple[str, Judged]]] = defaultdict(dict)
    for query in rows.queries:
        for doc_id, judged in rows.judgements.get(query.query_id, {}).items():
            other, earlier = needs[query.need_id].setdefault(doc_id, (query.query_id, judged))
            if earlier.grade != judged.grade:
                message = (
                    f"{query.query_id} -> {doc_id} has grade {judged.grade}, but {other} of the same need "
                    f"({query.need_id}) has grade {earlier.grade} in {earlier.place}"
                )
                fix = "give both rows the same grade, or the queries different need_ids"
                rows.problems.error(judged.place, "score", "conflicting grades", message, fix)
    united = {need: {d: judged.grade for d, (_, judged) in docs.items()} for need, docs in needs.items()}
    return {query.query_id: dict(united.get(query.need_id, {})) for query in rows.queries}


def keep_own(rows: Rows, united: Qrels) -> Qrels:
    """Every query with its own document only (`relevance = own`).

    That is the document named by its `doc_id`, else by the `doc_id` of another query of its need, else the
    documents of its own rows of the qrels file; a translation without any of these inherits its need's rows.
    A `doc_id` that is not judged relevant is an error told.
    """
    named: dict[str, dict[str, None]] = defaultdict(dict)
    for query in rows.queries:
        if query.doc_id is None:
            continue
        named[query.need_id][query.doc_id] = None
        if united[query.query_id].get(query.doc_id, 0) < 1:
            message = f"{query.doc_id!r}, the document of {query.query_id}, is not judged relevant for it"
            fix = "add a row to the qrels with grade 1, or correct doc_id"
            place = rows.query_places[query.query_id]
            rows.problems.error(place, "doc_id", "unjudged document", message, fix)
    own: Qrels = {}
    for query in rows.queries:
        docs = united[query.query_id]
        chosen = [query.doc_id] if query.doc_id is not None else list(named.get(query.need_id, ()))
        chosen = chosen or list(rows.judgements.get(query.query_id, ())) or list(docs)
        own[query.query_id] = {doc_id: docs[doc_id] for doc_id in chosen if doc_id in docs}
    return own


@dataclass(frozen=True)
class Merged:
    """Documents without repetitions, judgements on those kept, and what was merged into what."""

    documents: tuple[Document, ...]
    qrels: dict[str, dict[str, int]]
    merges: tuple[Merge, ...]
    notes: tuple[str, ...]


def merge_identical(documents: Sequence[Document], qrels: Mapping[str, Mapping[str, int]]) -> Merged:
    """The first of each (language, title, text) is kept; a query's grade for it is the highest of its copies.

    Every judged pair stays judged, on the kept document. Copies that a query grades differently are noted, and so are
    documents that differ from another only in white space around the text or in Unicode form.
    """
    first: dict[tuple[str, str, str], str] = {}
    kept_for: dict[str, str] = {}
    kept: list[Document] = []
    for document in documents:
        key = (document.lang, document.title, document.text)
        if key not in first:
            first[key] = document.doc_id
            kept.append(document)
        kept_for[document.doc_id] = first[key]
    merges = tuple(Merge(doc_id, keeper) for doc_id, keeper in kept_for.items() if doc_id != keeper)
    united: dict[str, dict[str, int]] = {}
    unequal = 0
    for query_id, docs in qrels.items():
        united[query_id] = {}
        for doc_id, grade in docs.items():
            earlier = united[query_id].get(kept_for[doc_id])
            unequal += earlier is not None and earlier != grade
            united[query_id][kept_for[doc_id]] = grade if earlier is None else max(earlier, grade)
    return Merged(tuple(kept), united, merges, tuple(_notes(kept, merges, unequal)))


def _notes(kept: Sequence[Document], merges: Sequence[Merge], unequal: int) -> list[str]:
    notes = []
    if merges:
        shown = ", ".join(f"{m.doc_id} = {m.kept}" for m in merges[:3]) + (" ..." if len(merges) > 3 else "")
        subject = counted(len(merges), "document is", "documents are")
        notes.append(
            f"{subject} identical to an earlier one (language, title and text) and united with it, "
            f"judgements included: {shown}"
        )
    if unequal:
        subject = counted(unequal, "judgement")
        notes.append(f"{subject} of identical documents had unequal grades: the highest is kept")
    seen = {(d.lang, d.title, d.text) for d in kept}
    for change, what in (
        (str.strip, "white space around {it}"),
        (partial(unicodedata.normalize, "NFC"), "Unicode form (NFC, NFD)"),
    ):
        alike = len(seen)
        seen = {(lang, change(title), change(text)) for lang, title, text in seen}
        if alike := alike - len(seen):
            subject = counted(alike, "document differs", "documents differ")
            difference = what.format(it="it" if alike == 1 else "them")
            notes.append(f"{subject} from another one only in {difference}: kept apart")
    return notes
