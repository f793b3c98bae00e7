"""A figure of errors in bins: a mark per system and bin, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.probe.figures_data import ProbeBook
from xlembed.probe.probe_curves import curve, ends_of, error_axis, error_text, no_bar, shown_note, subtitle
from xlembed.probe.probe_errors import Bins, Mean, mean_errors
from xlembed.show.page import Panel, Words, page, text_width
from xlembed.show.shapes.curves import curves
from xlembed.words import counted

HEIGHT, LEAST_WIDTH, SPREAD, SIZE = 2.5, 5.8, 5.5, 7.5


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
    labels = [f"{_two_lines(name)}\n{_count(means, i)}" for i, name in enumerate(bins.names)]
    texts = (title, bins.what, note)
    return grouped_figure(
        book, means, labels, texts, error_text(book), share=book.are_labels, lines=not book.are_labels
    )


def grouped_figure(
    book: ProbeBook,
    means: Mapping[str, Sequence[Mean | None]],
    labels: Sequence[str],
    texts: tuple[str, str, str],
    axis: str,
    *,
    share: bool,
    lines: bool,
) -> Figure:
    """Marks side by side.

    Args:
        book: the results.
        means: system -> one per bin.
        labels: of the bins, in lines.
        texts: title, what bins are, note.
        axis: what values are.
        share: whether they are shares.
        lines: whether bins have an order, so that a line leads from one to the next.
    """
    systems = [book.system(name) for name in means]
    shown = [curve(book, s, i, list(enumerate(means[s.name])), "mean") for i, s in enumerate(systems)]
    shown = shown if lines else [c.without_line() for c in shown]
    every = [m for of in means.values() for m in of]
    title, what, note = texts

    def draw(axes: Axes) -> None:
        axes.set_xlim(-0.5, len(labels) - 0.5)
        curves(axes, shown, size=5.0, spread=SPREAD)
        error_axis(axes, ends_of(every), axis, share)
        for x in range(1, len(labels)):
            axes.axvline(x - 0.5, color="#eeeeee", linewidth=0.6, zorder=0)
        axes.set_xticks(range(len(labels)), list(labels), fontsize=SIZE)
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel(what)
        axes.set_gid("bins")

    notes = [note, "Bars: 95 % CI by documents, unadjusted.", shown_note(book, systems), *no_bar(every)]
    labelled = {s.model: s.label for s in systems if s.label}
    notes += [f"* Hollow: {model}: {text}." for model, text in labelled.items()]
    width = max(LEAST_WIDTH, len(labels) * _width(labels, len(systems)))
    legend = [c.entry(s.marked) for c, s in zip(shown, systems, strict=True)]
    return page(Words(title, subtitle(book), notes), [[Panel(width, HEIGHT, draw)]], legend)


def _width(labels: Sequence[str], n_systems: int) -> float:
    """Inches that a bin needs for its name, of several lines, and its marks."""
    widest = max((text_width(line, SIZE) for label in labels for line in label.split("\n")), default=0.0)
    return max(widest + 0.14, (n_systems + 1.5) * SPREAD / 72, 0.4)


def _count(means: Mapping[str, Sequence[Mean | None]], i: int) -> str:
    n = next((found.n_texts for row in means.values() if (found := row[i]) is not None), 0)
    return counted(n, "text")


def _two_lines(name: str) -> str:
    """A range of two long numbers is broken before its second."""
    return name.replace(" to ", "\nto ") if len(name) > 8 else name
