"""Choosing a setting on one half of the clusters, so that the other half can judge it without favour."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtri

from xlembed.stats.evaluation import ScoreRow
from xlembed.stats.scores import CiMethod


@dataclass(frozen=True)
class Candidate:
    """A setting that may be chosen.

    Attributes:
        name: of the setting.
        lower: lower end of the interval of its recall; None if there is no interval.
        cost: the smaller the cheaper; later numbers break ties.
    """

    name: str
    lower: float | None
    cost: tuple[float, ...]


def split_clusters(clusters: Collection[str], seed: int) -> tuple[frozenset[str], frozenset[str]]:
    """Two halves, the second one larger if the number is odd; the order of the input does not matter.

    Example:
        >>> a, b = split_clusters(["x", "y", "z"], 1)
        >>> len(a), len(b), sorted(a | b)
        (1, 2, ['x', 'y', 'z'])
    """
    names = sorted(set(clusters))
    order = np.random.default_rng(seed).permutation(len(names))
    half = len(names) // 2
    return frozenset(names[i] for i in order[:half]), frozenset(names[i] for i in order[half:])


def cheapest(candidates: Sequence[Candidate], wanted: float) -> Candidate | None:
    """The cheapest candidate whose lower end reaches what is wanted; None if none does.

    Example:
        >>> a, b = Candidate("a", 0.98, (1.0,)), Candidate("b", 0.995, (2.0,))
        >>> cheapest([a, b], 0.99).name
        'b'
        >>> cheapest([a], 0.99) is None
        True
    """
    able = [c for c in candidates if c.lower is not None and c.lower >= wanted]
    return min(able, key=lambda c: (c.cost, c.name), default=None)


def lowest_macro(rows: Sequence[ScoreRow], measure: str) -> ScoreRow | None:
    """The macro that does worst: the smallest lower end, or the smallest value where there are no intervals."""
    macros = [row for row in rows if row.query_lang is None and row.measure == measure]

    def badness(row: ScoreRow) -> tuple[bool, float]:
        low = row.score.ci_low
        return (low is not None, row.score.value if low is None else low)

    return min(macros, key=badness, default=None)


def widen_perfect(rows: Sequence[ScoreRow], cuts: Sequence[int]) -> list[ScoreRow]:
    """Lower ends of a recall without a miss, or with so few that `intervals` calls it sparse, from what one miss costs.

    Wilson's interval treats a search as found or not found, which would rank a perfect recall@k below one with a
    miss. A search that misses a neighbour loses 1/k. Without a miss fewer than 3/n of n clusters have one unseen, with
    95 % confidence (rule of three, Hanley & Lippman-Hand 1983): the lower end is 1 - 3/(n k). With m misses the number
    expected is at most chi-square(0.975, 2 m + 2) / 2 (Garwood 1936).
    """
    fixed = []
    for row in rows:
        k = next(cut for cut in cuts if row.measure == f"recall@{cut}")
        score = row.score
        few = score.ci_method is CiMethod.WILSON_SPARSE and score.value > 0.5
        if score.ci_low is not None and (few or score.value >= 1.0):
            searches = score.n_clusters * k
            missed = (1 - score.value) * searches
            most = 3.0 if score.value >= 1.0 else float(chdtri(2 * missed + 2, 0.025)) / 2
            high = 1.0 if score.value >= 1.0 else score.ci_high
            low = max(0.0, 1 - most / searches)
            score = replace(score, ci_low=low, ci_high=high, ci_method=CiMethod.RULE_OF_THREE)
        fixed.append(replace(row, score=score))
    return fixed
