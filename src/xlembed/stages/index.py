"""Stage index: embeddings/TASK/MODEL/ -> indices/TASK/MODEL.json (and a search engine, where there is one)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.corpus.task import Task
from xlembed.embeddings.derive import derive
from xlembed.embeddings.export import Embeddings, load_export
from xlembed.files import write_json
from xlembed.index.base import VectorIndex
from xlembed.index.exact import ExactIndex
from xlembed.models.spec import ModelRef
from xlembed.stages.workspace import Workspace
from xlembed.types import UserError, Vectors


def open_embeddings(task: Task, ref: ModelRef, workspace: Workspace) -> Embeddings:
    """The export of exactly this task and model.

    Raises:
        UserError: if it is missing, damaged, or was made from other texts.
    """
    folder = workspace.embeddings(task.name, ref.slug)
    embeddings = load_export(folder)
    for key, wanted in (("documents_digest", task.documents_digest), ("queries_digest", task.queries_digest)):
        if embeddings.manifest.get(key) != wanted:
            raise UserError(
                f"{folder} was encoded from other texts than task {task.name} holds now ({key} differs): "
                f"run xlembed encode -m {ref.slug} -t {task.name}"
            )
    return embeddings


def open_index(task: Task, embeddings: Embeddings) -> VectorIndex:
    """The documents of a task, searchable."""
    vectors = unit_vectors(embeddings.documents)
    return ExactIndex(embeddings.doc_ids, [d.lang for d in task.documents], vectors)


def unit_vectors(stored: NDArray[np.floating]) -> Vectors:
    """float32 as it is (memory-mapped); float16 has lost its unit length by rounding and is normalised again."""
    return stored if stored.dtype == np.float32 else derive(stored, None)


def describe_index(task: Task, embeddings: Embeddings, workspace: Workspace) -> dict[str, Any]:
    """What determines the index's answers."""
    return {
        "engine": workspace.settings.index.engine,
        "similarity": "cosine",
        "exact": True,
        "documents": len(task.documents),
        "documents_per_language": dict(sorted(Counter(d.lang for d in task.documents).items())),
        "dim": int(embeddings.documents.shape[1]),
        "fingerprint": embeddings.manifest["fingerprint"],
        "task_digest": task.digest,
    }


def index(task: Task, ref: ModelRef, workspace: Workspace) -> dict[str, Any]:
    """Check the vectors and write what is indexed with which settings; exact search itself lives in memory."""
    embeddings = open_embeddings(task, ref, workspace)
    open_index(task, embeddings)
    description = describe_index(task, embeddings, workspace)
    write_json(workspace.index_file(task.name, ref.slug), description)
    return description
