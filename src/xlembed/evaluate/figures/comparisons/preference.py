"""Does a model that finds right documents find those in the query's language first? One point per model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.show.figures.registry import Comparisons, Registered, Scores
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.marks import REFERENCE, Mark
from xlembed.show.shapes.scales import limits_of, percent_tick, scale
from xlembed.show.shapes.scatter import scatter
from xlembed.show.style import FAINT, model_look, model_position
from xlembed.show.text import count_text
from xlembed.stats.score_rows import Estimate
from xlembed.stats.scorebook import ScoreBook, read_all, read_scores

FOUND = "any_language@1"
SIDE = 3.7
LINE: dict[str, Any] = {"color": FAINT, "linewidth": 0.9, "linestyle": REFERENCE}


def preference(scores: Sequence[Scores], comparisons: Comparisons = ()) -> Figure:
    """Macro any_language@1 (x) against macro preference (y), with intervals, and lines of no preference."""
    books = read_all(scores)
    drawn = [book for book in books if all(_points(book))]
    words = Words("Own language first?", f"task {books[0].task} · {_counts(drawn)}", _notes(books, drawn))
    legend = [
        *(_mark(book, i).entry(f"{i + 1}  {_named(book)}") for i, book in _placed(books) if book in drawn),
        Line2D([], [], label="no preference: the language does not matter", **LINE),
    ]
    return page(words, [[Panel(SIDE, SIDE, _panel, (books, drawn))]], legend)


def _points(book: ScoreBook) -> tuple[Estimate | None, Estimate | None]:
    return book.language_aware(FOUND), book.language_aware("preference")


def _placed(books: Sequence[ScoreBook]) -> list[tuple[int, ScoreBook]]:
    return [(model_position(book.model, i), book) for i, book in enumerate(books)]


def _named(book: ScoreBook) -> str:
    return f"{book.model}: {book.label()}" if book.labels else book.model


def _mark(book: ScoreBook, position: int) -> Mark:
    x, y = _points(book)
    look = model_look(position)
    if x is None or y is None:
        return Mark(0, 0, look)
    return Mark(
        x.value, y.value, look, f"model {book.model}", x.interval, y.interval,
        size=8.0, hollow=bool(book.labels), text=str(position + 1), bars=look.colour,
    )  # fmt: skip


def _panel(axes: Axes, books: list[ScoreBook], drawn: list[ScoreBook]) -> None:
    marks = [_mark(book, i) for i, book in _placed(books) if book in drawn]
    # Models count other queries where they find nothing, so that their lines may differ a little.
    none = sorted({round(value, 3) for book in drawn if (value := book.expected_preference()) is not None})
    across = [v for m in marks for v in (m.x, *(m.across or ()))]
    upright = [v for m in marks for v in (m.y, *(m.upright or ()))]
    for values, label, is_upright in (
        (across, f"{FOUND}: a right document is first (%)", False),
        ([*upright, *none], "preference: first right one in the query's language (%)", True),
    ):
        scale(axes, limits_of(values, 0.06, 0.02), label, upright=is_upright, text=percent_tick)
    for value in none:
        axes.axhline(value, zorder=1, gid="no preference", **LINE)
    scatter(axes, marks)
    axes.set_gid("preference")


def _counts(books: list[ScoreBook]) -> str:
    points = [_points(book) for book in books]
    parts = [f"{len(books)} model{'s' if len(books) > 1 else ''}"]
    for found, name in zip(zip(*points, strict=True), (FOUND, "preference"), strict=True):
        known = [e for e in found if e is not None]
        units, clusters = count_text(e.n_units for e in known), count_text(e.n_clusters for e in known)
        parts.append(f"{name}: {units} queries, {clusters} clusters")
    return " · ".join(parts)


def _notes(books: list[ScoreBook], drawn: list[ScoreBook]) -> list[str]:
    notes = [
        "Documents of all languages searched. Macro averages over query languages; bars: 95 % CI, unadjusted. "
        "Preference: queries with right documents in their own and in another language; by itself neither high nor low "
        "is good."
    ]
    if lacking := [book.model for book in books if book not in drawn]:
        notes.append(f"Not drawn, a score is missing: {', '.join(lacking)}.")
    if any(e is not None and e.interval is None for book in drawn for e in _points(book)):
        notes.append("Points without bars rest on fewer than 10 clusters: descriptive only.")
    if any(book.labels for book in drawn):
        notes.append("Hollow: languages of this task are not on the model's card; invalid for a decision.")
    return notes


def _applies(scores: Sequence[Scores], comparisons: Comparisons) -> bool:
    return any(all(_points(read_scores(s))) for s in scores)


FIGURE = Registered(preference, applies=_applies)
