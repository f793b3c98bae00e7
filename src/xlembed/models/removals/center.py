"""Subtracts the mean of the vector's language."""

from __future__ import annotations

import numpy as np

from xlembed.models.removal import Method, Removal, Sums


def fit(sums: Sums, components: int) -> Removal:
    """The mean alone."""
    return Removal(sums.mean, np.zeros((len(sums.mean), 0)))


METHOD = Method("center", "+center", fit, components=0, by_language=True)
