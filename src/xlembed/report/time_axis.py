"""Figures of quality over time: the log axis of milliseconds, and numbers beside the marks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from xlembed.report.page import text_width
from xlembed.report.placing import place_labels
from xlembed.report.style import FAINT, GRID, tint

LEAST_SPAN = 4.0
"""Slowest over fastest on the axis, at least: equal models must not look far apart."""
SIZE = 8.0
LEADER = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}
FAR = 18.0
"""Points from which a number needs a line to its mark."""


def time_axis(axes: Axes, times: Sequence[float], label: str, margin: float) -> None:
    """A log axis of milliseconds that holds all times with room beside them.

    Args:
        axes: whose x axis it becomes.
        times: positive.
        label: says of what.
        margin: least factor between a time and the edge.
    """
    low, high = min(times), max(times)
    widen = max(margin, math.sqrt(LEAST_SPAN * low / high))
    axes.set_xscale("log")
    axes.set_xlim(low / widen, high * widen)
    ticks = round_ticks(*axes.get_xlim())
    axes.set_xticks(ticks, [f"{x:,g}" for x in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_xlabel(f"{label} (log axis; left is faster)")


def round_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within the limits; of many only the powers.

    >>> round_ticks(0.4, 30)
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    found = [x for x in every if low <= x <= high]
    return found if len(found) <= 8 else [x for x in found if f"{x:e}".startswith("1.0")]


def place_on(axes: Axes, side: float, ms: float, value: float) -> tuple[float, float]:
    """A time and a value in points from the lower left corner of a square panel of `side` inches."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    across = math.log(ms / left) / math.log(right / left)
    return side * 72 * across, side * 72 * (value - bottom) / (top - bottom)


def write_numbers(
    axes: Axes,
    side: float,
    marks: Sequence[tuple[int, float, float, str]],
    *,
    mark_size: float,
    bars: Sequence[tuple[float, float, float, float]] = (),
) -> None:
    """The number of each mark beside it, as in the legend, where it covers nothing.

    Args:
        axes: a square panel with its limits set.
        side: of the panel, in inches.
        marks: number, milliseconds, value, colour.
        mark_size: diameter of the largest mark, in points.
        bars: lines to keep clear of, as ends in points, see `place_on`.
    """
    texts = [str(number) for number, *_ in marks]
    sizes = [(text_width(text, SIZE, "bold") * 72, SIZE) for text in texts]
    places = [place_on(axes, side, ms, value) for _, ms, value, _ in marks]
    offsets = place_labels(places, sizes, side * 72, bars, mark=mark_size)
    for text, (_, ms, value, colour), offset in zip(texts, marks, offsets, strict=True):
        axes.annotate(
            text,
            (ms, value),
            offset,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SIZE,
            fontweight="bold",
            zorder=6,
            gid="number",
            color=tint(colour, -0.35),
            arrowprops=LEADER if math.hypot(*offset) > FAR else None,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
        )
