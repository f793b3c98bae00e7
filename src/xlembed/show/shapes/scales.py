"""Axes of shares, of numbers, and of milliseconds: limits with air, round ticks, a grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator, NullLocator

from xlembed.show.style import GRID
from xlembed.show.text import MINUS

LEAST_TICKS = 4
"""With fewer a value between them cannot be read."""
LEAST_SPAN = 4.0
"""Slowest over fastest on the axis, at least: equal models must not look far apart."""


def scale(
    axes: Axes,
    limits: tuple[float, float],
    label: str = "",
    *,
    upright: bool = True,
    n: int = 5,
    text: Callable[[float], str] | None = None,
    factor: float = 1.0,
) -> None:
    """Limits, about `n` round ticks inside, a grid and a label, on the y axis or else the x axis.

    Ticks say `text` of their value; default: all with the same number of digits, multiplied with `factor` (100 for
    shares in %).
    """
    axis = axes.yaxis if upright else axes.xaxis
    (axes.set_ylim if upright else axes.set_xlim)(*limits)
    set_ticks(axis, limits, n, text or str)
    if text is None:
        places = [float(x) * factor for x in axis.get_ticklocs()]
        digits = max((len(f"{x:.4f}".rstrip("0").partition(".")[2]) for x in places), default=0)
        axis.set_ticks([x / factor for x in places], [f"{x:,.{digits}f}".replace("-", MINUS) for x in places])
    axis.grid(True, color=GRID, linewidth=0.6)
    (axes.set_ylabel if upright else axes.set_xlabel)(label)


def percent_scale(axes: Axes, values: Sequence[float], label: str, upright: bool = True) -> None:
    """Shares in [0, 1] with some air around them, ticks in %."""
    scale(axes, quality_limits(values), label, upright=upright, text=percent_tick)


def percent_tick(value: float) -> str:
    """A share on an axis in %.

    >>> percent_tick(0.125)
    '12.5'
    """
    return f"{100 * value:.4g}".replace("-", MINUS)


def set_ticks(
    axis: Axis, limits: tuple[float, float], n: int, text: Callable[[float], str], whole: bool = False
) -> None:
    """About `n` round ticks inside the limits, none beyond; more where so many leave fewer than `LEAST_TICKS`."""
    inside: list[float] = []
    for more in range(n, 2 * n + 1):
        found = MaxNLocator(more, steps=[1, 2, 5, 10], integer=whole).tick_values(*limits)
        inside = [float(x) for x in found if limits[0] <= x <= limits[1]]
        if len(inside) >= LEAST_TICKS:
            break
    axis.set_ticks(inside, [text(x) for x in inside])


def log2_scale(
    axes: Axes, values: Sequence[int], texts: Sequence[str], label: str, air: float = 0.35
) -> None:
    """An x axis of powers of two, drawn at their logarithms."""
    places = [math.log2(v) for v in values]
    axes.set_xlim(min(places) - air, max(places) + air)
    axes.set_xticks(places, list(texts))
    axes.set_xlabel(label)


def quality_limits(values: Sequence[float]) -> tuple[float, float]:
    """From the lowest to the highest, with air, within [0, 1].

    >>> quality_limits([0.5, 0.7])
    (0.484, 0.716)
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = max(0.08 * (high - low), 0.01)
    return round(max(0.0, low - air), 6), round(min(1.0, high + air) if high <= 1 else high + air, 6)


def limits_of(values: Sequence[float], share: float, least: float) -> tuple[float, float]:
    """From the lowest to the highest, with a share of their distance as air, or at least so much.

    >>> limits_of([0.0, 1.0], 0.25, 0.1)
    (-0.25, 1.25)
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = max(share * (high - low), least)
    return low - air, high + air


def time_scale(axes: Axes, times: Sequence[float], label: str, margin: float) -> None:
    """A log x axis of milliseconds that holds all times, at least the factor `margin` from its edges."""
    low, high = min(times), max(times)
    widen = max(margin, math.sqrt(LEAST_SPAN * low / high))
    axes.set_xscale("log")
    axes.set_xlim(low / widen, high * widen)
    ticks = round_ticks(*axes.get_xlim())
    axes.set_xticks(ticks, [f"{x:,g}" for x in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_xlabel(label)


def round_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within the limits; of many only the powers.

    >>> round_ticks(0.4, 30)
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    found = [x for x in every if low <= x <= high]
    return found if len(found) <= 8 else [x for x in found if f"{x:e}".startswith("1.0")]
