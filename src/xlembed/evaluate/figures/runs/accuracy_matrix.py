"""Query language x document language: accuracy when all documents are searched, and only the target's."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xlembed.show.figures.registry import Registered, Scores
from xlembed.show.notes import POOL_ALL, pool_note
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.heat_map import colour_bar, heat_map
from xlembed.show.style import INK
from xlembed.show.text import count_text, estimate_text, percent
from xlembed.stats.scorebook import (
    CROSS_LINGUAL,
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    Estimate,
    Macro,
    ScoreBook,
    read_scores,
)

COLOURS = "YlGn"
"""Monotone in lightness (dark is high, also on a copy), and numbers stay readable on its middle."""
PANELS = (
    ("all", "All documents searched (pool = all)", CROSS_LINGUAL, TRUE_CROSS_ALL),
    ("target", "Target language only (pool = target)", MONOLINGUAL, TRUE_CROSS_TARGET),
)


def accuracy_matrix(scores: Scores) -> Figure:
    """Two heatmaps side by side; a cell without units is hatched and says n/a."""
    book = read_scores(scores)
    n = len(book.languages)
    side = min(max(2.6, 0.62 * n), max(4.6, 0.42 * n))
    panels = [Panel(side, side, _panel, (book, *panel)) for panel in PANELS]
    words = Words(
        f"{book.primary_measure} by query and document language: {book.model}",
        f"task {book.task} · values in % · {book.counts()}",
        _notes(book),
    )
    return page(words, [[*panels, colour_bar(COLOURS, side, ("0", "25", "50", "75", "100 %"))]])


def _panel(axes: Axes, book: ScoreBook, pool: str, title: str, diagonal: Macro, others: Macro) -> None:
    n = len(book.languages)
    cell = axes.get_window_extent().width / axes.figure.dpi / max(n, 1)
    digits, size = (1, 8.5) if cell > 0.5 else (0, 7.5 if cell > 0.36 else 6.0)
    values = np.array([np.nan if e is None else e.value for e in _cells(book, pool)]).reshape(n, n)
    names = [book.marked(lang) for lang in book.languages]
    heat_map(axes, values, names, book.languages, lambda x: percent(x, digits),
             colours=COLOURS, missing="n/a", size=size)  # fmt: skip
    for i in range(n):
        own = Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.3, zorder=3)
        axes.add_patch(own)
    axes.set_xlabel("document language")
    axes.set_ylabel("query language")
    axes.set_gid(f"pool {pool}")
    below = []
    for where, macro in (("diagonal", diagonal), ("off diagonal", others)):
        found = book.macro(macro)
        said = estimate_text(found.value, found.interval) if found else "n/a"
        below.append(f"{where}: {macro.kind}, macro {said}")
    head(axes, title, *below)


def _cells(book: ScoreBook, pool: str) -> list[Estimate | None]:
    return [book.pair(pool, query, doc) for query in book.languages for doc in book.languages]


def _notes(book: ScoreBook) -> list[str]:
    found = [e for pool, *_ in PANELS for e in _cells(book, pool)]
    present = [e for e in found if e is not None]
    notes = [book.footnote(), *([POOL_ALL] if pool_note(book) else [])]
    if present:
        notes.append(f"Units per cell: {count_text(e.n_units for e in present)}. [95 % CI], unadjusted.")
    if few := sum(e.interval is None for e in present):
        what = "All cells rest" if few == len(present) else f"{few} of {len(present)} cells rest"
        notes.append(f"{what} on fewer than 10 clusters: descriptive only.")
    if len(present) < len(found):
        notes.append("n/a: no query of this language has a relevant document in that language.")
    return notes


FIGURE = Registered(accuracy_matrix, applies=lambda scores: bool(read_scores(scores).languages))
