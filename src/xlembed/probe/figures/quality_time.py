"""What does a good score cost? The primary measure over milliseconds per text, a mark per system."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.probe.figures_data import FLOOR, ProbeBook, System
from xlembed.probe.probe_curves import label_lines, no_bar, primary_axis, subtitle, system_look
from xlembed.probe.words import time_text
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.marks import REFERENCE, Mark
from xlembed.show.shapes.scales import time_scale
from xlembed.show.shapes.scatter import scatter
from xlembed.show.style import INK, tint

SIDE = 3.9
MOST = 24
"""Systems drawn; of more, the best of each model and whatever nothing beats in both time and quality."""


def probe_quality_time(book: ProbeBook) -> Figure:
    """Quality with its interval over time on a log axis; the dashed line is the floor."""
    systems = timed(book)
    devices = sorted({str(book.timings[s.name].get("device", "")) for s in systems} - {""})
    on = f"timed on {', '.join(devices)}" if devices else "device not told"
    words = Words(f"{book.primary} against time", subtitle(book, on), _notes(book, systems))
    marks = [_mark(book, s, i) for i, s in enumerate(systems)]
    legend = [
        m.entry(f"{m.text}  {s.marked}: {time_text(m.x)} ms") for m, s in zip(marks, systems, strict=True)
    ]
    panel = Panel(SIDE, SIDE, _panel, (book, marks))
    return page(words, [[panel]], legend, place="beside")


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


def _mark(book: ProbeBook, system: System, position: int) -> Mark:
    score, ms, look = book.score(system.name), book.time(system.name), system_look(book, system)
    if score is None or ms is None:
        raise ValueError(f"no score or no time of {system.name}")
    return Mark(
        ms, score.value, look, f"system {system.name}", upright=score.interval, size=7.0, hollow=bool(system.label),
        text=str(position + 1), bars=tint(look.colour, 0.35),
    )  # fmt: skip


def _panel(axes: Axes, book: ProbeBook, marks: Sequence[Mark]) -> None:
    ends = [x for m in marks for x in (m.y, *(m.upright or ()))]
    floor = book.score(book.floor.name) if book.floor else None
    if floor is not None:
        ends.append(floor.value)
        axes.axhline(floor.value, color=INK, linewidth=1.0, linestyle=REFERENCE, zorder=2, gid="floor")
    better = "lower" if book.lower_is_better else "higher"
    primary_axis(axes, book, ends, f" ({better} is better)")
    label = "ms per text, from text to score (log axis; left is faster)"
    time_scale(axes, [m.x for m in marks], label, 1.6)
    axes.set_gid("quality time")
    scatter(axes, marks)


def _notes(book: ProbeBook, systems: Sequence[System]) -> list[str]:
    notes = [
        "Bars: 95 % CI by documents, unadjusted. Dashed: the floor. Times are of one machine and one run.",
        *no_bar(book.score(x.name) for x in systems),
    ]
    every = [s for s in book.systems if s.kind != FLOOR]
    if untimed := [s.name for s in every if not book.time(s.name)]:
        notes.append(f"Not timed: {', '.join(untimed)}.")
    if len(systems) + len(untimed) < len(every):
        notes.append(
            "Of many systems: the best of each model, rivals, and what nothing beats in time and quality."
        )
    return [*notes, *label_lines(book)]


def _caption(book: ProbeBook) -> str:
    return f"{book.primary} with its 95 % interval against milliseconds per text, on a log axis; a mark per system."


FIGURE = Registered(
    probe_quality_time, applies=lambda book: len(timed(book)) > 1, part="cost", caption=_caption
)
