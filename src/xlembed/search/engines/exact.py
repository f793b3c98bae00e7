"""In memory, without loss: FAISS for vectors, BM25 for words; nothing is kept between two commands."""

from __future__ import annotations

from typing import Any

from xlembed.data.task import Task
from xlembed.embeddings.export import Embeddings
from xlembed.models.spec import ModelRef
from xlembed.search.engine import Engine, exact_index
from xlembed.search.fusion import one_after_another
from xlembed.search.local_words import describe_local_words, open_local_words
from xlembed.workspace import Watch, Workspace


def _try_vectors(
    task: Task, ref: ModelRef, embeddings: Embeddings, workspace: Workspace, run_id: str | None, watch: Watch
) -> dict[str, Any]:
    exact_index(task, embeddings)
    return {}


ENGINE = Engine(
    compared=False,
    exact=lambda settings: True,
    describe=lambda settings: {},
    index_vectors=_try_vectors,
    open_vectors=lambda task, ref, embeddings, workspace: exact_index(task, embeddings),
    index_words=lambda task, workspace, run_id, watch: describe_local_words(task),
    open_words=lambda task, workspace, texts: open_local_words(task, texts),
    both=lambda by_vector, index, vectors, by_word: one_after_another([by_vector, by_word]),
)
