"""Which index setting to take? Recall against the time of a search, one curve per type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.search.elastic.index_type import find_type, type_names
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import time_scale
from xlembed.show.style import FAINT, INK, Look, whisker
from xlembed.show.text import interval_text, percent
from xlembed.stats.tuned import EXACT_SCAN, Tried, Tuning

SIDE = 3.7
TITLES = {False: "before force merge", True: "after force merge"}
TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
FLOOR = 1e-4
"""Share of neighbours missed below which all is drawn as 100 %."""
WANTED: dict[str, Any] = {"color": FAINT, "linewidth": 0.9, "linestyle": (0, (5, 4))}
CHOSEN: dict[str, Any] = {
    "linestyle": "", "marker": "o", "markersize": 15, "markerfacecolor": "none", "markeredgecolor": INK,
    "markeredgewidth": 1.6,
}  # fmt: skip


def recall_latency(report: Tuning) -> Figure:
    """95th percentile of single searches (x, logarithmic) against recall@k (y, logarithmic in what is missed)."""
    panels = [m for m in (False, True) if any(r.merged is m for r in report.settings)]
    types = [t for t in type_names() if any(r.type == t for r in report.settings)]
    corpus = report.corpus
    synthetic, texts = corpus.synthetic_distractors, corpus.distractor_texts
    words = Words(
        f"Recall against latency: {report.model}",
        f"task {report.task} · {corpus.documents:,} documents"
        + (f" + {texts:,} distractor texts" if texts else "")
        + (f" + {synthetic:,} synthetic distractors" if synthetic else "")
        + f" · {report.dims} dimensions · Elasticsearch {report.server}",
        _notes(report),
    )
    drawn = [Panel(SIDE, SIDE, _panel, (report, merged)) for merged in panels]
    legend = [*map(_handle, types), Line2D([], [], label="wanted recall", **WANTED)]
    if report.choice.name:
        legend.append(Line2D([], [], label="chosen", **CHOSEN | {"markersize": 11}))
    return page(words, [drawn], legend)


def _look(type: str) -> Look:
    found = find_type(type)
    return Look(found.colour, "", found.marker)


def _handle(type: str) -> Line2D:
    graph = find_type(type).graph
    mark = Mark(0, 0, _look(type), size=6 if graph else 9)
    label = type if graph else f"{type} ({EXACT_SCAN})"
    return mark.entry(label, linewidth=1.2, linestyle="-" if graph else "")


def _panel(axes: Axes, report: Tuning, merged: bool) -> None:
    every = _points(report)
    bottom, top = _bottom(report, every), _height(1.0)
    time_scale(axes, [r.latency_ms.p95 for r in report.settings], "one search, 95th percentile (ms)", 1.35)
    axes.set_ylim(_height(bottom), top + 0.06 * (top - _height(bottom)))
    ticks = _thinned([t for t in TICKS if t >= bottom], bottom)
    axes.set_yticks([_height(t) for t in (*ticks, 1.0)], [*(f"{100 * t:.4g}" for t in ticks), "100"])
    axes.axhline(_height(report.wanted_recall), gid="wanted", **WANTED)
    points = [p for p in every if p.row.merged is merged]
    for type in type_names():
        look, size = _look(type), 6.5 if find_type(type).graph else 12
        mine = [p for p in points if p.row.type == type]
        front = _front(mine)
        places = [p.ms for p in front], [_height(p.recall) for p in front]
        axes.plot(*places, color=look.colour, linewidth=1.3, zorder=3, gid=f"curve {type}")
        for p in mine:
            on_front, height = p in front, _height(p.recall)
            if on_front and p.interval:
                ends = [_height(max(p.interval[0], bottom)), _height(p.interval[1])]
                whisker(axes, p.ms, ends, upright=True, colour=look.colour)
            Mark(p.ms, height, look, f"setting {p.row.name}", size=size, hollow=not on_front).draw(axes)
            if p.row.name == report.choice.name:
                _mark_chosen(axes, p.row.name, p.ms, height)
    if not points:
        axes.text(0.5, 0.5, "index not exercised", transform=axes.transAxes, ha="center", va="center")
    head(axes, TITLES[merged])
    axes.set_ylabel(f"recall@{report.k} (%)")
    axes.set_gid(f"merged {merged}")


def _mark_chosen(axes: Axes, name: str, x: float, y: float) -> None:
    axes.plot([x], [y], zorder=7, clip_on=False, gid="chosen", **CHOSEN)
    place = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
    right, up = place[0] < 0.5, place[1] < 0.3
    axes.annotate(
        name, (x, y), (12 if right else -12, 14 if up else -18), textcoords="offset points",
        ha="left" if right else "right", va="center", fontsize=8.0, fontweight="bold", zorder=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}, gid="chosen name",
    )  # fmt: skip


def _height(recall: float) -> float:
    """Recall on an axis where 90, 99 and 99.9 % are equally far apart.

    >>> _height(0.9), _height(0.99), _height(1.0)
    (1.0, 2.0, 4.0)
    """
    return round(-math.log10(max(1 - recall, FLOOR)), 9)


class _Point(NamedTuple):
    """A setting that was exercised: its time, and recall in the mode that does worst."""

    row: Tried
    ms: float
    recall: float
    interval: tuple[float, float] | None


def _points(report: Tuning) -> list[_Point]:
    found = []
    for row in report.settings:
        if row.scanned:  # which misses nothing
            found.append(_Point(row, row.latency_ms.p95, 1.0, None))
        elif told := report.recall(row):
            found.append(_Point(row, row.latency_ms.p95, told.value, told.interval))
    return found


def _front(points: Sequence[_Point]) -> list[_Point]:
    """Settings that no other one of the type beats in both, the fastest first."""
    front: list[_Point] = []
    for point in sorted(points, key=lambda p: (p.ms, -p.recall)):
        if not front or point.recall > front[-1].recall:
            front.append(point)
    return front


def _bottom(report: Tuning, points: Sequence[_Point]) -> float:
    lows = [p.interval[0] if p.interval else p.recall for p in points]
    return max((t for t in TICKS if t < min([*lows, report.wanted_recall])), default=0.0)


def _thinned(ticks: Sequence[float], bottom: float) -> list[float]:
    """Ticks that leave room for their labels."""
    room = 0.055 * (_height(1.0) - _height(bottom))
    kept: list[float] = []
    for tick in ticks:
        if (not kept or _height(tick) - _height(kept[-1]) >= room) and _height(1.0) - _height(tick) >= room:
            kept.append(tick)
    return kept


def _notes(report: Tuning) -> list[str]:
    choice, k, n = report.choice, report.k, report.clusters
    notes = [
        f"Recall@{k} against exact search over the same vectors, in the mode and pool that does worst, on "
        f"{n.reporting:,} clusters; bars: 95 % CI. The setting was chosen on {n.choosing:,} other clusters. The "
        "recall axis is logarithmic in what is missed. Lines join the settings that no other one of their type "
        "beats; hollow: the others."
    ]
    said = f"Chosen: {choice.name}, {choice.why}" if choice.name else f"None chosen: {choice.why}"
    if choice.name and (told := choice.reported):
        said += f"; on the other half {percent(told.value, 2)} {interval_text(told.interval)}"
    notes.append(f"{said}.")
    if report.corpus.synthetic_distractors:
        notes.append("Synthetic distractors lie between the vectors of two documents of one language.")
    drawn = [p.row for p in _points(report)]
    if lacking := [r.name for r in report.settings if r not in drawn]:
        notes.append(f"Not drawn, index not exercised: {', '.join(lacking)}.")
    return notes


FIGURE = Registered(recall_latency, applies=lambda report: bool(report.settings))
