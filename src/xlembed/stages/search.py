"""One question to a task's documents."""

from __future__ import annotations

from typing import Any

import numpy as np

from xlembed.corpus.task import Task
from xlembed.embeddings.derive import derive
from xlembed.models.spec import ModelRef
from xlembed.stages.encode import encode
from xlembed.stages.index import index, open_embeddings, open_index
from xlembed.stages.workspace import Watch, Workspace, unwatched
from xlembed.types import Lang, Role, UserError


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
    """The k nearest documents, best first; what is not encoded yet is encoded first.

    Raises:
        UserError: empty text, or a language that the task lacks.
    """
    from xlembed.models.loading import load_encoder

    if not text.strip():
        raise UserError("the text to search for is empty")
    if lang is not None and lang not in task.languages:
        raise UserError(f"task {task.name} has no documents in {lang!r}: {', '.join(task.languages)}")
    encode(task, ref, workspace, watch)
    index(task, ref, workspace, watch)
    embeddings = open_embeddings(task, ref, workspace)
    settings = workspace.settings.encode
    encoder = load_encoder(
        ref,
        device=settings.device,
        trust_remote_code=settings.trust_remote_code,
        instruction=settings.instruction,
    )
    query = derive(np.asarray(encoder.encode_batch([text], Role.QUERY)), ref.variation.dim)
    hits = open_index(task, ref, embeddings, workspace).search(query, k, lang)
    found = []
    for rank, (row, score) in enumerate(zip(hits.rows[0], hits.scores[0], strict=True), 1):
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
