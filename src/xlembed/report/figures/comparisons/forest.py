"""Paired differences between models with intervals and adjusted p: which are shown, and how large."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from xlembed.report.comparison import Paired, label_notes, read_comparisons
from xlembed.report.figures.registry import Comparisons, Registered, Scores
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.scorebook import MACROS, ScoreBook, read_all
from xlembed.report.style import FAINT, GRID, INK, MODE_LOOKS, style, whisker
from xlembed.report.text import MINUS, count_text, interval_text, p_text, points

ONE_COLUMN_PAIRS = 6
"""With more pairs than this there is one panel per macro, or the page would be a yard long."""
ROW = 0.235
SIZE = 7.5


class Line(NamedTuple):
    """A row of the plot: its height, and the comparison drawn there."""

    y: float
    paired: Paired


def forest(scores: Sequence[Scores], comparisons: Comparisons, measure: str | None = None) -> Figure:
    """Forest plot of A - B: filled where the adjusted p names a winner, hollow elsewhere.

    Args:
        scores: of the models, for their labels; may be empty.
        comparisons: rows with a, b, kind, pool, measure, difference, ci_low, ci_high, p_value, p_adjusted,
            test, n_units, n_clusters, verdict.
        measure: default: the measure of the first row.

    Raises:
        UserError: if there is no comparison of this measure.
    """
    rows = read_comparisons(comparisons, measure)
    books = read_all(scores) if scores else []
    pairs = list(dict.fromkeys((r.a, r.b) for r in rows))
    with style():
        draw = _one_column if len(pairs) <= ONE_COLUMN_PAIRS else _panel_per_macro
        return draw(rows, pairs, books)


def _one_column(rows: list[Paired], pairs: list[tuple[str, str]], books: list[ScoreBook]) -> Figure:
    marked = _marked(books)
    names = max(text_width(m.title, SIZE) for m in MACROS)
    left, plot = MARGIN + names + 0.3, 3.6
    beside = (1.45, 2.15, 2.35)
    lines: list[Line] = []
    heads: list[tuple[float, str]] = []
    y = 0.0
    for a, b in pairs:
        heads.append((y, f"{marked(a)}  {MINUS}  {marked(b)}"))
        of_pair = [r for r in rows if (r.a, r.b) == (a, b)]
        lines += [Line(y + 1 + i, r) for i, r in enumerate(of_pair)]
        y += 1.5 + len(of_pair)
    width = left + plot + beside[2] + max(text_width(r.verdict, SIZE, "bold") for r in rows) + MARGIN
    y -= 0.7
    page = _page(width, 0.3 + y * ROW + 0.6, rows, books)
    axes = page.axes(left, 0.3, plot, y * ROW)
    axes.text(
        -(left - MARGIN) / plot,
        1 + 0.08 / (y * ROW),
        "A − B",
        transform=axes.transAxes,
        fontsize=SIZE,
        color=FAINT,
        va="bottom",
    )
    _plot(axes, lines, y, _limits(rows), rows[0].measure)
    rule = 1 + (width - left - plot - MARGIN) / plot
    for head, text in heads:
        axes.text(
            -(left - MARGIN) / plot,
            head,
            text,
            transform=axes.get_yaxis_transform(),
            fontsize=8.5,
            fontweight="bold",
            va="center",
            gid="pair",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            zorder=6,
        )
        if head:
            ends = [-(left - MARGIN) / plot, rule]
            axes.plot(
                ends,
                [head - 0.75] * 2,
                color=GRID,
                linewidth=0.6,
                clip_on=False,
                transform=axes.get_yaxis_transform(),
            )
    headings = ("A − B [95 % CI], points", "adjusted p", "verdict")
    for x, text, align in zip(beside, headings, ("right", "right", "left"), strict=True):
        axes.text(
            1 + x / plot,
            1 + 0.08 / (y * ROW),
            text,
            transform=axes.transAxes,
            fontsize=SIZE,
            color=FAINT,
            ha=align,
            va="bottom",
        )
    for line in lines:
        r = line.paired
        axes.text(
            -0.12 / plot,
            line.y,
            r.macro.title,
            transform=axes.get_yaxis_transform(),
            fontsize=SIZE,
            ha="right",
            va="center",
        )
        texts = (
            f"{points(r.difference)} {interval_text(r.interval, signed=True)}",
            p_text(r.p_adjusted),
            r.verdict,
        )
        for x, text, align in zip(beside, texts, ("right", "right", "left"), strict=True):
            axes.text(
                1 + x / plot,
                line.y,
                text,
                transform=axes.get_yaxis_transform(),
                fontsize=SIZE,
                ha=align,
                va="center",
                fontweight="bold" if text == r.verdict and r.is_decided else "normal",
            )
    return page.figure


def _panel_per_macro(rows: list[Paired], pairs: list[tuple[str, str]], books: list[ScoreBook]) -> Figure:
    marked = _marked(books)
    names = [f"{marked(a)} {MINUS} {marked(b)}" for a, b in pairs]
    left = MARGIN + max(text_width(n, SIZE) for n in names) + 0.15
    plot, beside = 1.75, 0.85
    macros = [m for m in MACROS if any(r.macro == m for r in rows)]
    title = 0.62
    width = left + len(macros) * (plot + beside)
    page = _page(width, title + len(pairs) * ROW + 0.6, rows, books)
    limits = _limits(rows)
    for i, macro in enumerate(macros):
        axes = page.axes(left + i * (plot + beside), title, plot, len(pairs) * ROW)
        of_macro = {(r.a, r.b): r for r in rows if r.macro == macro}
        lines = [Line(float(y), of_macro[pair]) for y, pair in enumerate(pairs) if pair in of_macro]
        _plot(axes, lines, len(pairs) - 0.5, limits, rows[0].measure, top=-0.5)
        for y in range(0, len(pairs), 2):
            axes.axhspan(y - 0.5, y + 0.5, color="#f5f5f5", linewidth=0, zorder=0)
        axes.text(
            0,
            1 + 0.2 / (len(pairs) * ROW),
            macro.title.replace(", ", ",\n"),
            transform=axes.transAxes,
            fontsize=SIZE,
            fontweight="bold",
            va="bottom",
        )
        axes.text(
            1 + 0.55 / plot,
            1 + 0.05 / (len(pairs) * ROW),
            "adjusted p",
            transform=axes.transAxes,
            fontsize=6.5,
            color=FAINT,
            ha="right",
            va="bottom",
        )
        for y, pair in enumerate(pairs):
            found = of_macro.get(pair)
            text = p_text(found.p_adjusted) if found else "n/a"
            axes.text(
                1 + 0.55 / plot,
                y,
                text,
                transform=axes.get_yaxis_transform(),
                fontsize=SIZE,
                ha="right",
                va="center",
                fontweight="bold" if found and found.is_decided else "normal",
            )
            if i == 0:
                axes.text(
                    -0.1 / plot,
                    y,
                    names[y],
                    transform=axes.get_yaxis_transform(),
                    fontsize=SIZE,
                    ha="right",
                    va="center",
                    gid="pair",
                )
    return page.figure


def _plot(
    axes: Axes, lines: list[Line], bottom: float, limits: tuple[float, float], measure: str, top: float = -0.6
) -> None:
    axes.set_xlim(*limits)
    axes.set_ylim(bottom, top)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=2, gid="zero")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: points(x).removesuffix(".0")))
    axes.xaxis.grid(True, color=GRID, linewidth=0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for line in lines:
        look = MODE_LOOKS[MACROS.index(line.paired.macro)]
        if line.paired.interval is not None:
            whisker(axes, line.y, line.paired.interval, upright=False)
        axes.plot(
            [line.paired.difference],
            [line.y],
            linestyle="",
            marker=look.marker,
            markersize=6,
            zorder=5,
            markerfacecolor=look.colour if line.paired.is_decided else "white",
            markeredgecolor=INK,
            markeredgewidth=0.8,
            gid="difference",
        )
    axes.set_xlabel(f"{measure}, points\n← B better    A better →", fontsize=SIZE)


def _limits(rows: list[Paired]) -> tuple[float, float]:
    """From the lowest to the highest end, zero included, with some air."""
    ends = [x for r in rows for x in (r.difference, *(r.interval or ()))]
    low, high = min(0.0, *ends), max(0.0, *ends)
    air = 0.06 * max(high - low, 0.02)
    return low - air, high + air


def _marked(books: list[ScoreBook]) -> Callable[[str], str]:
    """Model -> its name, with an asterisk if its numbers carry a label."""
    labelled = {b.model for b in books if b.labels}
    return lambda model: f"{model}*" if model in labelled else model


def _page(width: float, body: float, rows: list[Paired], books: list[ScoreBook]) -> Page:
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
    return Page(width, body, f"Paired differences in {rows[0].measure}", [" · ".join(parts)], notes)


FIGURE = Registered(forest, applies=lambda scores, comparisons: bool(comparisons))
