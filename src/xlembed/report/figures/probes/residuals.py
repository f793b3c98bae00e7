"""What is left to explain? Predicted minus true over the prediction, with a running median."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from xlembed.report.curves import LEGEND_ROW, draw_legend, legend_rows
from xlembed.report.figures.probes.calibration import ALONE, GAP, LEFT, SIDE, TOP
from xlembed.report.figures.registry import Registered
from xlembed.report.page import MARGIN, Page
from xlembed.report.probe_curves import COLUMNS, line_look, number_ticks, panels, rows_of, subtitle
from xlembed.report.probe_errors import predictions_of, running_median
from xlembed.report.probes import ProbeBook
from xlembed.report.style import GRID, INK, style, tint

MOST_POINTS = 1_500
"""Of a panel; more would hide one another."""


def probe_residuals(book: ProbeBook) -> Figure:
    """A panel per dimension of the best probe.

    Args:
        book: the results; of scores.
    """
    with style():
        return _draw(book)


def _draw(book: ProbeBook) -> Figure:
    system = book.best
    if system is None:
        raise ValueError("there is no probe")
    rows = {d: predictions_of(book, system.name, d) for d in book.dimensions}
    n = len(rows)
    side, columns = (ALONE, 1) if n == 1 else (SIDE, min(n, COLUMNS))
    width = max(4.6, MARGIN + LEFT + columns * (side + GAP[0]) - GAP[0] + 0.25)
    body = TOP + rows_of(n) * (side + GAP[1])
    colour = line_look(book, system).colour
    entries = _entries(colour)
    _, legend = legend_rows(entries, width)
    page = Page(
        width,
        body + legend * LEGEND_ROW,
        f"Residuals of {system.marked}",
        [subtitle(book)],
        _notes(rows),
    )
    for i, ((dimension, found), (left, top)) in enumerate(
        zip(rows.items(), panels(n, side, GAP), strict=True)
    ):
        axes = page.axes(MARGIN + LEFT + left, TOP + top, side, side)
        _panel(axes, found, dimension, colour)
        if i % COLUMNS == 0:
            axes.set_ylabel("predicted − true")
        axes.set_xlabel("predicted score")
    draw_legend(page, entries, body)
    return page.figure


def _panel(axes: Axes, rows: pd.DataFrame, dimension: str, colour: str) -> None:
    x = rows["predicted"].to_numpy(float)
    y = x - rows["true"].to_numpy(float)
    kept = np.random.default_rng(42).permutation(len(x))[:MOST_POINTS]
    axes.scatter(
        x[kept], y[kept], s=7, color=tint(colour, 0.35), alpha=0.55, linewidths=0, zorder=2,
        rasterized=True, gid="residuals",
    )  # fmt: skip
    line = running_median(x, y)
    axes.fill_between(
        line.x, line.low, line.high, color="#000000", alpha=0.10, linewidth=0, zorder=1, gid="tenths"
    )
    axes.plot(line.x, line.median, color=INK, linewidth=1.5, zorder=4, gid="median")
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=(0, (5, 3)), zorder=3, gid="zero")
    _limits(axes, x, y)
    axes.set_title(dimension, loc="left", fontsize=8.5, fontweight="bold", pad=4)
    axes.set_gid(f"residuals {dimension}")


def _limits(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Zero in the middle of y, so that too high and too low look alike."""
    reach = 1.06 * max(float(np.abs(y).max(initial=0.0)), 1e-6)
    low, high = float(x.min(initial=np.inf)), float(x.max(initial=-np.inf))
    air = max(0.05 * (high - low), 1e-6)
    axes.set_ylim(-reach, reach)
    axes.set_xlim(low - air, high + air)
    number_ticks(axes.xaxis, axes.get_xlim(), 5)
    number_ticks(axes.yaxis, axes.get_ylim(), 5)
    axes.grid(True, color=GRID, linewidth=0.6)


def _entries(colour: str) -> list[Artist]:
    dot: dict[str, Any] = {
        "linestyle": "",
        "marker": "o",
        "markersize": 3.5,
        "markerfacecolor": tint(colour, 0.35),
    }
    return [
        Line2D([], [], markeredgewidth=0, label="a text", **dot),
        Line2D([], [], color=INK, linewidth=1.5, label="running median"),
        Patch(facecolor="#e5e5e5", label="from the lower to the upper tenth"),
    ]


def _notes(rows: dict[str, pd.DataFrame]) -> list[str]:
    notes = [
        "Above zero: predicted too high. A median that rises or falls along the axis is an error that a better "
        "fit could take away. Windows of the median: 20 % of the texts, at least 11."
    ]
    if (most := max(map(len, rows.values()), default=0)) > MOST_POINTS:
        notes.append(f"Drawn: {MOST_POINTS:,} of {most:,} texts a panel, by chance; medians are of all.")
    return notes


def _caption(book: ProbeBook) -> str:
    name = book.best.marked if book.best else "no probe"
    return f"Residuals of {name}: predicted minus true score over the predicted score, with a running median."


def _applies(book: ProbeBook) -> bool:
    return not book.are_labels and book.best is not None and book.best.name in set(book.predictions["system"])


FIGURE = Registered(probe_residuals, applies=_applies, part="fit", caption=_caption)
