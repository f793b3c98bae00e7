"""Holm's correction of a family of tests (Holm 1979, Scand. J. Statist. 6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xlembed.stats.layout import Floats

N_MACROS = 4
"""monolingual, cross_lingual, true_cross_lingual with pool all, and with pool target."""


def holm(p_values: ArrayLike) -> Floats:
    """Holm's adjusted p-values, in the order given; empty in, empty out.

    Raises:
        ValueError: if a p-value is outside [0, 1] or not a number.

    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    array = np.asarray(p_values, dtype=np.float64).reshape(-1)
    if not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"expected p-values in [0, 1], found {array.min()} to {array.max()}")
    # Not statsmodels' multipletests: it collects garbage on every call, a third of a second in a large process.
    order = np.argsort(array, kind="stable")
    times = np.arange(len(array), 0, -1)
    adjusted = np.empty(len(array))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(array[order] * times))
    return adjusted


def primary_size(n_models: int) -> int:
    """Tests of the primary family: all pairs of models x the macros.

    >>> primary_size(3)
    12
    """
    return n_models * (n_models - 1) // 2 * N_MACROS
