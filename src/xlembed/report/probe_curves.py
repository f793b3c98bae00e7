"""What the figures of probes share: looks of systems, an axis of errors, points side by side, panels in rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.text import Text

from xlembed.report.curves import DASHES, marker, set_ticks
from xlembed.report.page import MARGIN, text_width
from xlembed.report.probe_errors import Mean
from xlembed.report.probes import FLOOR, SHARES, ProbeBook, System
from xlembed.report.style import GRID, Look, model_look, tint, whisker
from xlembed.report.text import MINUS

FLOOR_LOOK = Look("#666666", "", "X")
PROBE_MARKS = {"ridge": "o", "mlp": "s", "lightgbm": "^"}
OTHER_MARKS = ("v", "P", "h", "p")
RIVAL_TINT = -0.45
RIVAL_MARK = "D"
SIZE = 7.5
COLUMNS = 3
"""Panels in a row."""
SPREAD = 5.5
"""Points between neighbouring marks of one bin."""
NO_BAR = "Marks without a bar rest on fewer than 10 documents: descriptive only."


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


def mark_style(look: Look, size: float = 6.0, hollow: bool = False) -> dict[str, Any]:
    """Keywords of a mark; a hollow one keeps its colour at the edge."""
    style = marker(look, size, hollow)
    return style | {"markeredgecolor": look.colour, "markeredgewidth": 1.5} if hollow else style


def dash(position: int) -> object:
    """Dashes of the line at a position, for those who see no colour."""
    return DASHES[position % len(DASHES)]


def handles(book: ProbeBook, systems: Sequence[System], lines: bool = True) -> list[Artist]:
    """Legend entries of systems; hollow marks where numbers carry a label."""
    found: list[Artist] = []
    for i, s in enumerate(systems):
        look = line_look(book, s)
        style = mark_style(look, hollow=bool(s.label))
        if lines:
            style["linestyle"] = dash(i)
        found.append(Line2D([], [], color=look.colour, linewidth=1.2, label=s.marked, **style))
    return found


def side_by_side(
    axes: Axes, book: ProbeBook, values: Mapping[str, Sequence[Mean | None]], width: float, lines: bool = True
) -> None:
    """A mark with a whisker per system and bin; bins stand at 0, 1, 2 ...

    Args:
        axes: with limits on x set.
        book: for looks.
        values: system -> mean of each bin.
        width: of the axes in inches.
        lines: whether bins have an order, so that a line leads from one to the next.
    """
    unit = (axes.get_xlim()[1] - axes.get_xlim()[0]) / (72 * width)
    for i, (name, means) in enumerate(values.items()):
        system = book.system(name)
        look, shift = line_look(book, system), (i - (len(values) - 1) / 2) * SPREAD * unit
        found = [(x + shift, m) for x, m in enumerate(means) if m is not None]
        if lines:
            axes.plot(
                [x for x, _ in found], [m.value for _, m in found],
                color=look.colour, linestyle=dash(i), linewidth=1.1, zorder=3, gid=f"line {name}",
            )  # fmt: skip
        for x, m in found:
            if m.interval is not None:
                whisker(axes, x, m.interval, upright=True, colour=look.colour)
            style = mark_style(look, 5.0, hollow=bool(system.label))
            axes.plot([x], [m.value], zorder=5, gid=f"mean {name}", **style)


def error_axis(axes: Axes, values: Sequence[float], text: str, share: bool, upright: bool = True) -> None:
    """An axis with some air around the values; shares in %.

    Args:
        axes: where.
        values: all ends that must be seen.
        text: what it shows.
        share: whether values are shares.
        upright: y, else x.
    """
    limits = axis_limits(values, share)
    axis = axes.yaxis if upright else axes.xaxis
    (axes.set_ylim if upright else axes.set_xlim)(*limits)
    number_ticks(axis, limits, 6, 100.0 if share else 1.0)
    axis.grid(True, color=GRID, linewidth=0.6)
    (axes.set_ylabel if upright else axes.set_xlabel)(text)


def number_ticks(axis: Axis, limits: tuple[float, float], n: int, factor: float = 1.0) -> None:
    """About `n` round ticks inside the limits, all with the same number of digits.

    Args:
        axis: where.
        limits: of the values.
        n: ticks, about.
        factor: what values are multiplied with for print: 100 for shares in %.
    """
    set_ticks(axis, limits, n, str)
    places = [float(x) * factor for x in axis.get_ticklocs()]
    digits = max((len(f"{x:.4f}".rstrip("0").partition(".")[2]) for x in places), default=0)
    texts = [f"{x:,.{digits}f}".replace("-", MINUS) for x in places]
    axis.set_ticks([x / factor for x in places], texts)


def axis_limits(values: Sequence[float], share: bool) -> tuple[float, float]:
    """From the lowest to the highest with 8 % of air; never below 0, shares never above 1.

    >>> axis_limits([0.5, 1.5], share=False)
    (0.42, 1.58)
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = max(0.08 * (high - low), 1e-3 * max(abs(high), 1e-6))
    low, high = max(min(0.0, low), low - air), high + air
    return round(low, 9), round(min(1.0, high) if share else high, 9)


def ends_of(values: Mapping[str, Sequence[Mean | None]]) -> list[float]:
    """Values and ends of intervals."""
    every = [m for means in values.values() for m in means if m is not None]
    return [x for m in every for x in (m.value, *(m.interval or ()))]


def error_name(book: ProbeBook) -> str:
    """What an error is, for titles."""
    return "share of wrong labels" if book.are_labels else "mean absolute error"


def error_text(book: ProbeBook) -> str:
    """The same for an axis, with the unit."""
    return "wrong labels (%)" if book.are_labels else "mean absolute error (points of the scale)"


def is_share(measure: str) -> bool:
    """Whether a measure is a share, shown in %."""
    return measure in SHARES


def subtitle(book: ProbeBook, *more: str) -> str:
    """Task, size of the test part, and more."""
    return " · ".join([f"task {book.task}", book.counts, *more])


def shown_note(book: ProbeBook, systems: Sequence[System]) -> str:
    """Which systems were left out, if any."""
    rest = len(book.systems) - len(systems)
    if rest <= 0:
        return ""
    return f"Shown: the best probe of each of the best models, rivals and the floor; {rest} further systems are not."


def bin_labels(axes: Axes, lines: Sequence[str], size: float = SIZE) -> list[Text]:
    """Names below bins at 0, 1, 2 ..."""
    axes.set_xticks(range(len(lines)), list(lines), fontsize=size)
    axes.tick_params(axis="x", length=0)
    return list(axes.get_xticklabels())


def bin_width(names: Sequence[str], n_systems: int, size: float = SIZE) -> float:
    """Inches that a bin needs for its name, of several lines, and its marks."""
    widest = max((text_width(line, size) for name in names for line in name.split("\n")), default=0.0)
    return max(widest + 0.14, (n_systems + 1.5) * SPREAD / 72, 0.4)


def panels(
    n: int, side: float, gap: tuple[float, float], columns: int = COLUMNS
) -> Iterator[tuple[float, float]]:
    """Left and top of each of `n` panels in rows, inches from the first one."""
    for i in range(n):
        row, column = divmod(i, columns)
        yield column * (side + gap[0]), row * (side + gap[1])


def rows_of(n: int, columns: int = COLUMNS) -> int:
    """Rows of panels."""
    return math.ceil(n / columns)


def left_of(labels: Sequence[str], size: float = SIZE) -> float:
    """Inches that names left of a plot need, with the margin."""
    return MARGIN + max((text_width(text, size) for text in labels), default=0.0) + 0.12
