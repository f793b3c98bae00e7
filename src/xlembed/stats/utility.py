"""A weighted sum of macro averages for several models, and how sure its ranking is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from xlembed.metrics.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES, resample, score_ends
from xlembed.stats.evaluation import cell_layout
from xlembed.stats.intervals import drawn_ends
from xlembed.stats.layout import Floats
from xlembed.stats.scores import MIN_CLUSTERS


@dataclass(frozen=True, eq=False)
class Macros:
    """Macro averages of one model.

    Attributes:
        values: `kind/pool` -> mean of its cells.
        draws: `kind/pool` -> float64, shape (n_resamples,), in the same resamples for every model of a task.
        n_clusters: that they rest on.
        ends: `kind/pool` -> unadjusted 95 % interval as `score_cells` makes it; None under 10 clusters.
    """

    values: Mapping[str, float]
    draws: Mapping[str, Floats]
    n_clusters: int
    ends: Mapping[str, tuple[float, float] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A model's place among others.

    Attributes:
        name: of the model.
        points: the weighted sum.
        first: share of the resamples in which it is first; None under 10 clusters.
        behind: points less than the first one's, >= 0.
        behind_low: lower end of the unadjusted 95 % interval of `behind`; None under 10 clusters.
        behind_high: upper end.
    """

    name: str
    points: float
    first: float | None
    behind: float
    behind_low: float | None
    behind_high: float | None


def macro_draws(
    units: pd.DataFrame, languages: Sequence[str], measure: Measure, n_resamples: int = N_RESAMPLES
) -> Macros:
    """Macro averages over the cells of some languages, with their cluster bootstrap.

    Args:
        units: of one model; all of them, since the clusters of the task decide on the resamples.
        languages: a cell counts if both of its languages are among them.
        measure: a column of `units`.
        n_resamples: of the bootstrap.
    """
    inside = units[units["query_lang"].isin(languages) & units["doc_lang"].isin(languages)]
    values = inside[[measure.column]].to_numpy(dtype=np.float64)
    binary = measure.is_binary(bool((units["n_relevant"] == 1).all()))
    cells = cell_layout(inside, sorted(set(units["cluster"])))
    drawn = resample(cells.layout, values, cells.macros, n_resamples)
    ends, _ = score_ends(drawn, [binary], [bool(((values >= 0) & (values <= 1)).all())])
    first = len(cells.cells)
    return Macros(
        {name: float(drawn.value[first + i, 0]) for i, name in enumerate(drawn.macro_names)},
        {name: drawn.macro_resamples[i, 0] for i, name in enumerate(drawn.macro_names)},
        len(set(inside["cluster"])),
        {
            name: (float(ends.low[first + i, 0]), float(ends.high[first + i, 0]))
            if drawn.n_clusters[first + i] >= MIN_CLUSTERS
            else None
            for i, name in enumerate(drawn.macro_names)
        },
    )


def rank(
    models: Mapping[str, Macros], fixed: Mapping[str, float], weights: Mapping[str, float]
) -> list[Place]:
    """The models by weighted sum, the best first; equal ones by name.

    Args:
        models: each with every macro that `weights` names.
        fixed: model -> points that no resample changes (speed, bytes), weighted already.
        weights: `kind/pool` -> weight.
    """
    points = {m: fixed[m] + sum(w * models[m].values[key] for key, w in weights.items()) for m in models}
    draws = {
        m: fixed[m] + sum((w * models[m].draws[key] for key, w in weights.items()), np.zeros(1))
        for m in models
    }
    order = sorted(points, key=lambda m: (-points[m], m))
    n_clusters = min(m.n_clusters for m in models.values())
    enough = n_clusters >= MIN_CLUSTERS and bool(weights)
    best = order[0]
    leaders = np.argmax(np.nan_to_num(np.vstack([draws[m] for m in order]), nan=-np.inf), axis=0)
    places = []
    for i, name in enumerate(order):
        behind = points[best] - points[name]
        low, high, _ = drawn_ends(behind, draws[best] - draws[name], n_clusters if bool(weights) else 0)
        places.append(
            Place(
                name,
                points[name],
                float((leaders == i).mean()) if enough else None,
                behind,
                low,
                high,
            )
        )
    return places
