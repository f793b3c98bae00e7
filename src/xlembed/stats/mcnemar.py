"""McNemar's exact test for 0/1 outcomes of two models on the same, independent units (McNemar 1947)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest


@dataclass(frozen=True)
class McNemar:
    """Outcome of the two-sided exact test, with its 2x2 table of units that both, one or none of A and B hit.

    The p-value is the binomial one of `only_a` among the discordant units; 1 without any.
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    p_value: float


def has_one_unit_per_cluster(clusters: ArrayLike) -> bool:
    """Whether McNemar's test may be used: no two units (one cluster id or number each) share a cluster."""
    array = np.asarray(clusters)
    return len(np.unique(array)) == array.size


def mcnemar_test(hits_a: ArrayLike, hits_b: ArrayLike, clusters: ArrayLike) -> McNemar:
    """Compare hit@1 (0 or 1, or bool) of two models on the units of one cell; their clusters are all different.

    Raises:
        ValueError: if shapes differ, a value is neither 0 nor 1, or a cluster has several units: pooled
            translations make the test reject far too often, use `sign_flip_tests` there.

    >>> mcnemar_test([1, 1, 1, 0], [1, 0, 0, 0], ["c1", "c2", "c3", "c4"])
    McNemar(both=1, only_a=2, only_b=0, neither=1, p_value=0.5)
    """
    a, b, units = np.asarray(hits_a), np.asarray(hits_b), np.asarray(clusters)
    if not (a.ndim == 1 and a.shape == b.shape == units.shape):
        raise ValueError(f"expected three lists of one length, found {a.shape}, {b.shape} and {units.shape}")
    if not (np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all()):
        raise ValueError("expected hits of 0 or 1")
    if not has_one_unit_per_cluster(units):
        raise ValueError("McNemar's test needs one unit per cluster: use sign_flip_tests for clustered units")
    a, b = a.astype(bool), b.astype(bool)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    discordant = only_a + only_b
    p_value = float(binomtest(only_a, discordant, 0.5).pvalue) if discordant else 1.0
    return McNemar(int((a & b).sum()), only_a, only_b, int((~a & ~b).sum()), p_value)
