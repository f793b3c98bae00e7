"""Do rankings carry over? Kendall's tau between the rankings of the same models on two tasks (Kendall 1945, tau-b).

Each task's clusters are resampled with that task's own weights, the two tasks independently: the second task's
resamples are put in another order, so that tasks which happen to share cluster ids, and with them weights, do not move
together.
Intervals are percentiles. Noise in the scores of a resample comes on top of the noise that is in the data, so they lean
towards 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from xlembed.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed, resample
from xlembed.stats.comparison import Evaluated, align
from xlembed.stats.evaluation import cell_layout
from xlembed.stats.layout import Floats
from xlembed.stats.spearman import percentile_ends
from xlembed.words import UserError

TIE = 1e-12
"""Scores this close are equal."""
FEW_MODELS = 5
"""With fewer, tau has so few values that an interval says little."""


@dataclass(frozen=True)
class MacroScores:
    """One macro of several models on one task: `values` of shape (n_models,), `resamples` (n_models, n_resamples)."""

    kind: str
    pool: str
    values: Floats
    resamples: Floats
    n_units: int
    n_clusters: int


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau-b of one macro on two tasks.

    Attributes:
        tau: in [-1, 1]; NaN if all models are equal on one task.
        ci_low: 95 % percentile interval; None if a task has under 10 clusters.
        ci_high: likewise.
        first: scores on the first task.
        second: scores on the second task.
    """

    tau: float
    ci_low: float | None
    ci_high: float | None
    first: MacroScores
    second: MacroScores

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded to 1e-6; ranks from 1, equal scores sharing the mean of their ranks."""
        numbers = {"tau": self.tau, "ci_low": self.ci_low, "ci_high": self.ci_high}
        sides = [(side.values, side.n_units, side.n_clusters) for side in (self.first, self.second)]
        return {
            "kind": self.first.kind,
            "pool": self.first.pool,
            **{k: None if x is None or math.isnan(x) else round(x, 6) for k, x in numbers.items()},
            "n_models": len(self.first.values),
            "scores": [[round(float(v), 6) for v in values] for values, _, _ in sides],
            "ranks": [rankdata(-np.round(values, 9)).tolist() for values, _, _ in sides],
            "n_units": [n for _, n, _ in sides],
            "n_clusters": [n for _, _, n in sides],
        }


def rank_agreement(
    first: Sequence[Evaluated], second: Sequence[Evaluated], measure: Measure, n_resamples: int = N_RESAMPLES
) -> list[Agreement]:
    """Tau of every macro that both tasks have, with a 95 % percentile interval; models are in the same order in both.

    Raises:
        UserError: fewer than two models, other models on the second task, other units between models of a task, or no
            macro that both tasks have.
    """
    names = [m.name for m in first]
    if names != [m.name for m in second]:
        raise UserError(
            f"expected the same models on both tasks, found {', '.join(names)} and "
            f"{', '.join(m.name for m in second)}"
        )
    if len(names) < 2:
        raise UserError(f"a ranking needs at least two models, found {', '.join(names) or 'none'}")
    left = macro_scores(first, measure, n_resamples)
    right = {(m.kind, m.pool): m for m in macro_scores(second, measure, n_resamples)}
    shared = [(m, right[m.kind, m.pool]) for m in left if (m.kind, m.pool) in right]
    if not shared:
        raise UserError("the two tasks have no mode in common: evaluate both with the same modes")
    rng = np.random.default_rng(cluster_seed([c for m in (*first, *second) for c in m.units["cluster"]]) + 2)
    order = rng.permutation(n_resamples)
    found = []
    for a, b in shared:
        tau = float(kendall_tau(a.values[:, None], b.values[:, None])[0])
        ends = percentile_ends(
            kendall_tau(a.resamples, b.resamples[:, order]), min(a.n_clusters, b.n_clusters)
        )
        found.append(Agreement(tau, *ends, a, b))
    return found


def macro_scores(models: Sequence[Evaluated], measure: Measure, n_resamples: int) -> list[MacroScores]:
    """Every macro of some models on one task.

    Raises:
        UserError: their units differ, or one lacks the measure.
    """
    for model in models:
        if measure.column not in model.units:
            raise UserError(f"{model.name} was evaluated without {measure.name}: evaluate it again")
    aligned, _ = align(models, intersect=False)
    table = aligned[0].units
    cells = cell_layout(table, sorted(set(table["cluster"])))
    values = np.column_stack([m.units[measure.column].to_numpy(dtype=np.float64) for m in aligned])
    drawn = resample(cells.layout, values, cells.macros, n_resamples)
    found = []
    for i, name in enumerate(drawn.macro_cells):
        kind, _, pool = name.partition("/")
        row = cells.layout.n_cells + i
        n_units, n_clusters = int(drawn.n_units[row]), int(drawn.n_clusters[row])
        found.append(MacroScores(kind, pool, drawn.value[row], drawn.macro_resamples[i], n_units, n_clusters))
    return found


def kendall_tau(x: Floats, y: Floats) -> Floats:
    """Tau-b of each column: concordant minus discordant pairs over the root of the pairs untied in x and in y.

    `x` and `y` have the shape (n_models, n); tau has (n,), in [-1, 1], NaN where a side is constant.

    >>> kendall_tau(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [3.0], [2.0]])).round(3).tolist()
    [0.333]
    """
    upper = np.triu_indices(len(x), 1)
    apart = (v[upper[0]] - v[upper[1]] for v in (x, y))
    a, b = (np.sign(np.where(np.abs(d) < TIE, 0.0, d)) for d in apart)
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: Floats = (a * b).sum(axis=0) / np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return tau
