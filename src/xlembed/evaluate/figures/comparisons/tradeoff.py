"""Does a model that is good within languages lose across them? One point per model, two panels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.show.figures.registry import Comparisons, Registered, Scores
from xlembed.show.page import Panel, Words, head, page, text_width
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import percent_tick, scale
from xlembed.show.shapes.scatter import WHITE, diagonal, in_points, scatter
from xlembed.show.style import INK, model_look, model_position
from xlembed.show.text import count_text
from xlembed.stats.scorebook import (
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    Estimate,
    Macro,
    ScoreBook,
    read_all,
    read_scores,
)
from xlembed.words import counted

SIDE = 3.7
PANELS = (
    (TRUE_CROSS_ALL, "pool = all: strong alignment"),
    (TRUE_CROSS_TARGET, "pool = target: weak alignment"),
)


def tradeoff(scores: Sequence[Scores], comparisons: Comparisons = ()) -> Figure:
    """Monolingual macro (x) against true_cross_lingual macro (y), with intervals on both axes."""
    books = read_all(scores)
    words = Words(
        f"Within languages against across languages: {books[0].primary_measure}",
        f"task {books[0].task} · {_counts(books)}",
        _notes(books),
    )
    panels = [Panel(SIDE, SIDE, _panel, (books, *of)) for of in PANELS]
    entries = [_entry(model_position(book.model, i), book) for i, book in enumerate(books)]
    return page(words, [panels], entries)


def _entry(position: int, book: ScoreBook) -> Line2D:
    label = f": {book.label()}" if book.labels else ""
    mark = Mark(0, 0, model_look(position), hollow=bool(book.labels))
    return mark.entry(f"{position + 1}  {book.model}{label}")


def _panel(axes: Axes, books: list[ScoreBook], macro: Macro, title: str) -> None:
    limits = _limits(books)
    measure = books[0].primary_measure
    for upright, name in ((False, "monolingual"), (True, "true_cross_lingual")):
        scale(axes, limits, f"{name} {measure} (%)", upright=upright, text=percent_tick)
    diagonal(axes)
    axes.plot([1], [1], marker="*", markersize=13, color="#F0E442", markeredgecolor=INK, markeredgewidth=0.7,
              gid="ideal")  # fmt: skip
    axes.annotate("ideal", (1, 1), (-9, 0), textcoords="offset points", ha="right", va="center",
                  fontsize=8.0, zorder=6, bbox=WHITE)  # fmt: skip
    x, y = in_points(axes, 1, 1)
    width = text_width("ideal", 8.0) * 72
    marks = []
    for i, book in enumerate(books):
        within, across = book.macro(MONOLINGUAL), book.macro(macro)
        if within is not None and across is not None:
            number = model_position(book.model, i)
            look = model_look(number)
            marks.append(
                Mark(
                    within.value, across.value, look, f"model {book.model}", within.interval, across.interval,
                    size=8.0, hollow=bool(book.labels), text=str(number + 1), bars=look.colour,
                )
            )  # fmt: skip
    scatter(axes, marks, [(x, y, 14.0, 14.0), (x - 14 - width / 2, y, width, 8.0)])
    if not marks:
        words = "n/a: no model has both scores"
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center")
    head(axes, title)
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
        if found := [e for e in (b.macro(macro) for b in books) if e is not None]:
            units, clusters = count_text(e.n_units for e in found), count_text(e.n_clusters for e in found)
            parts.append(f"{name}: {units} units, {clusters} clusters")
    return " · ".join([counted(len(books), "model"), *parts])


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


def _applies(scores: Sequence[Scores], comparisons: Comparisons) -> bool:
    """Whether a model has both scores in a panel."""
    books = [read_scores(s) for s in scores]
    return any(b.macro(MONOLINGUAL) and b.macro(macro) for b in books for macro, _ in PANELS)


FIGURE = Registered(tradeoff, applies=_applies)
