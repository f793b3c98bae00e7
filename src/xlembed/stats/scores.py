"""What the statistics give back: a number is never without its interval and its counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from xlembed.words import Choice

MIN_CLUSTERS = 10
"""With fewer clusters there is no interval."""
FEW_CLUSTERS = 20
"""Under so many clusters nothing is promised of intervals (docs/statistics.md)."""


class CiMethod(Choice):
    """How an interval was made; stored with each value."""

    WILSON_EFFECTIVE_N = "wilson_effective_n"
    WILSON_N_CLUSTERS = "wilson_n_clusters"
    WILSON_SPARSE = "wilson_sparse: few clusters carry the score"
    SKEWED_T = "skewed_t"
    CLUSTER_PERCENTILE = "cluster_percentile"
    RULE_OF_THREE = "rule_of_three"
    NONE = f"none: fewer than {MIN_CLUSTERS} clusters"


@dataclass(frozen=True)
class Score:
    """One measure in one cell or macro, with an unadjusted interval; None for what there is not.

    Attributes:
        value: mean over the units of the cell; for a macro, unweighted mean of its cells.
        se: standard error from the cluster bootstrap; None under 10 clusters.
        n_units: behind the value; likewise distinct needs and clusters.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    ci_method: CiMethod
    se: float | None
    n_units: int
    n_needs: int
    n_clusters: int


@dataclass(frozen=True)
class Difference(Score):
    """Paired difference A - B of a measure on the same units.

    Attributes:
        n_discordant: units where A and B differ.
        n_discordant_clusters: clusters whose contribution to the difference is not 0; the only ones that
            move a sign-flip test.
    """

    n_discordant: int
    n_discordant_clusters: int


T = TypeVar("T", bound=Score)


@dataclass(frozen=True)
class Table(Generic[T]):
    """Scores or differences of all cells, macros and measures.

    Attributes:
        cells: one row per cell, one column per measure; None where a cell has no units (missing, never 0).
        macros: name -> one entry per measure; None if none of its cells has units.
        macro_cells: name -> the cells that were present, over which the macro is the mean.
    """

    cells: tuple[tuple[T | None, ...], ...]
    macros: Mapping[str, tuple[T | None, ...]]
    macro_cells: Mapping[str, tuple[int, ...]]
