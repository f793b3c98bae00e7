"""What the figures of fine-tunings share: a quality axis in %, a line per mode, a legend below."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from xlembed.report.finetuning import ends
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.scorebook import MACROS, Macro
from xlembed.report.style import GRID, INK, MODE_LOOKS, Look, whisker

LEGEND_ROW = 0.19
SPREAD = 5.0
"""Points between neighbouring whiskers at one place."""
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""One per mode, for those who see no colour."""


def present(rows: Sequence[Mapping[str, Any]]) -> list[Macro]:
    """The macros that any of these scores is of, in the usual order."""
    keys = {(r["kind"], r["pool"]) for r in rows}
    return [m for m in MACROS if (m.kind, m.pool) in keys]


def score_in(rows: Sequence[Mapping[str, Any]], macro: Macro) -> Mapping[str, Any] | None:
    """The score of a macro, if it is there."""
    found = [r for r in rows if (r["kind"], r["pool"]) == (macro.kind, macro.pool)]
    return found[0] if found and found[0]["value"] is not None else None


def mode_lines(axes: Axes, places: Sequence[float], scores: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    """A line with whiskers per mode.

    Args:
        axes: with limits set on x; whiskers of one place stand side by side.
        places: x of each point.
        scores: of each point: rows with kind, pool, value, ci_low, ci_high.
    """
    macros = present([row for rows in scores for row in rows])
    unit = (axes.get_xlim()[1] - axes.get_xlim()[0]) / (72 * axes.get_position().width * _width(axes))
    for i, macro in enumerate(macros):
        look, shift = MODE_LOOKS[MACROS.index(macro)], (i - (len(macros) - 1) / 2) * SPREAD * unit
        found = [
            (x + shift, s) for x, rows in zip(places, scores, strict=True) if (s := score_in(rows, macro))
        ]
        axes.plot(
            [x for x, _ in found],
            [s["value"] for _, s in found],
            color=look.colour,
            linestyle=DASHES[MACROS.index(macro)],
            linewidth=1.2,
            zorder=3,
            gid=f"line {macro.short}",
        )
        for x, s in found:
            if (interval := ends(s)) is not None:
                whisker(axes, x, interval, upright=True, colour=look.colour)
            axes.plot([x], [s["value"]], zorder=5, gid=f"point {macro.short}", **marker(look))


def marker(look: Look, size: float = 6.0, hollow: bool = False) -> dict[str, Any]:
    """Keywords of a point."""
    return {
        "linestyle": "",
        "marker": look.marker,
        "markersize": size,
        "markerfacecolor": "white" if hollow else look.colour,
        "markeredgecolor": INK,
        "markeredgewidth": 0.7,
    }


def mode_handles(macros: Sequence[Macro]) -> list[Artist]:
    """Legend entries of `mode_lines`."""
    found: list[Artist] = []
    for macro in macros:
        number = MACROS.index(macro)
        look = marker(MODE_LOOKS[number]) | {"linestyle": DASHES[number]}
        found.append(
            Line2D([], [], color=MODE_LOOKS[number].colour, linewidth=1.2, label=macro.title, **look)
        )
    return found


def percent_axis(axes: Axes, values: Sequence[float], measure: str, upright: bool = True) -> None:
    """Limits with some air around shares in [0, 1], ticks in %, a grid."""
    low, high = quality_limits(values)
    axis = axes.yaxis if upright else axes.xaxis
    (axes.set_ylim if upright else axes.set_xlim)(low, high)
    set_ticks(axis, (low, high), 5, lambda x: f"{100 * x:.4g}")
    axis.grid(True, color=GRID, linewidth=0.6)
    (axes.set_ylabel if upright else axes.set_xlabel)(f"{measure} (%)")


def set_ticks(
    axis: Axis, limits: tuple[float, float], n: int, text: Callable[[float], str], whole: bool = False
) -> None:
    """About `n` round ticks inside the limits, none beyond."""
    found = MaxNLocator(n, steps=[1, 2, 5, 10], integer=whole).tick_values(*limits)
    inside = [float(x) for x in found if limits[0] <= x <= limits[1]]
    axis.set_ticks(inside, [text(x) for x in inside])


def quality_limits(values: Sequence[float]) -> tuple[float, float]:
    """From the lowest to the highest, with air, within [0, 1].

    >>> quality_limits([0.5, 0.7])
    (0.484, 0.716)
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = max(0.08 * (high - low), 0.01)
    return round(max(0.0, low - air), 6), round(min(1.0, high + air) if high <= 1 else high + air, 6)


def all_ends(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Values and ends of intervals, for limits."""
    return [x for r in rows for x in (r["value"], r.get("ci_low"), r.get("ci_high")) if x is not None]


def legend_rows(entries: Sequence[Artist], width: float) -> tuple[int, int]:
    """Columns and rows of a legend of this width in inches."""
    widest = max((text_width(str(e.get_label()), 8.0) for e in entries), default=0.0) + 0.55
    columns = max(1, min(len(entries), int((width - 2 * MARGIN) / widest)))
    return columns, math.ceil(len(entries) / columns)


def draw_legend(page: Page, entries: Sequence[Artist], top: float) -> None:
    """A legend over the width of the page, at `top` inches of its body."""
    columns, rows = legend_rows(entries, page.width)
    axes = page.axes(MARGIN, top, page.width - 2 * MARGIN, max(rows, 1) * LEGEND_ROW)
    axes.set_axis_off()
    axes.legend(
        handles=list(entries),
        ncols=columns,
        loc="upper left",
        borderaxespad=0,
        borderpad=0,
        handlelength=2.2,
        handletextpad=0.5,
        columnspacing=1.6,
        labelspacing=0.45,
    )


def _width(axes: Axes) -> float:
    figure = axes.get_figure(root=True)
    return float(figure.get_size_inches()[0]) if figure is not None else 1.0
