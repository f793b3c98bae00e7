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

from xlembed.probe.figures.calibration import ALONE, COLUMNS, SIDE
from xlembed.probe.figures_data import ProbeBook
from xlembed.probe.probe_curves import line_look, subtitle
from xlembed.probe.probe_errors import predictions_of, running_median
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.marks import REFERENCE
from xlembed.show.shapes.scales import limits_of, scale
from xlembed.show.style import INK, tint

MOST_POINTS = 1_500
"""Of a panel; more would hide one another."""


def probe_residuals(book: ProbeBook) -> Figure:
    """A panel per dimension of the best probe."""
    system = book.best
    if system is None:
        raise ValueError("there is no probe")
    rows = {d: predictions_of(book, system.name, d) for d in book.dimensions}
    side = ALONE if len(rows) == 1 else SIDE
    colour = tint(line_look(book, system).colour, 0.35)
    panels = [
        Panel(side, side, _panel, (of, d, colour, i % COLUMNS == 0)) for i, (d, of) in enumerate(rows.items())
    ]
    words = Words(f"Residuals of {system.marked}", subtitle(book), _notes(rows))
    return page(words, [panels[i : i + COLUMNS] for i in range(0, len(panels), COLUMNS)], _entries(colour))


def _panel(axes: Axes, rows: pd.DataFrame, dimension: str, colour: str, first: bool) -> None:
    x = rows["predicted"].to_numpy(float)
    y = x - rows["true"].to_numpy(float)
    kept = np.random.default_rng(42).permutation(len(x))[:MOST_POINTS]
    axes.scatter(
        x[kept], y[kept], s=7, color=colour, alpha=0.55, linewidths=0, zorder=2, rasterized=True, gid="residuals"
    )  # fmt: skip
    line = running_median(x, y)
    axes.fill_between(
        line.x, line.low, line.high, color="#000000", alpha=0.10, linewidth=0, zorder=1, gid="tenths"
    )
    axes.plot(line.x, line.median, color=INK, linewidth=1.5, zorder=4, gid="median")
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=REFERENCE, zorder=3, gid="zero")
    # zero in the middle of y, so that too high and too low look alike
    reach = 1.06 * max(float(np.abs(y).max(initial=0.0)), 1e-6)
    scale(axes, limits_of(x.tolist(), 0.05, 1e-6), "predicted score", upright=False)
    scale(axes, (-reach, reach), "predicted − true" if first else "")
    axes.set_title(dimension, loc="left", fontsize=8.5, fontweight="bold", pad=4)
    axes.set_gid(f"residuals {dimension}")


def _entries(colour: str) -> list[Artist]:
    dot: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3.5, "markerfacecolor": colour}
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
