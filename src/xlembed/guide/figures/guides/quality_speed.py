"""Is the better model worth its time? Quality against milliseconds per query, a point per model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.analyse.result import Estimate
from xlembed.guide.result import Guide, Weighed
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import percent_scale, time_scale
from xlembed.show.shapes.scatter import scatter
from xlembed.show.style import model_look
from xlembed.show.text import count_text

SIDE = 4.2


class _Point(NamedTuple):
    """A model that was timed; `number` decides its look."""

    model: Weighed
    number: int
    quality: Estimate
    ms: float
    spread: tuple[float, float]


def quality_speed(guide: Guide) -> Figure:
    """The part of quality that counts most, with its interval, over the time of one query on a log axis."""
    part, points, timing = guide.main_part, _points(guide), guide.timing
    timed = f" · {timing.queries} queries timed one at a time on {timing.where}" if timing else ""
    clusters = f"{count_text(p.model.n_clusters for p in points)} clusters{timed}"
    words = Words(
        f"Quality against speed: {guide.measure}, {part}",
        f"task {guide.task} · {', '.join(guide.languages)} · {clusters}",
        _notes(guide, points),
    )
    legend = [_mark(p).entry(_entry(p)) for p in sorted(points, key=lambda p: p.number)]

    def draw(axes: Axes) -> None:
        values = [x for p in points for x in (p.quality.value, *(p.quality.interval or ()))]
        percent_scale(axes, values, f"{part} {guide.measure} (%)")
        times = [x for p in points for x in (p.ms, *p.spread)]
        time_scale(axes, times, "ms per query (log axis; left is faster)", 1.35)
        axes.set_gid("quality speed")
        scatter(axes, [_mark(p) for p in points])

    return page(words, [[Panel(SIDE, SIDE, draw)]], legend)


def marker_size(size: float | None) -> float:
    """Diameter in points: 1.5 more for twice the bytes; the smallest for a vector of unknown size.

    >>> marker_size(256), marker_size(4096), marker_size(None)
    (6.0, 12.0, 4.0)
    """
    return 4.0 if not size else min(16.0, max(4.0, 6.0 + 1.5 * math.log2(size / 256)))


def _points(guide: Guide) -> list[_Point]:
    """Every timed model; its number is the same for all uses, whoever wins and whoever is excluded."""
    names = sorted([*(m.model for m in guide.models), *guide.excluded])
    spread = guide.timing.spread if guide.timing else {}
    found = []
    for m in guide.models:
        if (ms := m.ms_per_query) is not None:
            ends = (s.low, s.high) if (s := spread.get(m.model)) else (ms, ms)
            found.append(_Point(m, names.index(m.model), m.quality[guide.main_part], ms, ends))
    return found


def _mark(point: _Point) -> Mark:
    model, look = point.model, model_look(point.number)
    return Mark(
        point.ms, point.quality.value, look, f"model {model.model}", point.spread, point.quality.interval,
        size=marker_size(model.bytes_per_vector), text=str(point.number + 1), bars=look.colour,
        across_gid="spread",
    )  # fmt: skip


def _entry(point: _Point) -> str:
    size, ms = point.model.bytes_per_vector, point.ms
    words = "no vector" if size is None else f"{size:,.0f} bytes"
    time = f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"
    return f"{point.number + 1}  {point.model.model}: {time} ms, {words}"


def _notes(guide: Guide, points: Sequence[_Point]) -> list[str]:
    rounds = f"{guide.timing.rounds} rounds" if guide.timing else "the rounds"
    notes = [
        f"Upright bars: 95 % CI of quality, unadjusted. Level bars: fastest and slowest of {rounds} of "
        "encoding; the mark is their median, without the search. The larger a mark, the more bytes a vector takes."
    ]
    if any(p.quality.interval is None for p in points):
        notes.append("Marks without an upright bar rest on fewer than 10 clusters: descriptive only.")
    if lacking := [m.model for m in guide.models if m.ms_per_query is None]:
        notes.append(f"Not timed: {', '.join(lacking)}.")
    if guide.excluded:
        notes.append(f"Excluded by languages or limits: {', '.join(guide.excluded)}.")
    return notes


FIGURE = Registered(quality_speed, applies=lambda guide: len(_points(guide)) > 1)
