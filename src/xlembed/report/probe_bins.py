"""A figure of errors in bins: a mark per system and bin, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from xlembed.report.curves import LEGEND_ROW, draw_legend, legend_rows
from xlembed.report.page import MARGIN, Page
from xlembed.report.probe_curves import (
    NO_BAR,
    bin_labels,
    bin_width,
    ends_of,
    error_axis,
    error_text,
    handles,
    shown_note,
    side_by_side,
    subtitle,
)
from xlembed.report.probe_errors import Bins, Mean, mean_errors
from xlembed.report.probes import ProbeBook
from xlembed.report.style import style

LEFT, TOP, HEIGHT = 0.62, 0.08, 2.5
LEAST_WIDTH = 5.8


def binned_figure(book: ProbeBook, table: pd.DataFrame, bins: Bins, title: str, note: str) -> Figure:
    """Mean error of each system in each bin.

    Args:
        book: the results.
        table: of `probe_errors.error_table`.
        bins: of its rows.
        title: of the figure.
        note: what to see in it.
    """
    names = [s.name for s in book.compared if s.name in table.columns]
    means = mean_errors(book, table, names, bins)
    texts = [_count(means, i) for i in range(len(bins.names))]
    labels = [f"{_two_lines(name)}\n{text}" for name, text in zip(bins.names, texts, strict=True)]
    axis = (error_text(book), book.are_labels)
    return grouped_figure(book, means, labels, (title, bins.what, note), axis, lines=not book.are_labels)


def grouped_figure(
    book: ProbeBook,
    means: Mapping[str, Sequence[Mean | None]],
    labels: Sequence[str],
    texts: tuple[str, str, str],
    axis: tuple[str, bool],
    lines: bool,
) -> Figure:
    """Marks side by side.

    Args:
        book: the results.
        means: system -> one per bin.
        labels: of the bins, in lines.
        texts: title, what bins are, note.
        axis: what values are, and whether they are shares.
        lines: whether bins have an order.
    """
    with style():
        return _draw(book, means, labels, texts, axis, lines)


def _draw(
    book: ProbeBook,
    means: Mapping[str, Sequence[Mean | None]],
    labels: Sequence[str],
    texts: tuple[str, str, str],
    axis: tuple[str, bool],
    lines: bool,
) -> Figure:
    systems = [book.system(name) for name in means]
    plot = max(LEAST_WIDTH, len(labels) * bin_width(labels, len(systems)))
    width = MARGIN + LEFT + plot + MARGIN
    entries = handles(book, systems, lines)
    _, legend = legend_rows(entries, width)
    foot = 0.36 + 0.15 * max(label.count("\n") + 1 for label in labels)
    title, what, note = texts
    page = Page(
        width,
        TOP + HEIGHT + foot + legend * LEGEND_ROW,
        title,
        [subtitle(book)],
        [note, *_notes(book, means), *_labels(book, means)],
    )
    axes = page.axes(MARGIN + LEFT, TOP, plot, HEIGHT)
    axes.set_xlim(-0.5, len(labels) - 0.5)
    side_by_side(axes, book, means, plot, lines)
    error_axis(axes, ends_of(means), *axis)
    for x in range(1, len(labels)):
        axes.axvline(x - 0.5, color="#eeeeee", linewidth=0.6, zorder=0)
    bin_labels(axes, labels)
    axes.set_xlabel(what)
    axes.set_gid("bins")
    draw_legend(page, entries, TOP + HEIGHT + foot)
    return page.figure


def _count(means: Mapping[str, Sequence[Mean | None]], i: int) -> str:
    found = next((row[i] for row in means.values() if row[i] is not None), None)
    n = 0 if found is None else found.n_texts
    return "1 text" if n == 1 else f"{n:,} texts"


def _two_lines(name: str) -> str:
    """A range of two long numbers is broken before its second."""
    return name.replace(" to ", "\nto ") if len(name) > 8 else name


def _notes(book: ProbeBook, means: Mapping[str, Sequence[Mean | None]]) -> list[str]:
    notes = ["Bars: 95 % CI by documents, unadjusted.", shown_note(book, [book.system(n) for n in means])]
    if any(m is not None and m.interval is None for row in means.values() for m in row):
        notes.append(NO_BAR)
    return notes


def _labels(book: ProbeBook, means: Mapping[str, Sequence[Mean | None]]) -> list[str]:
    labelled = {book.system(name).model: book.system(name).label for name in means}
    return [f"* Hollow: {model}: {text}." for model, text in labelled.items() if text]
