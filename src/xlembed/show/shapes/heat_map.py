"""Heat map: a square of cells that say their numbers, hatched where there is none; dark is high."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from xlembed.show.page import Panel
from xlembed.show.style import GRID, INK, MISSING, ink_on

NORM = Normalize(0, 1)


def heat_map(
    axes: Axes,
    values: NDArray[np.float64],
    names: Sequence[str],
    gids: Sequence[str],
    text: Callable[[float], str],
    *,
    colours: str,
    missing: str = "",
    size: float = 8.5,
) -> None:
    """Rows and columns of the same names.

    Args:
        axes: where.
        values: shape (n, n), in [0, 1]; NaN: missing.
        names: beside rows and below columns.
        gids: names of rows and columns in the gid ROW>COLUMN of a text.
        text: of a value.
        colours: a colour map, monotone in lightness.
        missing: text of a cell without a value.
        size: of the texts.
    """
    n = len(names)
    for (row, column), value in np.ndenumerate(values):
        known = not np.isnan(value)
        face = mpl.colormaps[colours](NORM(value)) if known else MISSING["facecolor"]
        look = {"facecolor": face, "edgecolor": GRID, "linewidth": 0.6} if known else MISSING
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, gid="cell" if known else "missing", **look))
        if said := text(value) if known else missing:
            axes.text(
                column, row, said, ha="center", va="center", fontsize=size, color=ink_on(face) if known else INK,
                gid=f"{gids[row]}>{gids[column]}", bbox={"facecolor": face, "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    axes.set_xlim(-0.5, n - 0.5)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xticks(range(n), list(names))
    axes.set_yticks(range(n), list(names))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def colour_bar(colours: str, height: float, texts: Sequence[str]) -> Panel:
    """A panel, `height` inches, with the colours from 0 to 1 and texts at 0, 0.25, 0.5, 0.75, 1."""

    def draw(axes: Axes) -> None:
        bar = axes.figure.colorbar(ScalarMappable(NORM, colours), cax=axes)
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=list(texts))
        bar.outline.set_linewidth(0.5)

    return Panel(0.13, height, draw)
