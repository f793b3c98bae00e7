"""Do two judges agree beyond chance? Cohen's kappa (1960), its interval by resampling clusters of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from xlembed.files import Record, Rounded
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_weights
from xlembed.stats.layout import Floats
from xlembed.stats.scores import MIN_CLUSTERS


class Kappa(Record):
    """Two judges on the same pairs, each saying yes or no.

    Attributes:
        kappa: in [-1, 1]; None where both say the same of all pairs and chance explains everything.
        low: lower end of the 95 % interval; None as above, with fewer than ten clusters, or where no resample differs.
        high: upper end.
        agreed: share of pairs on which they agree.
        both: pairs that both call right; `only_first`, `only_second`: one alone; `neither`: none.
    """

    kappa: Rounded | None
    low: Rounded | None
    high: Rounded | None
    agreed: Rounded
    both: int
    only_first: int
    only_second: int
    neither: int
    clusters: int


def cohens_kappa(
    first: ArrayLike, second: ArrayLike, clusters: Sequence[str], n_resamples: int = N_RESAMPLES
) -> Kappa:
    """(agreement - chance) / (1 - chance); percentile interval, resamples in which it is not defined left out.

    `first` and `second` tell of each pair whether that judge says yes; pairs of one query are of one cluster.

    Raises:
        ValueError: there are no pairs, or lengths differ.
    """
    x, y = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if not len(x) == len(y) == len(clusters) > 0:
        raise ValueError(f"expected as many of each, found {len(x)}, {len(y)}, {len(clusters)}")
    names, column = np.unique(np.asarray(clusters), return_inverse=True)
    cells = np.zeros((len(names), 4))
    np.add.at(cells, (column, 2 * ~x + ~y), 1)  # both, first alone, second alone, neither
    total = cells.sum(axis=0)
    value = float(_kappa(total[None, :])[0])
    low = high = None
    if len(names) >= MIN_CLUSTERS and np.isfinite(value):
        draws = np.concatenate(
            [_kappa(weights @ cells) for weights in cluster_weights([str(n) for n in names], n_resamples)]
        )
        if np.nanmax(draws) > np.nanmin(draws):  # else one judge says the same of all, or both agree on all
            low, high = (float(end) for end in np.nanpercentile(draws, (2.5, 97.5)))
    return Kappa(
        kappa=value if np.isfinite(value) else None,
        low=low,
        high=high,
        agreed=float((total[0] + total[3]) / total.sum()),
        both=int(total[0]),
        only_first=int(total[1]),
        only_second=int(total[2]),
        neither=int(total[3]),
        clusters=len(names),
    )


def _kappa(cells: Floats) -> Floats:
    """Of each row of counts; NaN where chance alone explains everything."""
    share = cells / cells.sum(axis=1, keepdims=True)
    first, second = share[:, 0] + share[:, 1], share[:, 0] + share[:, 2]
    chance = first * second + (1 - first) * (1 - second)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(chance < 1, (share[:, 0] + share[:, 3] - chance) / (1 - chance), np.nan)
    return found
