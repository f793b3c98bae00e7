"""Standardisation of vectors and scores by the training part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
CONSTANT = 1e-12
"""A spread below this is none: the column is only centred."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and spread per column.

    Attributes:
        mean: float64, shape (n_columns,).
        spread: float64, shape (n_columns,), never 0.
    """

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, values: ArrayLike) -> Scaling:
        """Of the columns of an array, shape (n, n_columns)."""
        array = np.asarray(values, dtype=np.float64)
        spread = array.std(axis=0)
        return cls(array.mean(axis=0), np.where(spread > CONSTANT, spread, 1.0))

    def standardise(self, values: ArrayLike) -> Floats:
        """Mean 0 and spread 1 on the training part."""
        scaled: Floats = (np.asarray(values, dtype=np.float64) - self.mean) / self.spread
        return scaled

    def restore(self, values: ArrayLike) -> Floats:
        """Back on the original scale."""
        restored: Floats = np.asarray(values, dtype=np.float64) * self.spread + self.mean
        return restored
