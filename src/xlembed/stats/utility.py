"""A weighted sum of macro averages for several models, and how sure its ranking is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from xlembed.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed, resample, score_ends
from xlembed.stats.evaluation import cell_layout
from xlembed.stats.holm import holm
from xlembed.stats.intervals import drawn_ends
from xlembed.stats.layout import Floats
from xlembed.stats.order import DIGITS, places
from xlembed.stats.scores import MIN_CLUSTERS
from xlembed.stats.signflip import N_FLIPS, cluster_contributions, flips_needed, sign_flip_tests


@dataclass(frozen=True, eq=False)
class Macros:
    """Macro averages of one model, by `kind/pool`.

    Attributes:
        values: mean of the cells.
        draws: float64, shape (n_resamples,), in the same resamples for every model of a task.
        n_clusters: that they rest on.
        ends: unadjusted 95 % interval as `score_cells` makes it; None under 10 clusters.
        cluster_ids: of the whole task, sorted.
        contributions: what each of these clusters adds to the value.
    """

    values: Mapping[str, float]
    draws: Mapping[str, Floats]
    n_clusters: int
    ends: Mapping[str, tuple[float, float] | None] = field(default_factory=dict)
    cluster_ids: tuple[str, ...] = ()
    contributions: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranked:
    """A model's place among others, and how sure it is.

    Attributes:
        points: the weighted sum.
        place: from 1; equal models share it.
        with_best: whether it is not told apart from the first (paired tests, Holm); None: not tested.
        first: share of the resamples in which it is first, shared with those that are equal; None under 10 clusters.
        behind: points less than the first one's, >= 0.
        behind_low: lower end of the unadjusted 95 % interval of `behind`; None under 10 clusters; likewise
            `behind_high`.
    """

    name: str
    points: float
    place: int
    with_best: bool | None
    first: float | None
    behind: float
    behind_low: float | None
    behind_high: float | None


def macro_draws(
    units: pd.DataFrame, languages: Sequence[str], measure: Measure, n_resamples: int = N_RESAMPLES
) -> Macros:
    """Macro averages over the cells of some languages (both of a cell's), with their cluster bootstrap.

    `units` are all of the model's, since the clusters of the task decide on the resamples.
    """
    inside = units[units["query_lang"].isin(languages) & units["doc_lang"].isin(languages)]
    values = inside[[measure.column]].to_numpy(dtype=np.float64)
    binary = measure.is_binary(bool((units["n_relevant"] == 1).all()))
    cells = cell_layout(inside, sorted(set(units["cluster"])))
    drawn = resample(cells.layout, values, cells.macros, n_resamples)
    ends, _ = score_ends(drawn, [binary], [bool(((values >= 0) & (values <= 1)).all())])
    first = len(cells.cells)
    return Macros(
        {name: float(drawn.value[first + i, 0]) for i, name in enumerate(drawn.macro_cells)},
        {name: drawn.macro_resamples[i, 0] for i, name in enumerate(drawn.macro_cells)},
        len(set(inside["cluster"])),
        {
            name: (float(ends.low[first + i, 0]), float(ends.high[first + i, 0]))
            if drawn.n_clusters[first + i] >= MIN_CLUSTERS
            else None
            for i, name in enumerate(drawn.macro_cells)
        },
        cells.layout.cluster_ids,
        {
            name: cluster_contributions(cells.layout, values, members)[:, 0]
            for name, members in cells.macros.items()
        },
    )


def rank(
    models: Mapping[str, Macros],
    fixed: Mapping[str, float],
    weights: Mapping[str, float],
    alpha: float = 0.05,
) -> list[Ranked]:
    """The models by weighted sum, the best first; equal ones share a place and stand by name.

    Args:
        models: each with every macro that `weights` names.
        fixed: model -> points that no resample changes (speed, bytes), weighted already.
        weights: `kind/pool` -> weight.
        alpha: level of the tests that tell a model apart from the first.
    """
    points = {m: fixed[m] + sum(w * models[m].values[key] for key, w in weights.items()) for m in models}
    draws = {
        m: fixed[m] + sum((w * models[m].draws[key] for key, w in weights.items()), np.zeros(1))
        for m in models
    }
    n_clusters = min(m.n_clusters for m in models.values())
    enough = n_clusters >= MIN_CLUSTERS and bool(weights)
    best = min(points, key=lambda m: (-round(points[m], DIGITS), m))
    p_values = _against(best, models, fixed, weights, alpha) if enough else {}
    pairs = {frozenset((best, m)): p for m, p in p_values.items()}
    order = places(points, {pair for pair, p in pairs.items() if p < alpha}, pairs)
    every = np.nan_to_num(np.vstack([draws[p.model] for p in order]), nan=-np.inf)
    leads = np.round(every, DIGITS) == np.round(every.max(axis=0), DIGITS)
    shares = leads / leads.sum(axis=0)
    ranked = []
    for p, share in zip(order, shares, strict=True):
        low, high, _ = drawn_ends(p.behind, draws[best] - draws[p.model], n_clusters if enough else 0)
        ranked.append(
            Ranked(
                p.model,
                points[p.model],
                p.place,
                p.with_best if enough else None,
                float(share.mean()) if enough else None,
                p.behind,
                low,
                high,
            )
        )
    return ranked


def _against(
    best: str,
    models: Mapping[str, Macros],
    fixed: Mapping[str, float],
    weights: Mapping[str, float],
    alpha: float,
) -> dict[str, float]:
    """Adjusted p (Holm) of "as many points as the best", by sign flips of what each cluster adds to the difference.

    What no resample changes is spread evenly over the clusters. Models of other clusters are not tested.
    """
    ids = models[best].cluster_ids
    others = [m for m in models if m != best and ids and models[m].cluster_ids == ids]
    if not others:
        return {}
    parts = [
        (fixed[best] - fixed[m]) / len(ids)
        + sum(w * (models[best].contributions[k] - models[m].contributions[k]) for k, w in weights.items())
        for m in others
    ]
    rng = np.random.default_rng(cluster_seed(ids) + 1)  # + 1: not the stream of the bootstrap weights
    n_flips = max(N_FLIPS, flips_needed(len(others), alpha))
    tests = sign_flip_tests(np.column_stack(parts), rng, n_flips)
    return dict(zip(others, map(float, holm([t.p_value for t in tests])), strict=True))
