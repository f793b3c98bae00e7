"""A task small enough to count every rank by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.search.exact import ExactIndex
from xlembed.search.searcher import VectorSearcher

DOCUMENTS = (
    Document("d1", "eins", "de", group="A"),
    Document("d2", "one", "en", group="A"),
    Document("d3", "drei", "de", group="B"),
    Document("d4", "four", "en", group="C"),
    Document("d5", "cinq", "fr", group="D"),
)
# French has a document and no query. q3 has no judgement and so no unit.
QUERIES = (
    Query("q1-de", "eins?", "de", "q1"),
    Query("q1-en", "one?", "en", "q1"),
    Query("q2-de", "vier?", "de", "q2"),
    Query("q2-en", "four?", "en", "q2"),
    Query("q3-en", "five?", "en", "q3"),
)
QRELS = {"q1-de": {"d1": 1, "d2": 1}, "q1-en": {"d1": 1, "d2": 1}, "q2-de": {"d4": 1}, "q2-en": {"d4": 1}}
# Documents are unit vectors of a basis, so a query's components are its scores (up to its length).
SCORES = np.array(
    [
        [5, 4, 3, 2, 1],  # q1-de: d1 d2 d3 d4 d5
        [2, 3, 5, 4, 1],  # q1-en: d3 d4 d2 d1 d5
        [3, 1, 3, 3, 0],  # q2-de: d1 = d3 = d4 (a tie: by id), d2 d5
        [0, 1, 0, 2, 9],  # q2-en: d5 d4 d2, then d1 = d3
        [1, 1, 1, 1, 1],  # q3-en: all equal
    ],
    dtype=np.float32,
)


@pytest.fixture
def tiny_task() -> Task:
    return Task("tiny", ("de", "en", "fr"), Alignment.COMPARABLE, DOCUMENTS, QUERIES, QRELS)


@pytest.fixture
def tiny_queries() -> np.ndarray:
    return SCORES / np.linalg.norm(SCORES, axis=1, keepdims=True)


@pytest.fixture
def tiny_index() -> ExactIndex:
    return ExactIndex([d.doc_id for d in DOCUMENTS], [d.lang for d in DOCUMENTS], np.eye(5, dtype=np.float32))


@pytest.fixture
def tiny_search(tiny_index: ExactIndex, tiny_queries: np.ndarray) -> VectorSearcher:
    return VectorSearcher(tiny_index, tiny_queries)
