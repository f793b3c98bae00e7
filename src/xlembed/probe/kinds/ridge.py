"""Ridge regression (Hoerl and Kennard 1970) on standardised vectors; one strength per dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from xlembed.data.scored import Scores
from xlembed.probe.base import (
    Batch,
    FitOptions,
    Floats,
    Scaling,
    read_about,
    read_arrays,
    write_probe,
)
from xlembed.words import Vectors

STRENGTHS = tuple(float(s) for s in np.logspace(-2, 6, 17))
"""Tried on the validation part; in units of standardised vectors, so that one list serves all models."""


@dataclass(frozen=True, eq=False)
class FittedRidge:
    """A linear map of raw vectors; the standardisation is folded into it.

    Weights have the shape (dim, n_dimensions); strengths are chosen, one per dimension.
    """

    weights: Floats
    intercept: Floats
    strengths: tuple[float, ...]

    @property
    def n_parameters(self) -> int:
        """Weights and intercepts."""
        return self.weights.size + self.intercept.size

    @property
    def details(self) -> Mapping[str, Any]:
        """The strengths."""
        return {"strengths": list(self.strengths)}

    def predict(self, vectors: Vectors) -> Scores:
        """Linear; labels are regressed as 0 and 1."""
        with threadpool_limits(1):
            predicted: Scores = vectors.astype(np.float64) @ self.weights + self.intercept
        return predicted

    def save(self, folder: Path) -> None:
        """Two arrays."""
        arrays = {"weights": self.weights, "intercept": self.intercept}
        write_probe(folder, "ridge", {"strengths": list(self.strengths)}, arrays)

    @classmethod
    def fit(cls, train: Batch, validation: Batch, options: FitOptions) -> FittedRidge:
        """The strength with the least absolute error on the validation part, for each dimension.

        Fit every strength; the largest of equals is taken.
        """
        with threadpool_limits(1):  # how sums are shared out decides how they are rounded
            return cls._fit(train, validation)

    @classmethod
    def _fit(cls, train: Batch, validation: Batch) -> FittedRidge:
        from sklearn.linear_model import Ridge

        scaling = Scaling.of(train.vectors)
        seen, unseen = scaling.standardise(train.vectors), scaling.standardise(validation.vectors)
        errors, models = [], []
        for strength in STRENGTHS[::-1]:
            model = Ridge(alpha=strength).fit(seen, train.scores)
            models.append(model)
            predicted = model.predict(unseen).reshape(validation.scores.shape)
            errors.append(np.abs(predicted - validation.scores).mean(axis=0))
        best = np.argmin(np.array(errors), axis=0)
        columns = range(train.scores.shape[1])
        chosen = np.array([np.atleast_2d(models[best[d]].coef_)[d] for d in columns])
        offsets = np.array([np.atleast_1d(models[best[d]].intercept_)[d] for d in columns])
        # In the order of the saved file: the order of additions decides the last bits.
        weights = np.ascontiguousarray((chosen / scaling.spread).T)
        strengths = tuple(STRENGTHS[::-1][b] for b in best)
        return cls(weights, offsets - scaling.mean @ weights, strengths)

    @classmethod
    def load(cls, folder: Path) -> FittedRidge:
        """What `save` wrote."""
        arrays = read_arrays(folder)
        return cls(arrays["weights"], arrays["intercept"], tuple(read_about(folder)["strengths"]))


PROBE = FittedRidge
