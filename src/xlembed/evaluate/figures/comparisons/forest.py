"""Paired differences between models with intervals and adjusted p: which are shown, and how large."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.show.figures.registry import Comparisons, Registered, Scores
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.interval_rows import SIZE, Column, interval_rows
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import limits_of, scale
from xlembed.show.style import GRID, INK, MODE_LOOKS
from xlembed.show.text import MINUS, count_text, interval_text, p_text, points
from xlembed.stats.compared import Paired, label_notes, read_comparisons
from xlembed.stats.scorebook import MACROS, Macro, ScoreBook, read_all

ONE_COLUMN_PAIRS = 6
"""With more pairs than this there is one panel per macro, or the page would be a yard long."""
ROW = 0.235
Names = Callable[[Paired], str]


def forest(scores: Sequence[Scores], comparisons: Comparisons) -> Figure:
    """Forest plot of A - B, of the measure of the first row: filled where the adjusted p names a winner.

    Models without scores have no labels.

    Raises:
        UserError: if there is no comparison of this measure.
    """
    rows = read_comparisons(comparisons)
    books = read_all(scores) if scores else []
    labels = {b.model: b.labels for b in books if b.labels}

    def pair(row: Paired) -> str:
        a, b = (f"{model}*" if model in labels else model for model in (row.a, row.b))
        return f"{a} {MINUS} {b}{row.restriction(labels)}"

    pairs = list(dict.fromkeys(map(pair, rows)))
    if len(pairs) <= ONE_COLUMN_PAIRS:
        panels = [Panel(3.6, (len(rows) + 1.5 * len(pairs)) * ROW, _all, (rows, pair))]
    else:
        macros = [m for m in MACROS if any(r.macro == m for r in rows)]
        panels = [Panel(1.75, len(pairs) * ROW, _macro, (rows, m, pair, m == macros[0])) for m in macros]
    return page(_words(rows, books), [panels])


def _all(axes: Axes, rows: list[Paired], pair: Names) -> None:
    """A heading per pair, a row per macro."""
    names: list[str] = []
    texts: list[tuple[str, str, str]] = []
    places: list[float] = []
    marks, headings = [], []
    y = 0.0
    for i, r in enumerate(rows):
        if not i or pair(r) != pair(rows[i - 1]):
            y += 0.5 if i else 0.0
            headings.append(len(names))
            names, texts, places = [*names, pair(r)], [*texts, ("", "", "")], [*places, y]
            y += 1
        difference = f"{points(r.difference)} {interval_text(r.interval, signed=True)}"
        names.append(r.macro.title)
        texts.append((difference, p_text(r.p_adjusted), r.verdict))
        places.append(y)
        marks.append(_mark(r, y))
        y += 1
    bold = [text[2].endswith(" better") for text in texts]
    of = list(zip(*texts, strict=True))
    columns = [
        Column(1.45, of[0], "A − B [95 % CI], points"),
        Column(2.15, of[1], "adjusted p"),
        Column(2.35, of[2], "verdict", bold, "left"),
    ]
    _scale(axes, rows)
    interval_rows(axes, names, marks, columns, places=places, bold=headings, stripes=False)
    for i in headings[1:]:
        axes.axhline(places[i] - 0.75, color=GRID, linewidth=0.6)
    for i in headings:
        axes.get_yticklabels()[i].set_gid("pair")


def _macro(axes: Axes, rows: list[Paired], macro: Macro, pair: Names, first: bool) -> None:
    """A row per pair."""
    pairs = list(dict.fromkeys(map(pair, rows)))
    found = {pair(r): r for r in rows if r.macro == macro}
    texts = [p_text(found[name].p_adjusted) if name in found else "n/a" for name in pairs]
    bold = [name in found and found[name].is_decided for name in pairs]
    marks = [_mark(found[name], y) for y, name in enumerate(pairs) if name in found]
    _scale(axes, rows)
    names = pairs if first else [""] * len(pairs)
    interval_rows(axes, names, marks, [Column(0.6, texts, "adjusted p", bold)])
    title = macro.title.replace(", ", ",\n")
    axes.set_title(title, loc="left", fontsize=SIZE, fontweight="bold", pad=14)


def _mark(row: Paired, y: float) -> Mark:
    look = MODE_LOOKS[MACROS.index(row.macro)]
    return Mark(row.difference, y, look, "difference", across=row.interval, hollow=not row.is_decided)


def _scale(axes: Axes, rows: list[Paired]) -> None:
    """From the lowest to the highest end, zero included."""
    ends = [0.0, *(x for r in rows for x in (r.difference, *(r.interval or ())))]
    label = f"{rows[0].measure}, points\n← B better    A better →"
    limits = limits_of(ends, 0.06, 0.0012)
    scale(axes, limits, label, upright=False, text=lambda x: points(x).removesuffix(".0"))
    axes.axvline(0, color=INK, linewidth=0.9, zorder=2, gid="zero")


def _words(rows: list[Paired], books: list[ScoreBook]) -> Words:
    parts = [f"task {books[0].task}"] if books else []
    of_macro = {m.short: [r for r in rows if r.macro == m] for m in MACROS}
    units = [f"{name} {count_text(r.n_units for r in of)}" for name, of in of_macro.items() if of]
    parts += [f"units: {'; '.join(units)}", f"{count_text(r.n_clusters for r in rows)} clusters"]
    tests = ", ".join(dict.fromkeys(r.test for r in rows))
    notes = [
        f"Intervals: 95 %, unadjusted. Verdicts follow the adjusted p only (Holm; {tests}).",
        "Filled: a winner is named. Hollow: none.",
        *label_notes(rows, {b.model: b.labels for b in books}),
    ]
    if any(r.interval is None for r in rows):
        notes.append("Differences without an interval rest on fewer than 10 clusters: descriptive only.")
    return Words(f"Paired differences in {rows[0].measure}", " · ".join(parts), notes)


FIGURE = Registered(forest, applies=lambda scores, comparisons: bool(comparisons))
