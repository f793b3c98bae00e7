"""How small a difference the task could show; never computed from the difference that was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from xlembed.stats.scores import Difference


@dataclass(frozen=True)
class Power:
    """Smallest difference that a two-sided test finds with 80 %, with alpha by the family's size, and as it is."""

    detectable: float
    detectable_unadjusted: float


def discordant_needed(alpha: float) -> int:
    """Discordant clusters without which not even a unanimous result goes below alpha: p = 2^(1 - k).

    >>> discordant_needed(0.05)
    6
    """
    return math.ceil(1 - math.log2(alpha))


def smallest_detectable(
    se: float,
    n_clusters: int,
    family_size: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    n_discordant_clusters: int | None = None,
) -> float:
    """The difference D that solves D = (t(1 - alpha/2m) + t(power)) x sqrt(SE^2 + b D / n).

    t has n - 1 degrees of freedom, SE (of the paired difference, from the bootstrap) is corrected by sqrt(n / (n - 1))
    and at least sqrt(3) / n (see `detectable_difference`); m is the family's size. A true difference makes more
    clusters discordant than were seen, which the second term stands for: b is the size of a discordant cluster's
    difference, at most 1 (root mean square, SE n / sqrt(k), of k discordant clusters; None: all of them). The formula
    without it promised 80 % and had 34 to 81 % with 200 clusters.

    >>> round(smallest_detectable(0.01, 1000), 4)
    0.0293
    """
    n = n_clusters
    quantiles = float(stdtrit(n - 1, 1 - alpha / (2 * family_size)) + stdtrit(n - 1, power))
    floored = max(se * math.sqrt(n / (n - 1)), math.sqrt(3) / n)
    k = max(3, n if n_discordant_clusters is None else n_discordant_clusters)
    linear = quantiles**2 * min(1.0, floored * n / math.sqrt(k)) / n
    return (linear + math.sqrt(linear**2 + 4 * quantiles**2 * floored**2)) / 2


def detectable_difference(difference: Difference, family_size: int = 1, alpha: float = 0.05) -> Power | None:
    """Smallest difference found with 80 % or more, by the SE of the paired cluster difference; None without an SE.

    The floor: n clusters of which the share q is discordant, each by a whole point, have SE = sqrt(q / n).
    So q = SE^2 n is the discordance that an SE stands for, and it is taken as at least 3 / n (what "none
    seen" leaves possible), that is SE >= sqrt(3) / n. The same holds for a macro, with the clusters of all
    its cells.

    A test on the signs of k discordant clusters cannot go below p = 2^(1 - k), so fewer than 6 of them cannot
    reject at 5 %. Clusters are counted, since signs are flipped by cluster: fewer than 6 discordant units are
    fewer than 6 such clusters, and with one unit per cluster the two are the same.

    Args:
        difference: from `difference_cells`; only its SE and counts are used.
        family_size: m, tests in the Holm family.
        alpha: two-sided level.

    Raises:
        ValueError: if family_size < 1, or alpha is not inside (0, 1).
    """
    if family_size < 1 or not 0 < alpha < 1:
        raise ValueError(f"expected family_size >= 1 and alpha in (0, 1), found {family_size}, {alpha}")
    if difference.se is None:
        return None
    n, k = difference.n_clusters, difference.n_discordant_clusters
    adjusted, as_it_is = (
        smallest_detectable(difference.se, n, size, alpha, n_discordant_clusters=k)
        for size in (family_size, 1)
    )
    return Power(adjusted, as_it_is)
