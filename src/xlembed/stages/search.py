"""One question to a task's documents."""

from __future__ import annotations

from typing import Any

import numpy as np

from xlembed.corpus.task import Task
from xlembed.embeddings.derive import derive
from xlembed.models.spec import ModelRef
from xlembed.stages.encode import encode
from xlembed.stages.index import index
from xlembed.stages.searching import Questions, open_search
from xlembed.stages.workspace import Watch, Workspace, unwatched
from xlembed.types import Lang, Role, UserError, Vectors


def search(
    text: str,
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    *,
    k: int,
    lang: Lang | None,
    watch: Watch = unwatched,
) -> list[dict[str, Any]]:
    """The k best documents; what is not encoded and indexed yet is so first.

    Raises:
        UserError: empty text, or a language that the task lacks.
    """
    if not text.strip():
        raise UserError("the text to search for is empty")
    if lang is not None and lang not in task.languages:
        raise UserError(f"task {task.name} has no documents in {lang!r}: {', '.join(task.languages)}")
    encode(task, ref, workspace, watch)
    index(task, ref, workspace, watch)
    query, slow = (_encode_query(text, part, workspace) for part in (ref, ref.reranker))
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


def _encode_query(text: str, ref: ModelRef | None, workspace: Workspace) -> Vectors | None:
    """The text's vector, shape (1, dim); None for what makes none."""
    if ref is None or not ref.card.has_vectors:
        return None
    from xlembed.models.loading import load_encoder

    settings = workspace.settings.encode
    encoder = load_encoder(
        ref,
        device=settings.device,
        trust_remote_code=settings.trust_remote_code,
        instruction=settings.instruction,
    )
    return derive(np.asarray(encoder.encode_batch([text], Role.QUERY)), ref.variation.dim)
