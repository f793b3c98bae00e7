"""Interval rows: a name, a mark with its interval, and columns of text beside them, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from xlembed.show.shapes.marks import Mark
from xlembed.show.style import FAINT

SIZE = 7.5


@dataclass(frozen=True)
class Column:
    """Texts beside the rows; empty for none.

    Attributes:
        right: its edge, inches from the end of the rows.
        heading: above it.
        bold: rows whose text is bold.
        align: "right" or "left" of the edge.
        gid: of its texts.
    """

    right: float
    texts: Sequence[str]
    heading: str = ""
    bold: Sequence[bool] = ()
    align: str = "right"
    gid: str = ""


def interval_rows(
    axes: Axes,
    names: Sequence[str],
    marks: Sequence[Mark],
    columns: Sequence[Column] = (),
    *,
    places: Sequence[float] = (),
    bold: Sequence[int] = (),
    size: float = SIZE,
    stripes: bool = True,
) -> None:
    """Rows from the top, in axes of their final size with limits set on x; y of a mark is the row.

    `places` are the y of the rows (default: 0, 1, 2 ...), `bold` those with a bold name; `stripes` give every other row
    a grey ground.
    """
    places = places or list(range(len(names)))
    axes.set_ylim(max(places) + 0.5, min(places) - 0.5)
    axes.set_yticks(places, list(names), fontsize=size)
    for i in bold:
        axes.get_yticklabels()[i].set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for y in places[::2] if stripes else ():
        axes.axhspan(y - 0.5, y + 0.5, color="#f5f5f5", linewidth=0, zorder=0)
    for mark in marks:
        mark.draw(axes)
    for column in columns:
        write_column(axes, places, column)


def write_column(axes: Axes, places: Sequence[float], column: Column) -> None:
    """Texts beside rows, and what they are above them."""
    box = axes.get_window_extent()
    width, height = box.width / axes.figure.dpi, box.height / axes.figure.dpi
    x = 1 + column.right / width
    for i, (y, text) in enumerate(zip(places, column.texts, strict=True)):
        if not text:
            continue
        axes.text(
            x, y, text, transform=axes.get_yaxis_transform(), fontsize=SIZE, ha=column.align, va="center",
            fontweight="bold" if column.bold and column.bold[i] else "normal", gid=column.gid or None,
        )  # fmt: skip
    axes.text(
        x, 1 + 0.05 / height, column.heading, transform=axes.transAxes, fontsize=SIZE - 0.5, color=FAINT,
        ha=column.align, va="bottom",
    )  # fmt: skip
