"""Which index setting to take? Recall against the time of a search, one curve per type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, NullLocator

from xlembed.report.figures.registry import Registered, Tuning
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.style import FAINT, GRID, INK, Look, style, whisker
from xlembed.report.text import interval_text, percent

SIDE = 3.7
LOOKS = {
    "hnsw": Look("#0072B2", "", "o"),
    "int8_hnsw": Look("#009E73", "", "s"),
    "int4_hnsw": Look("#CC79A7", "", "^"),
    "bbq_hnsw": Look("#D55E00", "", "D"),
    "flat": Look("#444444", "", "*"),
}
TITLES = {False: "before force merge", True: "after force merge"}
TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
FLOOR = 1e-4
"""Share of neighbours missed below which all is drawn as 100 %."""
CHOSEN_SIZE = 15


def recall_latency(report: Tuning) -> Figure:
    """95th percentile of single searches (x, logarithmic) against recall@k (y, logarithmic in what is missed).

    Args:
        report: content of tune.json.
    """
    with style():
        return _draw(report)


def _draw(report: Tuning) -> Figure:
    panels = [m for m in (False, True) if any(r["merged"] is m for r in report["settings"])]
    left, between = MARGIN + 0.75, 0.85
    width = left + len(panels) * SIDE + (len(panels) - 1) * between + 0.25
    types = [t for t in LOOKS if any(r["type"] == t for r in report["settings"])]
    entries = [_handle(t) for t in types] + _legend_of_marks(report)
    widest = max(text_width(str(h.get_label()), 8.0) for h in entries) + 0.5
    columns = max(1, min(len(entries), int((width - left - MARGIN) / widest)))
    rows = math.ceil(len(entries) / columns)
    corpus = report["corpus"]
    synthetic, texts = corpus["synthetic_distractors"], corpus["distractor_texts"]
    page = Page(
        width,
        0.25 + SIDE + 0.55 + rows * 0.19,
        f"Recall against latency: {report['model']}",
        [
            f"task {report['task']} · {corpus['documents']:,} documents"
            + (f" + {texts:,} distractor texts" if texts else "")
            + (f" + {synthetic:,} synthetic distractors" if synthetic else "")
            + f" · {report['dims']} dimensions · Elasticsearch {report['server']}"
        ],
        _notes(report),
    )
    bottom, (low, high) = _bottom(report), _span(report)
    for i, merged in enumerate(panels):
        axes = page.axes(left + i * (SIDE + between), 0.25, SIDE, SIDE)
        _panel(axes, report, merged, bottom, low, high)
    legend = page.axes(left, 0.25 + SIDE + 0.55, width - left - MARGIN, rows * 0.19)
    legend.set_axis_off()
    legend.legend(
        handles=entries,
        ncols=columns,
        loc="upper left",
        borderaxespad=0,
        borderpad=0,
        handlelength=1.6,
        handletextpad=0.5,
        columnspacing=1.6,
        labelspacing=0.45,
    )
    return page.figure


def _handle(type: str) -> Line2D:
    look = LOOKS[type]
    label = f"{type} (exact scan)" if type == "flat" else type
    return Line2D(
        [], [], color=look.colour, marker=look.marker, markersize=9 if type == "flat" else 6, linewidth=1.2,
        linestyle="" if type == "flat" else "-", markeredgecolor="white", markeredgewidth=0.4, label=label,
    )  # fmt: skip


def _legend_of_marks(report: Tuning) -> list[Line2D]:
    found = [Line2D([], [], color=FAINT, linewidth=0.9, linestyle=(0, (5, 4)), label="wanted recall")]
    if report["choice"]["name"]:
        found.append(
            Line2D(
                [], [], linestyle="", marker="o", markersize=11, markerfacecolor="none",
                markeredgecolor=INK, markeredgewidth=1.6, label="chosen",
            )
        )  # fmt: skip
    return found


def _panel(axes: Axes, report: Tuning, merged: bool, bottom: float, low: float, high: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(_height(bottom), _height(1.0) + 0.06 * (_height(1.0) - _height(bottom)))
    ticks = _thinned([t for t in TICKS if t >= bottom], bottom)
    axes.set_yticks(
        [_height(t) for t in (*ticks, 1.0)],
        [*(f"{100 * t:.4g}" for t in ticks), "100"],
    )
    steps = [b * 10**e for e in range(-2, 5) for b in (1, 2, 5) if low <= b * 10**e <= high]
    axes.set_xticks(steps, [f"{x:g}" for x in steps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.axhline(
        _height(report["wanted_recall"]), color=FAINT, linewidth=0.9, linestyle=(0, (5, 4)), gid="wanted"
    )
    rows = [r for r in report["settings"] if r["merged"] is merged]
    for type, look in LOOKS.items():
        mine = [r for r in rows if r["type"] == type and _recall(r, report) is not None]
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
            found = _recall(r, report)
            if on_front and found and found["ci_low"] is not None:
                ends = (max(found["ci_low"], bottom), found["ci_high"])
                whisker(axes, _ms(r), [_height(e) for e in ends], upright=True, colour=look.colour)
            axes.plot(
                [_ms(r)],
                [_height(_value(r, report))],
                linestyle="",
                marker=look.marker,
                markersize=12 if type == "flat" else 6.5,
                markerfacecolor=look.colour if on_front else "white",
                markeredgecolor="white" if on_front else look.colour,
                markeredgewidth=0.4 if on_front else 1.0,
                zorder=5,
                clip_on=False,
                gid=f"setting {r['name']}",
            )
        for r in mine:
            if r["name"] == report["choice"]["name"]:
                _mark_chosen(axes, r, report)
    if not any(_recall(r, report) for r in rows):
        axes.text(0.5, 0.5, "index not exercised", transform=axes.transAxes, ha="center", va="center")
    axes.set_title(TITLES[merged], loc="left", fontsize=8.5, fontweight="bold", pad=5)
    axes.set_xlabel("one search, 95th percentile (ms)")
    axes.set_ylabel(f"recall@{report['k']} (%)")
    axes.set_gid(f"merged {merged}")


def _mark_chosen(axes: Axes, row: Any, report: Tuning) -> None:
    x, y = _ms(row), _height(_value(row, report))
    axes.plot(
        [x], [y], linestyle="", marker="o", markersize=CHOSEN_SIZE, markerfacecolor="none",
        markeredgecolor=INK, markeredgewidth=1.6, zorder=7, clip_on=False, gid="chosen",
    )  # fmt: skip
    place = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
    right, up = place[0] < 0.5, place[1] < 0.3
    axes.annotate(
        row["name"],
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


def _recall(row: Any, report: Tuning) -> dict[str, Any] | None:
    """The mode that does worst; an exact scan misses nothing."""
    if row["type"] == "flat":
        return {"value": 1.0, "ci_low": None, "ci_high": None}
    found: dict[str, Any] | None = row["lowest"].get(f"recall@{report['k']}")
    return found


def _value(row: Any, report: Tuning) -> float:
    found = _recall(row, report)
    return 0.0 if found is None else float(found["value"])


def _ms(row: Any) -> float:
    return float(row["latency_ms"]["p95"])


def _front(rows: Sequence[Any], report: Tuning) -> list[Any]:
    """Settings that no other one of the type beats in both, the fastest first."""
    front: list[Any] = []
    for row in sorted(rows, key=lambda r: (_ms(r), -_value(r, report))):
        if not front or _value(row, report) > _value(front[-1], report):
            front.append(row)
    return front


def _bottom(report: Tuning) -> float:
    values = [_value(r, report) for r in report["settings"] if _recall(r, report) is not None]
    lows = [f["ci_low"] for r in report["settings"] if (f := _recall(r, report)) and f["ci_low"] is not None]
    lowest = min([*values, *lows, report["wanted_recall"]], default=0.0)
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
    times = [_ms(r) for r in report["settings"]]
    return min(times) / 1.35, max(times) * 1.35


def _notes(report: Tuning) -> list[str]:
    choice, k = report["choice"], report["k"]
    n = report["clusters"]
    notes = [
        f"Recall@{k} against exact search over the same vectors, in the mode and pool that does worst, on "
        f"{n['reporting']:,} clusters; bars: 95 % CI. The setting was chosen on {n['choosing']:,} other clusters. The "
        "recall axis is logarithmic in what is missed. Lines join the settings that no other one of their type "
        "beats; hollow: the others."
    ]
    if choice["name"] and choice["reported"]:
        told = choice["reported"]
        ends = None if told["ci_low"] is None else (told["ci_low"], told["ci_high"])
        notes.append(
            f"Chosen: {choice['name']}, {choice['why']}; on the other half {percent(told['value'], 2)} "
            f"{interval_text(ends)}."
        )
    elif choice["name"]:
        notes.append(f"Chosen: {choice['name']}, {choice['why']}.")
    else:
        notes.append(f"None chosen: {choice['why']}.")
    if report["corpus"]["synthetic_distractors"]:
        notes.append("Synthetic distractors lie between the vectors of two documents of one language.")
    lacking = [r["name"] for r in report["settings"] if _recall(r, report) is None]
    if lacking:
        notes.append(f"Not drawn, index not exercised: {', '.join(lacking)}.")
    return notes


FIGURE = Registered(recall_latency, applies=lambda report: bool(report["settings"]))
