"""Stage index: embeddings/TASK/MODEL/ -> indices/TASK/MODEL.json (and a search engine, where there is one)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xlembed.corpus.task import Task
from xlembed.embeddings.export import Embeddings
from xlembed.files import write_json
from xlembed.index.base import VectorIndex
from xlembed.index.exact import ExactIndex
from xlembed.models.spec import ModelRef
from xlembed.stages.embedded import open_embeddings, unit_vectors
from xlembed.stages.kinds import check_kinds
from xlembed.stages.workspace import Watch, Workspace, unwatched


def open_index(task: Task, ref: ModelRef, embeddings: Embeddings, workspace: Workspace) -> VectorIndex:
    """The documents of a task, searchable by the engine of the settings.

    Raises:
        UserError: the engine is a server that cannot be reached, or lacks the index.
    """
    vectors = unit_vectors(embeddings.documents)
    if workspace.settings.index.engine == "elasticsearch":
        from xlembed.stages.elastic import open_elastic  # the client only when asked for

        return open_elastic(task, ref, embeddings, vectors, workspace)
    return exact_index(task, embeddings)


def exact_index(task: Task, embeddings: Embeddings) -> ExactIndex:
    """Exact search in memory; what every other engine is measured against."""
    vectors = unit_vectors(embeddings.documents)
    return ExactIndex(embeddings.doc_ids, [d.lang for d in task.documents], vectors)


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
    found |= {
        "similarity": "cosine",
        "exact": settings.engine == "exact" or settings.type == "flat",
        "dim": int(embeddings.documents.shape[1]),
        "fingerprint": embeddings.manifest["fingerprint"],
    }
    if settings.engine == "elasticsearch":
        from xlembed.stages.elastic import describe_elastic

        found |= describe_elastic(settings)
    return found


def index(
    task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched, run_id: str | None = None
) -> dict[str, Any]:
    """Index vectors or texts and write what was indexed with which settings; exact search itself lives in memory.

    Raises:
        UserError: no vectors of these texts, or the server refuses; the same call resumes a load.
    """
    check_kinds(ref)
    description = _index_vectors(task, ref, workspace, watch, run_id) if not ref.card.lexical else {}
    if ref.searches_words:
        words = _index_words(task, workspace, watch, run_id)
        if ref.card.lexical:
            description = describe_index(task, workspace) | words
        else:
            description["words"] = words
    write_json(workspace.index_file(task.name, ref.slug), description)
    return description


def _index_words(task: Task, workspace: Workspace, watch: Watch, run_id: str | None) -> dict[str, Any]:
    """On the server, where there is one; in memory they are indexed when they are searched."""
    if workspace.settings.index.engine != "elasticsearch":
        from xlembed.stages.local_words import describe_local_words

        return describe_local_words(task)
    from xlembed.stages.words import build_words  # the client only when asked for

    built, words = build_words(task, workspace, run_id=run_id, watch=watch)
    return words | {"name": built.name}


def _index_vectors(
    task: Task, ref: ModelRef, workspace: Workspace, watch: Watch, run_id: str | None
) -> dict[str, Any]:
    embeddings = open_embeddings(task, ref, workspace)
    description = describe_index(task, workspace, embeddings)
    if workspace.settings.index.engine == "elasticsearch":
        from xlembed.stages.elastic import build_index  # the client only when asked for

        vectors = unit_vectors(embeddings.documents)
        built = build_index(task, ref, embeddings, vectors, workspace, run_id=run_id, watch=watch)
        description["name"] = built.name
    else:
        exact_index(task, embeddings)
    return description
