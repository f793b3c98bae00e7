"""Values of every unit through ir_measures, once per distinct pattern of ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import ir_measures
import numpy as np
from numpy.typing import NDArray

from xlembed.measures import Measure


class JudgedRanks(NamedTuple):
    """All that a measure needs to know of one unit's ranking.

    Attributes:
        n_retrieved: documents in the ranking (after removal of the ignored ones).
        ranks: rank from 1 of each relevant document, 0 if it was not retrieved.
        grades: relevance grade >= 1 of each, in the same order.
    """

    n_retrieved: int
    ranks: tuple[int, ...]
    grades: tuple[int, ...]


def measure_units(
    units: Sequence[JudgedRanks], measures: Sequence[Measure]
) -> dict[str, NDArray[np.float64]]:
    """One value per unit and measure, keyed by measure name.

    A document's name does not matter to a measure, so ranks stand for names, and units with the same
    pattern share one computation: 85,000 units of XQuAD have some hundred patterns. A measure without a
    cutoff (MRR) takes the ranks as they are, even beyond `n_retrieved`: exact search knows them.
    """
    if not units:
        return {m.name: np.empty(0) for m in measures}
    deepest = max((m.cutoff for m in measures if m.cutoff), default=0)
    patterns: dict[JudgedRanks, int] = {}
    index = np.array([patterns.setdefault(_cut(u, deepest), len(patterns)) for u in units])
    values = _measure_patterns(list(patterns), [m for m in measures if m.cutoff])
    result = {name: column[index] for name, column in values.items()}
    if any(m.cutoff is None for m in measures):
        result["MRR"] = np.array(
            [1.0 / min(found) if (found := [r for r in u.ranks if r]) else 0.0 for u in units]
        )
    return {m.name: result[m.name] for m in measures}


def _cut(unit: JudgedRanks, deepest: int) -> JudgedRanks:
    """The part of a unit that measures with cutoffs can see, in one canonical order."""
    pairs = sorted((r if r <= deepest else 0, g) for r, g in zip(unit.ranks, unit.grades, strict=True))
    return JudgedRanks(min(unit.n_retrieved, deepest), tuple(r for r, _ in pairs), tuple(g for _, g in pairs))


def _measure_patterns(
    patterns: Sequence[JudgedRanks], measures: Sequence[Measure]
) -> dict[str, NDArray[np.float64]]:
    values = {m.name: np.zeros(len(patterns)) for m in measures}
    if not measures:
        return values
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for i, pattern in enumerate(patterns):
        judged = enumerate(zip(pattern.ranks, pattern.grades, strict=True))
        qrels[str(i)] = {f"rank {r}" if r else f"missed {j}": g for j, (r, g) in judged}
        # score = -rank: distinct in float32, so no engine of ir_measures has a tie to break its own way
        run[str(i)] = {f"rank {r}": -float(r) for r in range(1, pattern.n_retrieved + 1)}
    names = {m.ir: m.name for m in measures}
    for metric in ir_measures.iter_calc(list(names), qrels, run):
        values[names[metric.measure]][int(metric.query_id)] = metric.value
    return values
