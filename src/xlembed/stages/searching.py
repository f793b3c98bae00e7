"""One way to open any kind of search: by vectors, by words, or by both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.corpus.task import Task
from xlembed.embeddings.export import Embeddings
from xlembed.index.base import VectorIndex
from xlembed.models.spec import ModelRef
from xlembed.retrieval.fusion import CONSTANT, FusedSearcher, one_after_another
from xlembed.retrieval.searcher import Searcher, VectorSearcher
from xlembed.stages.index import (
    check_engine,
    describe_index,
    exact_index,
    open_embeddings,
    open_index,
    unit_vectors,
)
from xlembed.stages.workspace import Workspace
from xlembed.types import Vectors


@dataclass(frozen=True)
class Questions:
    """What is asked, instead of a task's own queries.

    Attributes:
        texts: of each.
        vectors: float32, shape (n, dim); not looked at where only words are searched.
    """

    texts: Sequence[str]
    vectors: Vectors | None = None


@dataclass(frozen=True)
class OpenSearch:
    """A search over a task's documents that is ready to be asked.

    Attributes:
        searcher: knows the questions by their rows.
        description: what determines the answers; without dates and places.
        fingerprint: of what makes the scores: vectors, words, fusion.
        base_fingerprint: of the vectors before they were cut; the fingerprint itself where there are none.
        embeddings: None where only words are searched.
        index: of the vectors, likewise.
        reference: the same search with exact search for its vectors; None where nothing is approximate.
    """

    searcher: Searcher
    description: dict[str, Any]
    fingerprint: str
    base_fingerprint: str
    embeddings: Embeddings | None = None
    index: VectorIndex | None = None
    reference: Searcher | None = None


def open_search(
    task: Task, ref: ModelRef, workspace: Workspace, questions: Questions | None = None
) -> OpenSearch:
    """Open what `encode` and `index` have prepared.

    Args:
        task: whose documents are searched.
        ref: the model; its card and name say by what.
        workspace: settings and places.
        questions: None asks the task's queries.

    Raises:
        UserError: vectors or index are missing or belong to other texts, or the engine cannot do it.
    """
    check_engine(ref, workspace.settings.index)
    texts = questions.texts if questions else [q.text for q in task.queries]
    if ref.card.lexical:
        from xlembed.stages.words import open_words  # the client only when asked for

        words, found = open_words(task, workspace, texts)
        description = describe_index(task, workspace) | {"exact": words.exact} | found
        return OpenSearch(words, description, found["fingerprint"], found["fingerprint"])
    embeddings = open_embeddings(task, ref, workspace)
    vectors = unit_vectors(embeddings.queries) if questions is None else questions.vectors
    if vectors is None:
        raise ValueError("questions to vectors need vectors")
    index = open_index(task, ref, embeddings, workspace)
    description = describe_index(task, workspace, embeddings)
    base = str(embeddings.manifest["base_fingerprint"])
    fingerprint = str(embeddings.manifest["fingerprint"])
    exact = None
    if workspace.settings.index.engine != "exact":
        exact = VectorSearcher(exact_index(task, embeddings), vectors)
    if not ref.variation.hybrid:
        by_vector = VectorSearcher(index, vectors)
        return OpenSearch(by_vector, description, fingerprint, base, embeddings, index, exact)
    from xlembed.index.elastic.engine import ElasticIndex  # the client only when asked for
    from xlembed.stages.words import open_words

    words, found = open_words(task, workspace, texts)
    if not isinstance(index, ElasticIndex) or exact is None:
        raise TypeError("vectors and words must be on one server")
    from xlembed.index.elastic.hybrid import in_one_request

    doc_ids = embeddings.doc_ids
    searcher = FusedSearcher(in_one_request(index, vectors, words), doc_ids, len(texts))
    reference = FusedSearcher(one_after_another([exact, words]), doc_ids, len(texts))
    fingerprint = fused_fingerprint(fingerprint, found["fingerprint"])
    description |= {
        "exact": False,
        "fingerprint": fingerprint,
        "fusion": {"method": "reciprocal rank", "constant": CONSTANT, "weights": [1, 1]},
        "words": found,
    }
    return OpenSearch(searcher, description, fingerprint, base, embeddings, index, reference)


def fused_fingerprint(vectors: str, words: str) -> str:
    """Hash of all that determines a hybrid ranking."""
    ingredients = {"vectors": vectors, "words": words, "fusion": f"reciprocal rank {CONSTANT}"}
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()
