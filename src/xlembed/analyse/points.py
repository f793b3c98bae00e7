"""The balanced sample of a task's documents that everything about the geometry of a space is computed on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xlembed.analyse.sampling import BalancedSample, balanced_sample
from xlembed.analyse.self_retrieval import vector_faults
from xlembed.data.task import Alignment, Document, Task
from xlembed.settings import AnalyseSettings
from xlembed.stats.layout import Ints
from xlembed.words import Vectors


@dataclass(frozen=True, eq=False)
class Points:
    """The balanced sample of one model.

    Attributes:
        vectors: unit vectors, float32, shape (n, dim).
        sample: rows and languages.
        groups: of each point: what is resampled together, and never on both sides of a fold.
    """

    vectors: Vectors
    sample: BalancedSample
    groups: tuple[str, ...]

    @property
    def group_codes(self) -> Ints:
        """int64, shape (n,)."""
        return np.unique(np.array(self.groups), return_inverse=True)[1].astype(np.int64)


def sample_points(task: Task, documents: Vectors, settings: AnalyseSettings) -> tuple[Points, Ints]:
    """The sample, and all rows that have a vector.

    Args:
        task: of the documents.
        documents: unit vectors in corpus order, shape (n, dim).
        settings: size and seed of the sample.

    Raises:
        UserError: no language has enough documents.
    """
    kept = np.ones(len(documents), dtype=bool)
    for wrong in vector_faults(documents):
        kept[wrong] = False
    usable = np.flatnonzero(kept).astype(np.int64)
    sample = sample_rows(task, usable, settings.sample_per_language, settings.sampling_seed)
    groups = tuple(group_of(task.documents[row]) for row in sample.rows.tolist())
    return Points(documents[sample.rows], sample, groups), usable


def sample_rows(task: Task, usable: Ints, most: int, seed: int) -> BalancedSample:
    """Rows of documents among the usable ones, the same number of every language.

    Raises:
        UserError: no language has enough documents.
    """
    kept = np.zeros(len(task.documents), dtype=bool)
    kept[usable] = True
    parallel = task.alignment is Alignment.PARALLEL
    return balanced_sample(
        [d.lang for d in task.documents],
        # a comparable task is sampled by document: whole groups would leave fewer topics
        [group_of(d) if parallel else d.doc_id for d in task.documents],
        task.languages,
        most,
        seed,
        kept.tolist(),
    )


def group_of(document: Document) -> str:
    """What is resampled together; a document without a group stands alone."""
    return f"group {document.group}" if document.group is not None else f"document {document.doc_id}"
