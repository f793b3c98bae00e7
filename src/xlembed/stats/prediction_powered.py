"""Few human judgements correct many machine ones: the prediction-powered mean (Angelopoulos et al. 2023, Science)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from xlembed.files import Record, Rounded
from xlembed.stats.intervals import SE_IS_ZERO, moments, share_ends, z_quantile

FEWEST = 10
"""Units judged by both and units judged by machine alone, below which a normal interval means nothing."""


class Mean(Record):
    """A mean with its 95 % interval, of so many units."""

    value: Rounded
    low: Rounded | None
    high: Rounded | None
    units: int


def plain_mean(values: ArrayLike) -> Mean:
    """Mean of shares, each in [0, 1], with the interval of all shares; none with fewer than `FEWEST` units.

    Raises:
        ValueError: there are no values.
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        raise ValueError("no values")
    value, n = float(found.mean()), len(found)
    if n < FEWEST:
        return Mean(value=value, low=None, high=None, units=n)
    _, skewness = moments(found)
    is_binary = np.isin(found, (0.0, 1.0)).all()
    ends, _ = share_ends(np.array(value), found.std() / math.sqrt(n), skewness / math.sqrt(n), n, is_binary)
    return Mean(value=value, low=float(ends.low), high=float(ends.high), units=n)


def powered_mean(machine_alone: ArrayLike, machine: ArrayLike, human: ArrayLike) -> Mean | None:
    """Machine's mean where nobody looked, plus the mean error of the machine where people did.

    mean(machine_alone) + mean(human - machine), with variance var(machine_alone) / N + var(human - machine) / n: scores
    of the N units that no person judged, and of the n that both did. It is right on average however wrong the machine
    is, if people looked at a random part of the units. None where either part has fewer than `FEWEST` units; normal
    interval, none where nothing varies.

    Raises:
        ValueError: `machine` and `human` differ in length.
    """
    alone, seen, true = (np.asarray(values, dtype=np.float64) for values in (machine_alone, machine, human))
    if len(seen) != len(true):
        raise ValueError(f"expected as many of each, found {len(seen)} and {len(true)}")
    if min(len(alone), len(seen)) < FEWEST:
        return None
    error = true - seen
    variance = float(alone.var(ddof=1)) / len(alone) + float(error.var(ddof=1)) / len(error)
    value, half = float(alone.mean() + error.mean()), z_quantile(0.95) * math.sqrt(variance)
    ends = (value - half, value + half) if half > SE_IS_ZERO else (None, None)
    return Mean(value=value, low=ends[0], high=ends[1], units=len(alone) + len(seen))
