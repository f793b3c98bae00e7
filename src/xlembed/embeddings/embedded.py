"""What stage encode left: the finished vectors of a task and model, for the stages that read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlembed.data.task import Task
from xlembed.embeddings.derive import derive
from xlembed.embeddings.export import Embeddings, load_export
from xlembed.models.safety import check_vectors
from xlembed.models.spec import ModelRef
from xlembed.words import UserError, Vectors
from xlembed.workspace import Workspace


def open_embeddings(task: Task, ref: ModelRef, workspace: Workspace) -> Embeddings:
    """The export of exactly this task and model.

    Raises:
        UserError: if it is missing, damaged, or was made from other texts.
    """
    check_vectors(ref)
    folder = workspace.embeddings(task.name, ref.slug)
    embeddings = load_export(folder)
    if lacking := [key for key in ("fingerprint", "base_fingerprint") if key not in embeddings.manifest]:
        raise UserError(
            f"{folder}: its manifest is damaged ({', '.join(lacking)} missing): "
            f"run xlembed encode -m {ref.slug} -t {task.name}"
        )
    for key, wanted in (("documents_digest", task.documents_digest), ("queries_digest", task.queries_digest)):
        if embeddings.manifest.get(key) != wanted:
            raise UserError(
                f"{folder} was encoded from other texts than task {task.name} holds now ({key} differs): "
                f"run xlembed encode -m {ref.slug} -t {task.name}"
            )
    return embeddings


def unit_vectors(stored: NDArray[np.floating]) -> Vectors:
    """float32 as it is (memory-mapped); float16 has lost its unit length by rounding and is normalised again."""
    return stored if stored.dtype == np.float32 else derive(stored, None)
