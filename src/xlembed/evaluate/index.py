"""Stage index: embeddings/TASK/MODEL/ -> indices/TASK/MODEL.json (and a search engine, where there is one)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings
from xlembed.embeddings.export import Embeddings
from xlembed.evaluate.late_manifest import describe_late, late_manifest
from xlembed.files import write_json
from xlembed.models.safety import check_kinds
from xlembed.models.spec import ModelRef
from xlembed.search.engine import find_engine
from xlembed.words import Kind
from xlembed.workspace import Watch, Workspace, unwatched


def describe_index(task: Task, workspace: Workspace, embeddings: Embeddings | None = None) -> dict[str, Any]:
    """What determines the index's answers; without vectors, only which documents are in it."""
    settings = workspace.settings.index
    found: dict[str, Any] = {
        "engine": settings.engine,
        "documents": len(task.documents),
        "documents_per_language": dict(sorted(Counter(d.lang for d in task.documents).items())),
        "task_digest": task.digest,
    }
    if embeddings is None:
        return found
    engine = find_engine(settings)
    return found | {
        "similarity": "cosine",
        "exact": engine.exact(settings),
        "dim": int(embeddings.documents.shape[1]),
        "fingerprint": embeddings.manifest["fingerprint"],
        **engine.describe(settings),
    }


def index(
    task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched, run_id: str | None = None
) -> dict[str, Any]:
    """Index vectors or texts and write what was indexed with which settings; exact search itself lives in memory.

    Raises:
        UserError: no vectors of these texts, or the server refuses; the same call resumes a load.
    """
    check_kinds(ref, workspace.settings.index.engine)
    engine = find_engine(workspace.settings.index)
    description: dict[str, Any] = {}
    if ref.card.kind is Kind.LATE_INTERACTION:
        description = describe_index(task, workspace) | describe_late(late_manifest(task, ref, workspace))
    elif not ref.card.lexical:
        embeddings = open_embeddings(task, ref, workspace)
        description = describe_index(task, workspace, embeddings)
        description |= engine.index_vectors(task, ref, embeddings, workspace, run_id, watch)
    if ref.searches_words:
        words = engine.index_words(task, workspace, run_id, watch)
        if ref.card.lexical:
            description = describe_index(task, workspace) | words
        else:
            description["words"] = words
    write_json(workspace.index_file(task.name, ref.slug), description)
    return description
