"""S of one model on one task: neighbourhood purity@10 minus its expected value, on a balanced sample of documents."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlembed.analysis.separation import expected_purity, neighbourhood_purity
from xlembed.corpus.task import Document, Task
from xlembed.models.spec import ModelRef
from xlembed.stages.index import open_embeddings, unit_vectors
from xlembed.stages.workspace import Workspace
from xlembed.stats.bootstrap import score_cells
from xlembed.stats.evaluation import number_json
from xlembed.stats.layout import unit_layout
from xlembed.stats.scores import Score
from xlembed.types import UserError

K = 10
PER_LANGUAGE = 1000
SEED = 42


@dataclass(frozen=True)
class Separation:
    """S with what it was computed from.

    Attributes:
        score: S, mean over documents; the interval resamples groups of documents.
        purity: mean share of the 10 nearest neighbours in the same language.
        expected: its expected value if languages did not matter.
        per_language: documents of each language in the sample.
    """

    score: Score
    purity: float
    expected: float
    per_language: int

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded to 1e-6; `n_units` are documents."""
        more = {"purity": round(self.purity, 6), "expected": round(self.expected, 6)}
        return {**number_json(self.score), **more, "per_language": self.per_language}


def measure_separation(
    task: Task, ref: ModelRef, workspace: Workspace, n_resamples: int, per_language: int = PER_LANGUAGE
) -> Separation:
    """S from the exported vectors of a task's documents.

    Args:
        task: of at least two languages.
        ref: a model with vectors.
        workspace: where its embeddings lie.
        n_resamples: of the bootstrap over groups.
        per_language: most documents of each language; what the smallest language has, if that is less.

    Raises:
        UserError: no vectors of these texts, one language only, or not more documents than neighbours.
    """
    vectors = unit_vectors(open_embeddings(task, ref, workspace).documents)
    there = np.any(vectors, axis=1).tolist()  # zero vectors have no neighbours
    rows, size = balanced_rows(
        [d for d, kept in zip(task.documents, there, strict=True) if kept], per_language
    )
    rows = np.flatnonzero(there)[rows].tolist()
    sample = [task.documents[row] for row in rows]
    codes = {lang: i for i, lang in enumerate(sorted({d.lang for d in sample}))}
    if len(codes) < 2:
        raise UserError(f"{task.name}: separation of languages needs at least two, found {', '.join(codes)}")
    langs = np.array([codes[d.lang] for d in sample], dtype=np.int64)
    points = np.ascontiguousarray(vectors[rows], dtype=np.float32)
    purity, expected = neighbourhood_purity(points, langs, K), expected_purity(langs)
    groups = [cluster_of(d) for d in sample]
    layout = unit_layout(np.zeros(len(sample), dtype=np.int64), groups, groups, 1)
    score = score_cells(layout, (purity - expected)[:, None], [False], n_resamples=n_resamples).cells[0][0]
    if score is None:  # there are documents, see above
        raise RuntimeError("no document to compute the separation from")
    return Separation(score, float(purity.mean()), float(expected.mean()), size)


def balanced_rows(documents: Sequence[Document], per_language: int) -> tuple[list[int], int]:
    """Rows of equally many documents per language, in order, and how many of each.

    Chosen by the hash of the seed and the group, so that translations are chosen together.
    """
    by_lang: dict[str, list[int]] = defaultdict(list)
    for row, document in enumerate(documents):
        by_lang[document.lang].append(row)
    size = min([per_language, *(len(rows) for rows in by_lang.values())])
    chosen = [
        row
        for rows in by_lang.values()
        for row in sorted(rows, key=lambda r: (_order(cluster_of(documents[r])), documents[r].doc_id))[:size]
    ]
    return sorted(chosen), size


def cluster_of(document: Document) -> str:
    """What is resampled together: a document's group, or itself."""
    return f"group {document.group}" if document.group else f"document {document.doc_id}"


def _order(name: str) -> bytes:
    return hashlib.sha256(f"{SEED}\t{name}".encode()).digest()
