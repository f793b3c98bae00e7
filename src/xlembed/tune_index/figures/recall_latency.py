"""Which index setting to take? Recall against the time of a search, one curve per type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.search.elastic.index_type import find_type, type_names
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import time_scale
from xlembed.show.style import FAINT, INK, Look, whisker
from xlembed.show.text import ends, interval_text, percent
from xlembed.stats.tuned import EXACT_SCAN, Tried, Tuning

SIDE = 3.7
TITLES = {False: "before force merge", True: "after force merge"}
TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
FLOOR = 1e-4
"""Share of neighbours missed below which all is drawn as 100 %."""
CHOSEN: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 15,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.6,
}


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
    legend = [_handle(t) for t in types]
    legend.append(Line2D([], [], color=FAINT, linewidth=0.9, linestyle=(0, (5, 4)), label="wanted recall"))
    if report.choice.name:
        legend.append(Line2D([], [], label="chosen", **CHOSEN | {"markersize": 11}))
    return page(words, [drawn], legend)


def _look(type: str) -> Look:
    found = find_type(type)
    return Look(found.colour, "", found.marker)


def _handle(type: str) -> Line2D:
    graph = find_type(type).graph
    mark = Mark(0, 0, _look(type), size=6 if graph else 9)
    return mark.entry(
        type if graph else f"{type} ({EXACT_SCAN})", linewidth=1.2, linestyle="-" if graph else ""
    )


def _panel(axes: Axes, report: Tuning, merged: bool) -> None:
    bottom, (low, high) = _bottom(report), _span(report)
    label = "one search, 95th percentile (ms)"
    time_scale(axes, [low, high], label, 1.0)
    axes.set_ylim(_height(bottom), _height(1.0) + 0.06 * (_height(1.0) - _height(bottom)))
    ticks = _thinned([t for t in TICKS if t >= bottom], bottom)
    axes.set_yticks(
        [_height(t) for t in (*ticks, 1.0)],
        [*(f"{100 * t:.4g}" for t in ticks), "100"],
    )
    axes.axhline(
        _height(report.wanted_recall), color=FAINT, linewidth=0.9, linestyle=(0, (5, 4)), gid="wanted"
    )
    rows = [r for r in report.settings if r.merged is merged]
    for type in type_names():
        look, size = _look(type), 6.5 if find_type(type).graph else 12
        mine = [r for r in rows if r.type == type and _drawn(r, report)]
        front = _front(mine, report)
        axes.plot(
            [_ms(r) for r in front],
            [_height(_value(r, report)) for r in front],
            color=look.colour,
            linewidth=1.3,
            zorder=3,
            gid=f"curve {type}",
        )
        for r in mine:
            on_front = r in front
            if on_front and (interval := _interval(r, report)):
                low_high = (max(interval[0], bottom), interval[1])
                whisker(axes, _ms(r), [_height(e) for e in low_high], upright=True, colour=look.colour)
            mark = Mark(
                _ms(r),
                _height(_value(r, report)),
                look,
                f"setting {r.name}",
                size=size,
                hollow=not on_front,
            )
            mark.draw(axes)
        for r in mine:
            if r.name == report.choice.name:
                _mark_chosen(axes, r, report)
    if not any(_drawn(r, report) for r in rows):
        axes.text(0.5, 0.5, "index not exercised", transform=axes.transAxes, ha="center", va="center")
    head(axes, TITLES[merged])
    axes.set_ylabel(f"recall@{report.k} (%)")
    axes.set_gid(f"merged {merged}")


def _mark_chosen(axes: Axes, row: Tried, report: Tuning) -> None:
    x, y = _ms(row), _height(_value(row, report))
    axes.plot([x], [y], zorder=7, clip_on=False, gid="chosen", **CHOSEN)
    place = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
    right, up = place[0] < 0.5, place[1] < 0.3
    axes.annotate(
        row.name,
        (x, y),
        (12 if right else -12, 14 if up else -18),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=8.0,
        fontweight="bold",
        zorder=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
        gid="chosen name",
    )


def _height(recall: float) -> float:
    """Recall on an axis where 90, 99 and 99.9 % are equally far apart.

    >>> _height(0.9), _height(0.99), _height(1.0)
    (1.0, 2.0, 4.0)
    """
    return round(-math.log10(max(1 - recall, FLOOR)), 9)


def _drawn(row: Tried, report: Tuning) -> bool:
    return row.scanned or report.recall(row) is not None


def _value(row: Tried, report: Tuning) -> float:
    """Of the mode that does worst; an exact scan misses nothing."""
    found = report.recall(row)
    return 1.0 if row.scanned else found.value if found else 0.0


def _interval(row: Tried, report: Tuning) -> tuple[float, float] | None:
    found = None if row.scanned else report.recall(row)
    return None if found is None else ends(found.to_json())


def _ms(row: Tried) -> float:
    return row.latency_ms.p95


def _front(rows: Sequence[Tried], report: Tuning) -> list[Tried]:
    """Settings that no other one of the type beats in both, the fastest first."""
    front: list[Tried] = []
    for row in sorted(rows, key=lambda r: (_ms(r), -_value(r, report))):
        if not front or _value(row, report) > _value(front[-1], report):
            front.append(row)
    return front


def _bottom(report: Tuning) -> float:
    values = [_value(r, report) for r in report.settings if _drawn(r, report)]
    lows = [interval[0] for r in report.settings if (interval := _interval(r, report))]
    lowest = min([*values, *lows, report.wanted_recall], default=0.0)
    return max((t for t in TICKS if t < lowest), default=0.0)


def _thinned(ticks: Sequence[float], bottom: float) -> list[float]:
    """Ticks that leave room for their labels."""
    room = 0.055 * (_height(1.0) - _height(bottom))
    kept: list[float] = []
    for tick in ticks:
        if (not kept or _height(tick) - _height(kept[-1]) >= room) and _height(1.0) - _height(tick) >= room:
            kept.append(tick)
    return kept


def _span(report: Tuning) -> tuple[float, float]:
    times = [_ms(r) for r in report.settings]
    return min(times) / 1.35, max(times) * 1.35


def _notes(report: Tuning) -> list[str]:
    choice, k = report.choice, report.k
    n = report.clusters
    notes = [
        f"Recall@{k} against exact search over the same vectors, in the mode and pool that does worst, on "
        f"{n.reporting:,} clusters; bars: 95 % CI. The setting was chosen on {n.choosing:,} other clusters. The "
        "recall axis is logarithmic in what is missed. Lines join the settings that no other one of their type "
        "beats; hollow: the others."
    ]
    if choice.name and choice.reported:
        told = choice.reported
        notes.append(
            f"Chosen: {choice.name}, {choice.why}; on the other half {percent(told.value, 2)} "
            f"{interval_text(told.interval)}."
        )
    elif choice.name:
        notes.append(f"Chosen: {choice.name}, {choice.why}.")
    else:
        notes.append(f"None chosen: {choice.why}.")
    if report.corpus.synthetic_distractors:
        notes.append("Synthetic distractors lie between the vectors of two documents of one language.")
    lacking = [r.name for r in report.settings if not _drawn(r, report)]
    if lacking:
        notes.append(f"Not drawn, index not exercised: {', '.join(lacking)}.")
    return notes


FIGURE = Registered(recall_latency, applies=lambda report: bool(report.settings))
