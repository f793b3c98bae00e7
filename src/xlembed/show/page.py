"""A page around panels: title above, notes below; room follows from what is measured, text is never cut."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from xlembed.show.style import FAINT, INK, style

MARGIN = 0.15
TITLE_SIZE, SUBTITLE_SIZE, NOTE_SIZE, HEAD_SIZE = 11.0, 8.5, 7.5, 8.5
LEADING = 1.35
POINTS_PER_INCH = 72.0
LEGEND_ROW = 0.19
GAP = 0.22
"""Least distance of what belongs to neighbouring panels, inches."""
ROOM = 40.0
"""Side of the sheet on which panels are measured, inches."""


@dataclass(frozen=True)
class Words:
    """What stands around the panels; empty notes are left out."""

    title: str
    subtitle: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Panel:
    """Axes of a size in inches, without what stands around them; `draw` fills them, given `what`, once they have it."""

    width: float
    height: float
    draw: Callable[..., object]
    what: tuple[Any, ...] = ()


def page(
    words: Words,
    panels: Sequence[Sequence[Panel | None]],
    legend: Sequence[Artist] = (),
    *,
    place: str = "below",
    least: float = 4.6,
) -> Figure:
    """Panels in rows and columns; labels and titles of each are measured, and the page is as large as they need.

    Args:
        words: title, subtitle, notes.
        panels: a sequence per row; columns stand below each other; None: an empty place.
        legend: its entries.
        place: of the legend: "above" or "below" the panels, or "beside" them.
        least: width of the page, inches.
    """
    with style():
        figure = Figure(figsize=(ROOM, ROOM))
        axes = [[_drawn(figure, panel) if panel else None for panel in row] for row in panels]
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        around = [[_around(a, renderer, figure.dpi) for a in row] for row in axes]
        columns = [[row[i] for row in around if i < len(row)] for i in range(max(map(len, around)))]
        lefts, x = [], MARGIN - GAP
        for column in columns:
            lefts.append(x + GAP + max(a.left for a in column))
            x = lefts[-1] + max(a.width + a.right for a in column)
        aside = x + GAP
        if place == "beside":
            x = aside + max(text_width(str(e.get_label()), 8.0) for e in legend) + 0.5
        width = max(x + MARGIN, least, _entry_width(legend) + 2 * MARGIN)
        rows = legend_rows(legend, width)[1] if place != "beside" else 0
        top = MARGIN + sum(line_height(size) for _, size, _, _ in _head(words, width)) + 0.08
        legend_top = top
        if place == "above":
            top += rows * LEGEND_ROW + 0.1
        tops, y = [], top - GAP
        for line in around:
            tops.append(y + GAP + max(a.top for a in line))
            y = tops[-1] + max(a.height + a.bottom for a in line)
        if place == "below" and legend:
            legend_top = y + 0.12
            y = legend_top + rows * LEGEND_ROW
        if place == "beside":
            y = max(y, top + len(legend) * LEGEND_ROW + 0.1)
        foot = [line for note in words.notes if note for line in wrap(note, width - 2 * MARGIN, NOTE_SIZE)]
        height = y + 0.1 + len(foot) * line_height(NOTE_SIZE) + MARGIN
        figure.set_size_inches(width, height)
        for row, line, top_of in zip(axes, around, tops, strict=True):
            for a, size, left in zip(row, line, lefts, strict=False):
                if a is not None:
                    a.set_position(_part(left, top_of, size.width, size.height, figure))
        if legend:
            at = (aside, top) if place == "beside" else (MARGIN, legend_top)
            columns_of = 1 if place == "beside" else legend_rows(legend, width)[0]
            _legend(figure, legend, columns_of, at)
        _lines(figure, _head(words, width), MARGIN)
        _lines(figure, [(text, NOTE_SIZE, FAINT, "normal") for text in foot], y + 0.1)
    return figure


def head(axes: Axes, bold: str, *others: str, wider: float = 0.25) -> None:
    """Lines above a panel of its final size, wrapped: a bold one, then others; at most `wider` inches wider than it."""
    box = axes.get_window_extent()
    width, height = box.width / axes.figure.dpi, box.height / axes.figure.dpi
    lines = [(line, "bold") for line in wrap(bold, width + wider, HEAD_SIZE, "bold")]
    lines += [(line, "normal") for text in others for line in wrap(text, width + wider, HEAD_SIZE)]
    for i, (text, weight) in enumerate(reversed(lines)):
        up = 1 + (0.07 + i * line_height(HEAD_SIZE)) / height
        axes.text(0, up, text, transform=axes.transAxes, fontsize=HEAD_SIZE, fontweight=weight, va="bottom")


def legend_rows(entries: Sequence[Artist], width: float) -> tuple[int, int]:
    """Columns and rows of a legend of this width in inches."""
    columns = max(1, min(len(entries), int((width - 2 * MARGIN) / _entry_width(entries))))
    return columns, math.ceil(len(entries) / columns)


def _entry_width(entries: Sequence[Artist]) -> float:
    """Inches of the widest entry of a legend, with its mark."""
    return max((text_width(str(e.get_label()), 8.0) for e in entries), default=0.0) + 0.55


@dataclass(frozen=True)
class _Around:
    """Size of axes, and inches that what belongs to them needs on each side."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float


def _drawn(figure: Figure, panel: Panel) -> Axes:
    axes = figure.add_axes((0.4, 0.4, panel.width / ROOM, panel.height / ROOM))
    panel.draw(axes, *panel.what)
    return axes


def _around(axes: Axes | None, renderer: object, dpi: float) -> _Around:
    if axes is None:
        return _Around(0, 0, 0, 0, 0, 0)
    inner, outer = axes.get_window_extent(), axes.get_tightbbox(renderer)  # type: ignore[arg-type]
    outer = outer or inner
    sides = (inner.x0 - outer.x0, outer.x1 - inner.x1, outer.y1 - inner.y1, inner.y0 - outer.y0)
    return _Around(inner.width / dpi, inner.height / dpi, *(max(0.0, x) / dpi for x in sides))


def _part(
    left: float, top: float, width: float, height: float, figure: Figure
) -> tuple[float, float, float, float]:
    """A place in inches from the upper left corner as shares of the page."""
    across, down = figure.get_size_inches()
    return left / across, 1 - (top + height) / down, width / across, height / down


def _legend(figure: Figure, entries: Sequence[Artist], columns: int, at: tuple[float, float]) -> None:
    axes = figure.add_axes(_part(*at, 0.1, 0.1, figure))
    axes.set_axis_off()
    axes.legend(
        handles=list(entries), ncols=columns, loc="upper left", bbox_to_anchor=(0, 1), borderaxespad=0, borderpad=0,
        handlelength=2.2, handletextpad=0.5, columnspacing=1.6, labelspacing=0.45,
    )  # fmt: skip


def _head(words: Words, width: float) -> list[tuple[str, float, str, str]]:
    room = width - 2 * MARGIN
    title = [(line, TITLE_SIZE, INK, "bold") for line in wrap(words.title, room, TITLE_SIZE, "bold")]
    below = [(line, SUBTITLE_SIZE, FAINT, "normal") for line in wrap(words.subtitle, room, SUBTITLE_SIZE)]
    return title + below


def _lines(figure: Figure, lines: Sequence[tuple[str, float, str, str]], top: float) -> None:
    for text, size, colour, weight in lines:
        x, y, _, _ = _part(MARGIN, top, 0, 0, figure)
        figure.text(x, y, text, fontsize=size, color=colour, fontweight=weight, va="top")
        top += line_height(size)


def line_height(size: float) -> float:
    """Height of a line of text in inches."""
    return size * LEADING / POINTS_PER_INCH


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line in inches, with 3 % for the rounding of letters to pixels."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return 1.03 * float(width) / POINTS_PER_INCH


def wrap(text: str, inches: float, size: float, weight: str = "normal") -> list[str]:
    """Lines of at most `inches`, broken at spaces; a name too long for a line also after ``_ + - . /``."""
    lines = [""]
    for word in text.split():
        candidate = f"{lines[-1]} {word}".strip()
        if text_width(candidate, size, weight) <= inches:
            lines[-1] = candidate
        elif text_width(word, size, weight) <= inches:
            lines.append(word)
        else:
            lines[-1] += " " if lines[-1] else ""
            for part in re.findall(r"[^_+\-./]*[_+\-./]*", word):
                if text_width(lines[-1] + part, size, weight) <= inches or not lines[-1].strip():
                    lines[-1] += part
                else:
                    lines.append(part)
    return [line.rstrip() for line in lines if line.strip()]
