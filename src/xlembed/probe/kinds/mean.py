"""The floor: always the mean of the training part, which asks nothing of a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlembed.data.scored import Scores
from xlembed.probe.base import Batch, FitOptions, read_arrays, write_probe
from xlembed.words import Vectors


@dataclass(frozen=True, eq=False)
class FittedMean:
    """Attributes: mean: float64, shape (n_dimensions,)."""

    mean: Scores

    @property
    def n_parameters(self) -> int:
        """A mean per dimension."""
        return self.mean.size

    @property
    def details(self) -> Mapping[str, Any]:
        """Nothing was chosen."""
        return {}

    def predict(self, vectors: Vectors) -> Scores:
        """The same for every text."""
        return np.tile(self.mean, (len(vectors), 1))

    def save(self, folder: Path) -> None:
        """One array."""
        write_probe(folder, "mean", {}, {"mean": self.mean})

    @classmethod
    def fit(cls, train: Batch, validation: Batch, options: FitOptions) -> FittedMean:
        """Mean score, or share of the label, in the training part. Nothing is chosen on validation."""
        return cls(train.scores.mean(axis=0))

    @classmethod
    def load(cls, folder: Path) -> FittedMean:
        """What `save` wrote."""
        return cls(read_arrays(folder)["mean"])


PROBE = FittedMean
