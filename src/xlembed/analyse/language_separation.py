"""S of one model on one task: neighbourhood purity@10 minus its expected value, on a balanced sample of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xlembed.analyse.estimates import estimate
from xlembed.analyse.points import sample_points
from xlembed.analyse.separation import expected_purity, neighbourhood_purity
from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.models.spec import ModelRef
from xlembed.stats.evaluation import number_json
from xlembed.stats.scores import Score
from xlembed.words import UserError
from xlembed.workspace import Workspace

K = 10


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


def measure_separation(task: Task, ref: ModelRef, workspace: Workspace, n_resamples: int) -> Separation:
    """S from the exported vectors of a task's documents; the number that `analyse` calls purity_excess@10.

    Raises:
        UserError: no vectors of these texts, one language only, or not more documents than neighbours.
    """
    documents = unit_vectors(open_embeddings(task, ref, workspace).documents)
    points, _ = sample_points(task, documents, workspace.settings.analyse)
    sample = points.sample
    if len(sample.languages) < 2:
        raise UserError(
            f"{task.name}: separation of languages needs two with enough documents, found "
            f"{', '.join(sample.languages)}"
        )
    purity, expected = neighbourhood_purity(points.vectors, sample.langs, K), expected_purity(sample.langs)
    one_cell = np.zeros(len(sample.rows), dtype=np.int64)
    (score,) = estimate(one_cell, purity - expected, points.groups, 1, n_resamples=n_resamples).cells[0]
    if score is None:  # there are documents, see above
        raise RuntimeError("no document to compute the separation from")
    return Separation(score, float(purity.mean()), float(expected.mean()), sample.per_language)
