"""What a search engine does for a task, and which ones there are: one file of engines/ each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.data.task import Task
from xlembed.embeddings.embedded import unit_vectors
from xlembed.embeddings.export import Embeddings
from xlembed.models.spec import ModelRef
from xlembed.registry import load_entry
from xlembed.search import engines
from xlembed.search.base import VectorIndex
from xlembed.search.exact import ExactIndex
from xlembed.search.fusion import Retrieve
from xlembed.search.searcher import Searcher
from xlembed.settings import IndexSettings
from xlembed.words import Vectors
from xlembed.workspace import Watch, Workspace


@dataclass(frozen=True)
class Engine:
    """An entry of the registry. All functions raise UserError where a server cannot be reached or refuses.

    Attributes:
        compared: whether exact search is asked beside it, to tell what the index costs.
        exact: whether nothing can be missed under these settings.
        describe: what determines the answers, beside the vectors.
        index_vectors: makes vectors searchable, for the run of an id, telling a watch; what is to be written of it.
            The same call resumes.
        open_vectors: the documents of a task by their vectors; UserError too if the index is not there whole.
        index_words: likewise of texts; what determines the answers.
        open_words: questions to a task's texts, and what determines the answers.
        both: rankings by vectors and by words of some questions: from the search by vectors, what `open_vectors` gave,
            the questions' vectors, and the search that `open_words` gave.
    """

    compared: bool
    exact: Callable[[IndexSettings], bool]
    describe: Callable[[IndexSettings], dict[str, Any]]
    index_vectors: Callable[[Task, ModelRef, Embeddings, Workspace, str | None, Watch], dict[str, Any]]
    open_vectors: Callable[[Task, ModelRef, Embeddings, Workspace], VectorIndex]
    index_words: Callable[[Task, Workspace, str | None, Watch], dict[str, Any]]
    open_words: Callable[[Task, Workspace, Sequence[str]], tuple[Searcher, dict[str, Any]]]
    both: Callable[[Searcher, VectorIndex | None, Vectors | None, Searcher], Retrieve]


def find_engine(settings: IndexSettings) -> Engine:
    """The engine that settings name, which were checked; a server's client is imported only now."""
    found: Engine = load_entry(engines, settings.engine).ENGINE
    return found


def exact_index(task: Task, embeddings: Embeddings) -> ExactIndex:
    """Exact search in memory; what every other engine is measured against."""
    vectors = unit_vectors(embeddings.documents)
    return ExactIndex(embeddings.doc_ids, [d.lang for d in task.documents], vectors)
