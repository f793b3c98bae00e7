"""Do predictions mean what they say? Mean true score of texts with about the same prediction."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.report.curves import LEGEND_ROW, draw_legend, legend_rows
from xlembed.report.figures.registry import Registered
from xlembed.report.page import MARGIN, Page
from xlembed.report.probe_curves import (
    COLUMNS,
    NO_BAR,
    dash,
    handles,
    line_look,
    mark_style,
    number_ticks,
    panels,
    rows_of,
    subtitle,
)
from xlembed.report.probe_errors import LEAST_IN_BIN, Calibration, calibration
from xlembed.report.probes import ProbeBook, System
from xlembed.report.style import FAINT, GRID, style, whisker

SIDE, ALONE = 1.85, 3.0
LEFT, TOP, GAP = 0.55, 0.24, (0.5, 0.66)

Curves = dict[str, list[Calibration]]


def probe_calibration(book: ProbeBook) -> Figure:
    """A panel per dimension: the best probe, and the best rival if there is one.

    Args:
        book: the results.
    """
    with style():
        return _draw(book)


def systems_shown(book: ProbeBook) -> list[System]:
    """The best probe and the rival."""
    present = set(book.predictions["system"])
    return [s for s in (book.best, book.rival) if s is not None and s.name in present]


def _draw(book: ProbeBook) -> Figure:
    systems = systems_shown(book)
    found = {d: {s.name: calibration(book, s.name, d) for s in systems} for d in book.dimensions}
    n = len(found)
    side, columns = (ALONE, 1) if n == 1 else (SIDE, min(n, COLUMNS))
    width = MARGIN + LEFT + columns * (side + GAP[0]) - GAP[0] + 0.25
    body = TOP + rows_of(n) * (side + GAP[1])
    width = max(width, 4.6)
    entries = handles(book, systems)
    _, legend = legend_rows(entries, width)
    title = "Reliability of predicted probabilities" if book.are_labels else "Calibration"
    page = Page(width, body + legend * LEGEND_ROW, title, [subtitle(book)], _notes(book, found))
    for i, ((dimension, curves), (left, top)) in enumerate(
        zip(found.items(), panels(n, side, GAP), strict=True)
    ):
        axes = page.axes(MARGIN + LEFT + left, TOP + top, side, side)
        _panel(axes, book, curves, dimension)
        if i % COLUMNS == 0:
            axes.set_ylabel("share of true 1 (%)" if book.are_labels else "mean true score")
        axes.set_xlabel("predicted (%)" if book.are_labels else "mean predicted score")
    draw_legend(page, entries, body)
    return page.figure


def _panel(axes: Axes, book: ProbeBook, curves: Curves, dimension: str) -> None:
    low, high = _limits(book, curves)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.plot([low, high], [low, high], color=FAINT, linewidth=0.9, linestyle=(0, (5, 3)), gid="diagonal")
    for i, (name, points) in enumerate(curves.items()):
        system = book.system(name)
        look = line_look(book, system)
        axes.plot(
            [p.predicted for p in points],
            [p.true.value for p in points],
            color=look.colour,
            linewidth=0.9,
            linestyle=dash(i),
        )
        for p in points:
            if p.true.interval is not None:
                whisker(axes, p.predicted, p.true.interval, upright=True, colour=look.colour)
            mark = mark_style(look, 4.5, hollow=bool(system.label))
            axes.plot([p.predicted], [p.true.value], zorder=5, gid=f"bin {name}", **mark)
    for axis in (axes.xaxis, axes.yaxis):
        number_ticks(axis, (low, high), 5, 100.0 if book.are_labels else 1.0)
        axis.grid(True, color=GRID, linewidth=0.6)
    axes.set_title(dimension, loc="left", fontsize=8.5, fontweight="bold", pad=4)
    axes.set_gid(f"calibration {dimension}")


def _limits(book: ProbeBook, curves: Curves) -> tuple[float, float]:
    """The same for both axes, so that the diagonal is one."""
    if book.are_labels:
        return -0.02, 1.02
    ends = [
        x
        for points in curves.values()
        for p in points
        for x in (p.predicted, *(p.true.interval or (p.true.value,)))
    ]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    air = max(0.06 * (high - low), 1e-6)
    return low - air, high + air


def _notes(book: ProbeBook, found: dict[str, Curves]) -> list[str]:
    sizes = [p.true.n for curves in found.values() for points in curves.values() for p in points]
    n = f"{min(sizes)} to {max(sizes)}" if sizes and min(sizes) < max(sizes) else f"{max(sizes, default=0)}"
    notes = [
        f"Texts in bins of about equal number ({n} texts a bin) by what is predicted. On the dashed line predictions "
        "are right on average; above it they are too low. Bars: 95 % CI by documents, unadjusted; bins are kept.",
    ]
    if any(
        p.true.interval is None for curves in found.values() for points in curves.values() for p in points
    ):
        notes.append(NO_BAR)
    return notes


def _caption(book: ProbeBook) -> str:
    names = " and ".join(s.marked for s in systems_shown(book))
    what = "share of true labels" if book.are_labels else "mean true score"
    return f"Calibration of {names}: {what} against the prediction, a panel per dimension."


def _applies(book: ProbeBook) -> bool:
    """One bin would say nothing."""
    return bool(systems_shown(book)) and book.predictions["text_id"].nunique() >= 2 * LEAST_IN_BIN


FIGURE = Registered(probe_calibration, applies=_applies, part="fit", caption=_caption)
