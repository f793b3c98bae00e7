"""Judgements of a need: the union of its queries' rows."""

from __future__ import annotations

from collections import defaultdict

from xlembed.data.rows import Judged, Rows

Qrels = dict[str, dict[str, int]]
"""Query id -> document id -> grade."""


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
            rows.problems.error(
                rows.query_places[query.query_id], "doc_id", "unjudged document", message, fix
            )
    own: Qrels = {}
    for query in rows.queries:
        docs = united[query.query_id]
        chosen = [query.doc_id] if query.doc_id is not None else list(named.get(query.need_id, ()))
        chosen = chosen or list(rows.judgements.get(query.query_id, ())) or list(docs)
        own[query.query_id] = {doc_id: docs[doc_id] for doc_id in chosen if doc_id in docs}
    return own
