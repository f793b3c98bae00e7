"""What the figures of probes share: looks of systems, an axis of errors, notes, errors in bins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.probe.figures_data import FLOOR, SHARES, ProbeBook, Score, System
from xlembed.probe.probe_errors import Bins, Mean, mean_errors
from xlembed.probe.words import unit_text
from xlembed.show.page import Panel, Words, page, text_width
from xlembed.show.shapes.curves import Curve, curves
from xlembed.show.shapes.marks import DASHES
from xlembed.show.shapes.scales import scale
from xlembed.show.style import Look, model_look, tint
from xlembed.words import counted

FLOOR_LOOK = Look("#666666", "", "X")
PROBE_MARKS = {"ridge": "o", "mlp": "s", "lightgbm": "^"}
OTHER_MARKS = ("v", "P", "h", "p")
RIVAL_TINT = -0.45
RIVAL_MARK = "D"


def colours(book: ProbeBook) -> dict[str, Look]:
    """Base model, or name of a rival -> its look, the same in every figure of the report."""
    entries = [s.base or s.name for s in book.systems if s.kind != FLOOR]
    return {name: model_look(i) for i, name in enumerate(sorted(set(entries)))}


def system_look(book: ProbeBook, system: System) -> Look:
    """Colour of the model, mark of the kind of probe."""
    if system.kind == FLOOR:
        return FLOOR_LOOK
    look = colours(book)[system.base or system.name]
    return look._replace(marker=kind_mark(book, system.probe) if system.probe else RIVAL_MARK)


def line_look(book: ProbeBook, system: System) -> Look:
    """Colour and mark of the model, for figures that show one probe of each; a rival of the same base is darker."""
    if system.kind == FLOOR:
        return FLOOR_LOOK
    look = colours(book)[system.base or system.name]
    return look if system.probe else look._replace(marker=RIVAL_MARK, colour=tint(look.colour, RIVAL_TINT))


def kind_mark(book: ProbeBook, probe: str) -> str:
    """The mark of a kind of probe."""
    if probe in PROBE_MARKS:
        return PROBE_MARKS[probe]
    others = sorted({s.probe for s in book.systems if s.probe} - PROBE_MARKS.keys())
    return OTHER_MARKS[others.index(probe) % len(OTHER_MARKS)]


def curve(
    book: ProbeBook, system: System, position: int, points: Sequence[tuple[float, Mean | None]], gid: str
) -> Curve:
    """The line of a system. Hollow if its values carry a label; `gid` stands before the system's name."""
    known = [(x, m.value, m.interval) for x, m in points if m is not None]
    gids = (f"line {system.name}", f"{gid} {system.name}")
    return Curve(line_look(book, system), known, gids, DASHES[position % len(DASHES)], bool(system.label))


def error_axis(axes: Axes, values: Sequence[float], text: str, share: bool, upright: bool = True) -> None:
    """An axis with some air around the values; shares in %."""
    scale(axes, axis_limits(values, share), text, upright=upright, n=6, factor=100.0 if share else 1.0)


def primary_axis(
    axes: Axes, book: ProbeBook, values: Sequence[float], more: str = "", upright: bool = True
) -> None:
    """The same for the primary measure, with its unit."""
    share = book.primary in SHARES
    unit = unit_text(book.primary) if share else f"{book.primary}, points of the scale"
    error_axis(axes, values, unit + more, share, upright)


def ends_of(scores: Iterable[Mean | Score | None]) -> list[float]:
    """Values and ends of intervals."""
    return [x for s in scores if s is not None for x in (s.value, *(s.interval or ()))]


def no_bar(scores: Iterable[Mean | Score | None]) -> list[str]:
    """What marks without a bar mean, if there are any."""
    lacking = any(s is not None and s.interval is None for s in scores)
    return ["Marks without a bar rest on fewer than 10 documents: descriptive only."] if lacking else []


def label_lines(book: ProbeBook) -> list[str]:
    """What hollow marks mean, and the labels, if there are any."""
    labelled = book.label_notes()
    return [*(["Hollow: the number carries a label."] if labelled else []), *labelled]


def axis_limits(values: Sequence[float], share: bool) -> tuple[float, float]:
    """From the lowest to the highest with 8 % of air; never below 0, shares never above 1.

    >>> axis_limits([0.5, 1.5], share=False)
    (0.42, 1.58)
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = max(0.08 * (high - low), 1e-3 * max(abs(high), 1e-6))
    low, high = max(min(0.0, low), low - air), high + air
    return round(low, 9), round(min(1.0, high) if share else high, 9)


def error_name(book: ProbeBook) -> str:
    """What an error is, for titles."""
    return "share of wrong labels" if book.are_labels else "mean absolute error"


def error_text(book: ProbeBook) -> str:
    """The same for an axis, with the unit."""
    return "wrong labels (%)" if book.are_labels else "mean absolute error (points of the scale)"


def subtitle(book: ProbeBook, *more: str) -> str:
    """Task, size of the test part, and more."""
    return " · ".join([f"task {book.task}", book.counts, *more])


def shown_note(book: ProbeBook, systems: Sequence[System]) -> str:
    """Which systems were left out, if any."""
    rest = len(book.systems) - len(systems)
    if rest <= 0:
        return ""
    return f"Shown: the best probe of each of the best models, rivals and the floor; {rest} further systems are not."


HEIGHT, LEAST_WIDTH, SPREAD, SIZE = 2.5, 5.8, 5.5, 7.5


def binned_figure(book: ProbeBook, table: pd.DataFrame, bins: Bins, title: str, note: str) -> Figure:
    """Mean error of each system in each bin."""
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

    `means` have one per bin, `texts` are title, what bins are, and a note; a line leads from bin to bin where they have
    an order.
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
