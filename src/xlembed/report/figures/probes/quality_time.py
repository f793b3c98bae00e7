"""What does a good score cost? The primary measure over milliseconds per text, a mark per system."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.report.curves import LEGEND_ROW
from xlembed.report.figures.registry import Registered
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.probe_curves import NO_BAR, error_axis, is_share, mark_style, subtitle, system_look
from xlembed.report.probes import FLOOR, ProbeBook, System, time_text, unit_text
from xlembed.report.style import FAINT, INK, style, tint, whisker
from xlembed.report.time_axis import SIZE, time_axis, write_numbers

SIDE, LEFT, TOP, FOOT, GAP = 3.9, 0.62, 0.1, 0.52, 0.2
MOST = 24
"""Systems drawn; of more, the best of each model and whatever nothing beats in both time and quality."""


def probe_quality_time(book: ProbeBook) -> Figure:
    """Quality with its interval over time on a log axis; the dashed line is the floor.

    Args:
        book: the results.
    """
    with style():
        return _draw(book)


def timed(book: ProbeBook) -> list[System]:
    """Systems with a time and a score, without the floor, the best first."""
    found = [s for s in book.systems if s.kind != FLOOR and book.time(s.name) and book.score(s.name)]
    found.sort(key=lambda s: book.order(s.name))
    if len(found) <= MOST:
        return found
    kept = {s.name for s in book.compared} | {s.name for s in front(book, found)}
    return [s for s in found if s.name in kept][:MOST]


def front(book: ProbeBook, systems: Sequence[System]) -> list[System]:
    """Those that no other beats in both time and quality; `systems` from the best."""
    found: list[System] = []
    fastest = math.inf
    for s in systems:
        if (book.time(s.name) or math.inf) < fastest:
            found.append(s)
            fastest = book.time(s.name) or math.inf
    return found


def _draw(book: ProbeBook) -> Figure:
    systems = timed(book)
    entries = [_entry(book, s, i) for i, s in enumerate(systems)]
    aside = max(text_width(str(entry.get_label()), SIZE) for entry in entries) + 0.45
    width = 2 * MARGIN + LEFT + SIDE + GAP + aside
    height = max(SIDE + FOOT, len(entries) * LEGEND_ROW + 0.1)
    devices = sorted({str(book.timings[s.name].get("device", "")) for s in systems} - {""})
    page = Page(
        width,
        TOP + height,
        f"{book.primary} against time",
        [subtitle(book, f"timed on {', '.join(devices)}" if devices else "device not told")],
        _notes(book, systems),
    )
    axes = page.axes(MARGIN + LEFT, TOP, SIDE, SIDE)
    _axes(axes, book, systems)
    for s in systems:
        _mark(axes, book, s)
    _numbers(axes, book, systems)
    beside = page.axes(MARGIN + LEFT + SIDE + GAP, TOP, aside, height)
    beside.set_axis_off()
    beside.legend(handles=entries, loc="upper left", borderaxespad=0, borderpad=0, labelspacing=0.55)
    return page.figure


def _axes(axes: Axes, book: ProbeBook, systems: Sequence[System]) -> None:
    scores = [book.score(s.name) for s in systems]
    ends = [x for s in scores if s is not None for x in (s.value, *(s.interval or ()))]
    floor = book.score(book.floor.name) if book.floor else None
    if floor is not None:
        ends.append(floor.value)
        axes.axhline(floor.value, color=INK, linewidth=1.0, linestyle=(0, (5, 3)), zorder=2, gid="floor")
    unit = unit_text(book.primary) if is_share(book.primary) else f"{book.primary}, points of the scale"
    better = "lower" if book.lower_is_better else "higher"
    error_axis(axes, ends, f"{unit} ({better} is better)", is_share(book.primary))
    times = [t for s in systems if (t := book.time(s.name))]
    time_axis(axes, times, "ms per text, from text to score", 1.6)
    axes.set_gid("quality time")


def _mark(axes: Axes, book: ProbeBook, system: System) -> None:
    score, ms = book.score(system.name), book.time(system.name)
    if score is None or ms is None:
        return
    look = system_look(book, system)
    if score.interval is not None:
        whisker(axes, ms, score.interval, upright=True, colour=tint(look.colour, 0.35))
    kind = mark_style(look, 7.0, hollow=bool(system.label))
    axes.plot([ms], [score.value], zorder=5, gid=f"system {system.name}", **kind)


def _numbers(axes: Axes, book: ProbeBook, systems: Sequence[System]) -> None:
    """The number of each system beside its mark, as in the legend."""
    marks = []
    for i, system in enumerate(systems):
        score, ms = book.score(system.name), book.time(system.name)
        if score is not None and ms is not None:
            marks.append((i + 1, ms, score.value, system_look(book, system).colour))
    write_numbers(axes, SIDE, marks, mark_size=7.0)


def _entry(book: ProbeBook, system: System, position: int) -> Artist:
    kind = mark_style(system_look(book, system), 6.0, hollow=bool(system.label))
    text = f"{position + 1}  {system.marked}: {time_text(book.time(system.name))} ms"
    return Line2D([], [], color=FAINT, label=text, **kind)


def _notes(book: ProbeBook, systems: Sequence[System]) -> list[str]:
    notes = [
        "Bars: 95 % CI by documents, unadjusted. Dashed: the floor. Times are of one machine and one run."
    ]
    if any((s := book.score(x.name)) is not None and s.interval is None for x in systems):
        notes.append(NO_BAR)
    every = [s for s in book.systems if s.kind != FLOOR]
    if untimed := [s.name for s in every if not book.time(s.name)]:
        notes.append(f"Not timed: {', '.join(untimed)}.")
    if len(systems) + len(untimed) < len(every):
        notes.append(
            "Of many systems: the best of each model, rivals, and what nothing beats in time and quality."
        )
    labelled = book.label_notes()
    return [*notes, *(["Hollow: the number carries a label."] if labelled else []), *labelled]


def _caption(book: ProbeBook) -> str:
    return f"{book.primary} with its 95 % interval against milliseconds per text, on a log axis; a mark per system."


FIGURE = Registered(
    probe_quality_time, applies=lambda book: len(timed(book)) > 1, part="cost", caption=_caption
)
