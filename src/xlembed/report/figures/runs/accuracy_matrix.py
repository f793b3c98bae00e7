"""Query language x document language: accuracy when all documents are searched, and only the target's."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xlembed.report.figures.registry import Registered, Scores
from xlembed.report.page import MARGIN, Page, line_height, text_width, wrap
from xlembed.report.scorebook import (
    CROSS_LINGUAL,
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    Estimate,
    Macro,
    ScoreBook,
    read_scores,
)
from xlembed.report.style import GRID, INK, MISSING, ink_on, style
from xlembed.report.text import count_text, estimate_text, percent

COLOURS = "YlGn"
"""Monotone in lightness (dark is high, also on a copy), and numbers stay readable on its middle."""
PANELS = (
    ("all", "All documents searched (pool = all)", CROSS_LINGUAL, TRUE_CROSS_ALL),
    ("target", "Target language only (pool = target)", MONOLINGUAL, TRUE_CROSS_TARGET),
)
SIZE = 8.5


def accuracy_matrix(scores: Scores, measure: str | None = None) -> Figure:
    """Two heatmaps side by side; a cell without units is hatched and says n/a.

    Args:
        scores: content of scores.json.
        measure: a measure in [0, 1]; default: the primary one.
    """
    book = read_scores(scores)
    measure = measure or book.primary_measure
    with style():
        return _draw(book, measure)


def _draw(book: ScoreBook, measure: str) -> Figure:
    n = len(book.languages)
    side = min(max(2.6, 0.62 * n), max(4.6, 0.42 * n))
    labels = max([text_width(book.marked(lang), 8.0) for lang in book.languages] or [0.0])
    left, between = MARGIN + 0.35 + labels, 0.85 + labels
    titles = [_panel_title(book, measure, *panel[1:], room=side + between - 0.35) for panel in PANELS]
    title_height = max(map(len, titles)) * line_height(SIZE) + 0.08
    width = left + 2 * side + between + 0.85
    page = Page(
        width,
        title_height + side + 0.5,
        f"{measure} by query and document language: {book.model}",
        [f"task {book.task} · values in % · {_counts(book, measure)}"],
        _notes(book, measure),
    )
    norm = Normalize(0, 1)
    for i, (pool, *_) in enumerate(PANELS):
        axes = page.axes(left + i * (side + between), title_height, side, side)
        _panel(axes, book, measure, pool, norm, cell=side / max(n, 1))
        _title(axes, titles[i], side)
    bar = page.axes(left + 2 * side + between + 0.12, title_height, 0.13, side)
    colorbar = page.figure.colorbar(ScalarMappable(norm, COLOURS), cax=bar)
    colorbar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100 %"])
    colorbar.outline.set_linewidth(0.5)
    return page.figure


def _panel(axes: Axes, book: ScoreBook, measure: str, pool: str, norm: Normalize, cell: float) -> None:
    n = len(book.languages)
    values = np.full((n, n), np.nan)
    for (row, column), estimate in _cells(book, measure, pool):
        if estimate is not None:
            values[row, column] = estimate.value
    colours = mpl.colormaps[COLOURS]
    digits, size = (1, 8.5) if cell > 0.5 else (0, 7.5 if cell > 0.36 else 6.0)
    for row in range(n):
        for column in range(n):
            value = values[row, column]
            corner = (column - 0.5, row - 0.5)
            if np.isnan(value):
                axes.add_patch(Rectangle(corner, 1, 1, gid="missing", **MISSING))
                text, ink, face = "n/a", INK, "#f4f4f4"
            else:
                face = colours(norm(value))
                axes.add_patch(
                    Rectangle(corner, 1, 1, facecolor=face, edgecolor=GRID, linewidth=0.6, gid="cell")
                )
                text, ink = percent(value, digits), ink_on(face)
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=size,
                color=ink,
                gid=f"{book.languages[row]}>{book.languages[column]}",
                bbox={"facecolor": face, "edgecolor": "none", "pad": 0.8},
            )
    for i in range(n):
        axes.add_patch(
            Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.3, zorder=3)
        )
    axes.set_xlim(-0.5, n - 0.5)
    axes.set_ylim(n - 0.5, -0.5)
    names = [book.marked(lang) for lang in book.languages]
    axes.set_xticks(range(n), names)
    axes.set_yticks(range(n), names)
    axes.tick_params(length=0)
    axes.set_xlabel("document language")
    axes.set_ylabel("query language")
    axes.spines[:].set_visible(False)
    axes.set_gid(f"pool {pool}")


def _cells(book: ScoreBook, measure: str, pool: str) -> Iterator[tuple[tuple[int, int], Estimate | None]]:
    for row, query_lang in enumerate(book.languages):
        for column, doc_lang in enumerate(book.languages):
            yield (row, column), book.pair(pool, query_lang, doc_lang, measure)


def _panel_title(
    book: ScoreBook, measure: str, title: str, diagonal: Macro, others: Macro, room: float
) -> list[tuple[str, str]]:
    """Lines and their weights: what is searched, then both macro averages."""
    lines = [(line, "bold") for line in wrap(title, room, SIZE, "bold")]
    for where, macro in (("diagonal", diagonal), ("off diagonal", others)):
        found = book.macro(macro, measure)
        value = estimate_text(found.value, found.interval) if found else "n/a"
        lines += [(line, "normal") for line in wrap(f"{where}: {macro.kind}, macro {value}", room, SIZE)]
    return lines


def _title(axes: Axes, lines: list[tuple[str, str]], side: float) -> None:
    for i, (text, weight) in enumerate(reversed(lines)):
        y = 1 + (0.07 + i * line_height(SIZE)) / side
        axes.text(0, y, text, transform=axes.transAxes, fontsize=SIZE, fontweight=weight, va="bottom")


def _counts(book: ScoreBook, measure: str) -> str:
    parts = []
    for macro, name in ((MONOLINGUAL, "same language"), (TRUE_CROSS_ALL, "different languages")):
        found = book.macro(macro, measure)
        if found:
            parts.append(f"{name}: {found.n_units:,} units, {found.n_clusters:,} clusters")
    return " · ".join(parts) if parts else "no macro average"


def _notes(book: ScoreBook, measure: str) -> list[str]:
    found = [e for pool, *_ in PANELS for _, e in _cells(book, measure, pool)]
    present = [e for e in found if e is not None]
    notes = [book.footnote()]
    if present:
        notes.append(f"Units per cell: {count_text(e.n_units for e in present)}. [95 % CI], unadjusted.")
    if few := sum(e.interval is None for e in present):
        what = "All cells rest" if few == len(present) else f"{few} of {len(present)} cells rest"
        notes.append(f"{what} on fewer than 10 clusters: descriptive only.")
    if len(present) < len(found):
        notes.append("n/a: no query of this language has a relevant document in that language.")
    return notes


FIGURE = Registered(accuracy_matrix, applies=lambda scores: bool(scores["languages"]))
