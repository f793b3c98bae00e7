"""One question to a task's documents."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from xlembed.data.languages import require_language
from xlembed.data.spoken import spoken_language
from xlembed.data.task import Query, Task
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.postprocessing import derive_more, fit_documents
from xlembed.embeddings.texts import query_text
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.searching import Questions, open_search
from xlembed.models.postprocess import Fitted
from xlembed.models.safety import check_kinds
from xlembed.models.spec import ModelRef
from xlembed.search.base import Hits
from xlembed.words import Lang, Role, UserError, Vectors
from xlembed.workspace import Watch, Workspace, unwatched

log = logging.getLogger(__name__)


def search(
    text: str,
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    *,
    k: int,
    lang: Lang | None,
    query_lang: Lang | None = None,
    watch: Watch = unwatched,
) -> list[dict[str, Any]]:
    """The k best documents; what is not encoded and indexed yet is so first.

    Args:
        text: the question.
        task: whose documents are searched.
        ref: the model.
        workspace: settings and places.
        k: documents wanted.
        lang: search only documents of this language.
        query_lang: the text's language, for a model that is post-processed by language; default: `lang`, else detected.
        watch: told of the work.

    Raises:
        UserError: empty text, a language that the task lacks, or a query language that must be told.
    """
    if not text.strip():
        raise UserError("the text to search for is empty")
    langs = sorted({d.lang for d in task.documents})  # of the task's languages some may have queries only
    if lang is not None and lang not in langs:
        raise UserError(f"task {task.name} has no documents in {lang!r}: {', '.join(langs)}")
    by_language = any(s.by_language for part in (ref, ref.reranker) if part for s in part.variation.steps)
    query_lang = query_language(text, query_lang, lang, by_language, task.languages, ref.slug)
    check_kinds(ref, workspace.settings.index.engine)
    encode(task, ref, workspace, watch)
    index(task, ref, workspace, watch)
    query, slow = (_encode_query(text, query_lang, task, part, workspace) for part in (ref, ref.reranker))
    hits = open_search(task, ref, workspace, Questions([text], query, slow)).searcher.search([0], k, lang)
    found = []
    for rank, (row, score) in enumerate(zip(hits.rows[0], hits.scores[0], strict=True), 1):
        if row < 0:
            break  # nothing else was retrieved
        document = task.documents[row]
        found.append(
            {
                "rank": rank,
                "score": float(score),
                "doc_id": document.doc_id,
                "lang": document.lang,
                "title": document.title,
                "text": document.text,
                "group": document.group,
            }
        )
    return found


def search_all(task: Task, ref: ModelRef, workspace: Workspace, k: int, watch: Watch = unwatched) -> Hits:
    """The k best of all documents for every query of the task; what is not encoded and indexed yet is so first."""
    encode(task, ref, workspace, watch)
    index(task, ref, workspace, watch)
    return open_search(task, ref, workspace).searcher.search(range(len(task.queries)), k)


def right_answers(text: str, task: Task) -> tuple[str, frozenset[str]] | None:
    """The task's query that asks this, and what is judged right for its question; None where nobody judged it."""
    asked = _asked(text, task)
    if asked is None:
        return None
    judged = (task.qrels.get(q.query_id, {}) for q in task.queries if q.need_id == asked.need_id)
    return asked.query_id, frozenset(doc for grades in judged for doc, grade in grades.items() if grade >= 1)


def _asked(text: str, task: Task) -> Query | None:
    """The task's query that asks this; case and spacing do not count."""
    words = " ".join(text.split()).casefold()
    return next((q for q in task.queries if " ".join(q.text.split()).casefold() == words), None)


def query_language(
    text: str,
    told: Lang | None,
    searched: Lang | None,
    by_language: bool,
    languages: Sequence[Lang],
    name: str,
) -> Lang:
    """The query's language: as told, else that of the documents searched, else as it looks; empty where none matters.

    Args:
        text: the query.
        told: by --query-lang.
        searched: by --lang.
        by_language: whether the model's post-processing needs it.
        languages: that the text may be in.
        name: of the model.

    Raises:
        UserError: it is needed, and the text does not tell it.
    """
    if told:
        return require_language(told, "--query-lang")
    if searched or not by_language:
        return searched or ""
    if found := spoken_language(text, languages):
        log.warning(
            "query taken for %s, since %s must know its language; --query-lang says another", found, name
        )
        return found
    raise UserError(
        f"{name} is post-processed by language, and the text does not tell which of {', '.join(languages)} it is in: "
        f"--query-lang {languages[0]} (or --lang {languages[0]}, which also searches only documents in it)"
    )


def warn_without_own(fitted: Fitted | None, lang: Lang) -> None:
    """Say which steps of post-processing have no statistics of the query's language, and what they do instead."""
    for on_pairs, why in (
        (False, "too few documents, statistics of all languages are used"),
        (True, "no pairs, the vector is left as it is"),
    ):
        if fitted and (steps := fitted.pooled([lang], on_pairs)):
            log.warning("%s: %s (%s)", lang, why, ", ".join(steps))


def _encode_query(
    text: str, lang: Lang, task: Task, ref: ModelRef | None, workspace: Workspace
) -> Vectors | None:
    """The text's vector, shape (1, dim); None for what makes none."""
    if ref is None or not ref.card.has_vectors:
        return None
    if ref.card.given:
        if (asked := _asked(text, task)) is None:
            raise UserError(
                f"{ref.slug} is made of vectors and cannot encode what is typed; it can be asked the "
                f"{len(task.queries):,} queries of {task.name}, word for word"
            )
        text = query_text(ref.card, asked)
    encoder = open_encoding(ref, workspace).encoder()
    fitted = fit_documents(task, ref, workspace)
    warn_without_own(fitted, lang)
    return derive_more(np.asarray(encoder.encode_batch([text], Role.QUERY)), [lang], ref, fitted)
