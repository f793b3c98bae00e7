"""What stages need of post-processing, beside the export that applies it: statistics for texts that come later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlembed.data.task import Task
from xlembed.embeddings.derive import derive
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.export import fit_stored
from xlembed.embeddings.texts import document_text
from xlembed.models.fingerprint import derived_fingerprint
from xlembed.models.postprocess import Fitted
from xlembed.models.spec import ModelRef
from xlembed.words import Lang, Role, Vectors
from xlembed.workspace import Workspace


def vectors_fingerprint(base_digest: str, ref: ModelRef, task: Task) -> str:
    """Fingerprint of a model's vectors of a task; post-processed ones depend on the task's documents."""
    return derived_fingerprint(base_digest, ref.variation.dim, ref.variation.steps, task.documents_digest)


def fit_documents(task: Task, ref: ModelRef, workspace: Workspace) -> Fitted | None:
    """Statistics of a task's documents, all of them encoded before; None for a model without post-processing.

    Raises:
        UserError: a document is not in the store, or the steps cannot be fitted.
    """
    if not ref.variation.steps:
        return None
    texts = [document_text(ref.card, d) for d in task.documents]
    stored = open_encoding(ref, workspace).store.read(Role.DOCUMENT, texts)
    return fit_stored(stored, [d.lang for d in task.documents], ref.variation.dim, ref.variation.steps)


def derive_more(
    vectors: NDArray[np.floating], langs: Sequence[Lang], ref: ModelRef, fitted: Fitted | None
) -> Vectors:
    """Base vectors of further texts as the task's own vectors are: cut, post-processed, of unit length.

    Args:
        vectors: shape (n, width).
        langs: language of each; not looked at without post-processing.
        ref: says to how many dimensions.
        fitted: from `fit_documents`.

    Returns:
        float32, shape (n, dim).
    """
    cut = derive(vectors, ref.variation.dim)
    return cut if fitted is None else fitted.apply(cut, langs)
