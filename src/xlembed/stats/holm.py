"""Families of tests and Holm's correction within them (Holm 1979, Scand. J. Statist. 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xlembed.stats.layout import Floats
from xlembed.words import Choice

N_MACROS = 4
"""monolingual, cross_lingual, true_cross_lingual with pool all, and with pool target."""


class FamilyKind(Choice):
    """Whether a family was named before the data were seen."""

    PRIMARY = "primary"
    EXPLORATORY = "exploratory"


@dataclass(frozen=True)
class Family:
    """Tests that are corrected together.

    Attributes:
        kind: primary or exploratory.
        name: what the tests have in common, for tables.
        size: number of tests.
    """

    kind: FamilyKind
    name: str
    size: int


@dataclass(frozen=True)
class Comparison:
    """One test of model A against model B, before correction.

    Attributes:
        model_a: name of A.
        model_b: name of B.
        measure: as printed, ``accuracy@1``.
        mode: mode of evaluation.
        p_value: unadjusted, in [0, 1].
        pool: pool of documents, where the mode has two.
        cell: language or pair; None = the macro.
    """

    model_a: str
    model_b: str
    measure: str
    mode: str
    p_value: float
    pool: str | None = None
    cell: str | None = None


@dataclass(frozen=True)
class Adjusted:
    """A comparison with the family it was corrected in; "better" is read from `p_adjusted` only."""

    comparison: Comparison
    family: Family
    p_adjusted: float


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


def primary_size(n_models: int, n_macros: int = N_MACROS) -> int:
    """Tests of the primary family: all pairs of models x the macros.

    >>> primary_size(3)
    12
    """
    return n_models * (n_models - 1) // 2 * n_macros


def adjust(comparisons: Sequence[Comparison], primary_measure: str = "accuracy@1") -> tuple[Adjusted, ...]:
    """Sort comparisons into families and correct each.

    The primary family is every macro of the primary measure, over all pairs of models and all modes. All
    else is exploratory: one family per measure and mode (both pools, macros and cells of all pairs).

    Returns:
        One result per comparison, in the order given.

    Raises:
        ValueError: if two comparisons are about the same thing (A against B is also B against A), or as
            `holm`.
    """
    seen: set[tuple[object, ...]] = set()
    members: dict[tuple[FamilyKind, str], list[int]] = {}
    for i, c in enumerate(comparisons):
        topic = (frozenset((c.model_a, c.model_b)), c.measure, c.mode, c.pool, c.cell)
        if topic in seen or c.model_a == c.model_b:
            raise ValueError(f"expected each pair of models once per measure and cell, found again: {c}")
        seen.add(topic)
        primary = c.cell is None and c.measure == primary_measure
        kind = FamilyKind.PRIMARY if primary else FamilyKind.EXPLORATORY
        members.setdefault((kind, c.measure if primary else f"{c.measure}, {c.mode}"), []).append(i)
    result: dict[int, Adjusted] = {}
    for (kind, name), rows in members.items():
        family = Family(kind, name, len(rows))
        for i, p in zip(rows, holm([comparisons[i].p_value for i in rows]), strict=True):
            result[i] = Adjusted(comparisons[i], family, float(p))
    return tuple(result[i] for i in range(len(comparisons)))
