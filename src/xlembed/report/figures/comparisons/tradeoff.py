"""Does a model that is good within languages lose across them? One point per model, two panels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.report.figures.registry import Comparisons, Registered, Scores
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.placing import is_doubtful, place_labels
from xlembed.report.scorebook import (
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    Estimate,
    Macro,
    ScoreBook,
    read_all,
)
from xlembed.report.style import FAINT, GRID, INK, model_look, style, tint, whisker
from xlembed.report.text import count_text

SIDE = 3.7
PANELS = (
    (TRUE_CROSS_ALL, "pool = all: strong alignment"),
    (TRUE_CROSS_TARGET, "pool = target: weak alignment"),
)
LEGEND_ROW = 0.175
MARKER = 8.0
LEADER = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}


def tradeoff(scores: Sequence[Scores], comparisons: Comparisons = ()) -> Figure:
    """Monolingual macro (x) against true_cross_lingual macro (y), with intervals on both axes.

    Args:
        scores: one content of scores.json per model, all on one task.
        comparisons: not used.

    Raises:
        UserError: as `scorebook.read_all`.
    """
    books = read_all(scores)
    with style():
        return _draw(books)


def _draw(books: list[ScoreBook]) -> Figure:
    left, between = MARGIN + 0.6, 0.85
    width = left + 2 * SIDE + between + 0.25
    entries = [_entry(i, book) for i, book in enumerate(books)]
    columns = max(1, min(3, int((width - 2 * MARGIN) / (max(text_width(e, 8.0) for e in entries) + 0.45))))
    rows = math.ceil(len(books) / columns)
    measure = books[0].primary_measure
    page = Page(
        width,
        0.25 + SIDE + 0.55 + rows * LEGEND_ROW,
        f"Within languages against across languages: {measure}",
        [f"task {books[0].task} · {_counts(books)}"],
        _notes(books),
    )
    low, high = _limits(books)
    for i, (macro, title) in enumerate(PANELS):
        axes = page.axes(left + i * (SIDE + between), 0.25, SIDE, SIDE)
        _panel(axes, books, macro, title, low, high)
    legend = page.axes(left, 0.25 + SIDE + 0.55, width - left - MARGIN, rows * LEGEND_ROW)
    legend.set_axis_off()
    handles = [_handle(i, book, text) for (i, book), text in zip(enumerate(books), entries, strict=True)]
    legend.legend(
        handles=handles,
        ncols=columns,
        loc="upper left",
        borderaxespad=0,
        borderpad=0,
        handlelength=1.0,
        handletextpad=0.5,
        columnspacing=1.6,
        labelspacing=0.45,
    )
    return page.figure


def _entry(position: int, book: ScoreBook) -> str:
    label = f": {book.label()}" if book.labels else ""
    return f"{position + 1}  {book.model}{label}"


def _handle(position: int, book: ScoreBook, text: str) -> Line2D:
    look = model_look(position)
    face = "white" if book.labels else look.colour
    return Line2D(
        [],
        [],
        linestyle="",
        marker=look.marker,
        markersize=7,
        markerfacecolor=face,
        markeredgecolor=look.colour if book.labels else INK,
        markeredgewidth=1.4 if book.labels else 0.5,
        label=text,
    )


def _panel(axes: Axes, books: list[ScoreBook], macro: Macro, title: str, low: float, high: float) -> None:
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    step = 0.1 if high - low < 0.65 else 0.2
    ticks = [t / 100 for t in range(0, 101, round(100 * step)) if low <= t / 100]
    axes.set_xticks(ticks, [f"{100 * t:.0f}" for t in ticks])
    axes.set_yticks(ticks, [f"{100 * t:.0f}" for t in ticks])
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.plot([low, 1], [low, 1], color=FAINT, linewidth=0.8, linestyle=(0, (5, 4)), zorder=1, gid="diagonal")
    axes.plot(
        [1],
        [1],
        marker="*",
        markersize=13,
        color="#F0E442",
        markeredgecolor=INK,
        markeredgewidth=0.7,
        gid="ideal",
    )
    size = 8.0
    scale = SIDE * 72 / (high - low)  # points per unit

    def point(x: float, y: float) -> tuple[float, float]:
        return (x - low) * scale, (y - low) * scale

    marks, bars = [], []
    drawn: list[tuple[int, Estimate, Estimate]] = []
    for i, book in enumerate(books):
        x, y = book.macro(MONOLINGUAL), book.macro(macro)
        if x is None or y is None:
            continue
        drawn.append((i, x, y))
        look = model_look(i)
        if x.interval:
            whisker(axes, y.value, x.interval, upright=False, colour=look.colour)
            bars.append((*point(x.interval[0], y.value), *point(x.interval[1], y.value)))
        if y.interval:
            whisker(axes, x.value, y.interval, upright=True, colour=look.colour)
            bars.append((*point(x.value, y.interval[0]), *point(x.value, y.interval[1])))
        axes.plot(
            [x.value],
            [y.value],
            linestyle="",
            marker=look.marker,
            markersize=MARKER,
            zorder=5,
            markerfacecolor="white" if book.labels else look.colour,
            markeredgecolor=look.colour if book.labels else INK,
            markeredgewidth=1.4 if book.labels else 0.5,
            gid=f"model {book.model}",
        )
        marks.append(point(x.value, y.value))
    ideal_width = text_width("ideal", size) * 72
    fixed = [
        (*point(1, 1), 14.0, 14.0),
        (point(1, 1)[0] - 14 - ideal_width / 2, point(1, 1)[1], ideal_width, size),
    ]
    axes.annotate(
        "ideal",
        (1, 1),
        (-9, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=size,
        zorder=6,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
    )
    texts = [str(i + 1) for i, _, _ in drawn]
    sizes = [(text_width(t, size, "bold") * 72, size) for t in texts]
    places = place_labels(marks, sizes, SIDE * 72, bars, fixed, mark=MARKER)
    for text, mark, (i, x, y), (dx, dy) in zip(texts, marks, drawn, places, strict=True):
        needs_line = math.hypot(dx, dy) > 16 or is_doubtful(marks, mark, (dx, dy))
        axes.annotate(
            text,
            (x.value, y.value),
            (dx, dy),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            fontweight="bold",
            zorder=6,
            gid="number",
            color=tint(model_look(i).colour, -0.35),
            arrowprops=LEADER if needs_line else None,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
        )
    if not drawn:
        axes.text(
            0.5, 0.5, "n/a: no model has both scores", transform=axes.transAxes, ha="center", va="center"
        )
    axes.set_title(title, loc="left", fontsize=8.5, fontweight="bold", pad=5)
    axes.set_xlabel(f"monolingual {books[0].primary_measure} (%)")
    axes.set_ylabel(f"true_cross_lingual {books[0].primary_measure} (%)")
    axes.set_gid(f"pool {macro.pool}")


def _drawn(books: list[ScoreBook]) -> list[Estimate]:
    found = (b.macro(m) for b in books for m in (MONOLINGUAL, TRUE_CROSS_ALL, TRUE_CROSS_TARGET))
    return [e for e in found if e is not None]


def _limits(books: list[ScoreBook]) -> tuple[float, float]:
    """Common limits of both axes and panels: from below the lowest interval to just above 1."""
    lows = [e.interval[0] if e.interval else e.value for e in _drawn(books)]
    low = math.floor(10 * (min(lows, default=0.0) - 0.02)) / 10
    low = min(max(low, 0.0), 0.8)
    span = 1 - low
    return (low - 0.03 * span if low == 0 else low), 1 + 0.04 * span


def _counts(books: list[ScoreBook]) -> str:
    parts = []
    for macro, name in ((MONOLINGUAL, "monolingual"), (TRUE_CROSS_ALL, "true cross-lingual")):
        found = [e for e in (b.macro(macro) for b in books) if e is not None]
        if found:
            units, clusters = count_text(e.n_units for e in found), count_text(e.n_clusters for e in found)
            parts.append(f"{name}: {units} units, {clusters} clusters")
    return " · ".join([f"{len(books)} model{'s' if len(books) > 1 else ''}", *parts])


def _notes(books: list[ScoreBook]) -> list[str]:
    notes = [
        "Macro averages; bars: 95 % CI, unadjusted. On the dashed line nothing is lost across languages."
    ]
    for macro, title in PANELS:
        lacking = [b.model for b in books if b.macro(macro) is None or b.macro(MONOLINGUAL) is None]
        if lacking:
            notes.append(f"Not drawn under {title.split(':')[0]}, a score is missing: {', '.join(lacking)}.")
    if any(b.interval is None for b in _drawn(books)):
        notes.append("Points without bars rest on fewer than 10 clusters: descriptive only.")
    if any(b.labels for b in books):
        notes.append("Hollow: languages of this task are not on the model's card; invalid for a decision.")
    return notes


FIGURE = Registered(
    tradeoff, applies=lambda scores, comparisons: any(len(s["languages"]) > 1 for s in scores)
)
