"""Is the better model worth its time? Quality against milliseconds per query, a point per model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from xlembed.report.curves import LEGEND_ROW, all_ends, draw_legend, legend_rows, percent_axis
from xlembed.report.figures.registry import Guide, GuideFigure
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.placing import place_labels
from xlembed.report.scenarios import QUALITY
from xlembed.report.style import FAINT, GRID, INK, model_look, style, tint, whisker
from xlembed.report.text import count_text

SIDE, LEFT, TOP = 4.2, 0.6, 0.1
SIZE = 8.0
LEAST_SPAN = 4.0
"""Slowest over fastest on the axis, at least: equal models must not look far apart."""

LEADER = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}

Row = Mapping[str, Any]


def quality_speed(report: Guide) -> Figure:
    """The part of quality that counts most, with its interval, over the time of one query on a log axis.

    Args:
        report: content of guide.json.
    """
    with style():
        return _draw(report)


def main_part(report: Guide) -> str:
    """The part of quality with the most weight; of equal ones the first of `QUALITY`."""
    weights: Mapping[str, float] = report["weights"]
    return max((part for part in QUALITY if part in weights), key=lambda part: weights[part])


def marker_size(size: float | None) -> float:
    """Diameter in points: 1.5 more for twice the bytes; the smallest for a vector of unknown size.

    >>> marker_size(256), marker_size(4096), marker_size(None)
    (6.0, 12.0, 4.0)
    """
    return 4.0 if not size else min(16.0, max(4.0, 6.0 + 1.5 * math.log2(size / 256)))


def _draw(report: Guide) -> Figure:
    part, rows = main_part(report), _timed(report)
    numbers = _numbers(report)
    entries = [_entry(numbers[row["model"]], row) for row in rows]
    width = 2 * MARGIN + LEFT + SIDE
    _, legend = legend_rows(entries, width)
    entries.sort(key=lambda entry: int(str(entry.get_label()).split()[0]))
    page = Page(
        width,
        TOP + SIDE + 0.5 + legend * LEGEND_ROW,
        f"Quality against speed: {report['measure']}, {part}",
        [f"task {report['task']} · {', '.join(report['languages'])} · {_counts(report, rows)}"],
        _notes(report, rows, part),
    )
    axes = page.axes(MARGIN + LEFT, TOP, SIDE, SIDE)
    _axes(axes, report, rows, part)
    for row in rows:
        _model(axes, report, row, part, numbers[row["model"]])
    _labels(axes, report, rows, part, numbers)
    draw_legend(page, entries, TOP + SIDE + 0.5)
    return page.figure


def _timed(report: Guide) -> list[Row]:
    return [row for row in report["models"] if row["ms_per_query"] is not None]


def _numbers(report: Guide) -> dict[str, int]:
    """Number and look of each model: the same for all uses, whoever wins and whoever is excluded."""
    names = sorted([*(row["model"] for row in report["models"]), *report["excluded"]])
    return {name: i for i, name in enumerate(names)}


def _axes(axes: Axes, report: Guide, rows: Sequence[Row], part: str) -> None:
    percent_axis(axes, all_ends([row["quality"][part] for row in rows]), f"{part} {report['measure']}")
    times = [x for row in rows for x in (row["ms_per_query"], *_spread(report, row))]
    low, high = min(times), max(times)
    widen = max(1.35, math.sqrt(LEAST_SPAN * low / high))
    axes.set_xscale("log")
    axes.set_xlim(low / widen, high * widen)
    ticks = round_ticks(*axes.get_xlim())
    axes.set_xticks(ticks, [f"{x:,g}" for x in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_xlabel("ms per query (log axis; left is faster)")
    axes.set_gid("quality speed")


def round_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within the limits; of many only the powers.

    >>> round_ticks(0.4, 30)
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    found = [x for x in every if low <= x <= high]
    return found if len(found) <= 8 else [x for x in found if f"{x:e}".startswith("1.0")]


def _spread(report: Guide, row: Row) -> tuple[float, float]:
    """Fastest and slowest round."""
    found = report["timing"].get("spread", {}).get(row["model"])
    return (found["low"], found["high"]) if found else (row["ms_per_query"], row["ms_per_query"])


def _model(axes: Axes, report: Guide, row: Row, part: str, number: int) -> None:
    score, look = row["quality"][part], model_look(number)
    whisker(axes, score["value"], _spread(report, row), upright=False, colour=look.colour).set_gid("spread")
    if score["ci_low"] is not None:
        ends = (score["ci_low"], score["ci_high"])
        whisker(axes, row["ms_per_query"], ends, upright=True, colour=look.colour)
    axes.plot(
        [row["ms_per_query"]], [score["value"]], zorder=5, gid=f"model {row['model']}", **_mark(number, row)
    )


def _mark(number: int, row: Row) -> dict[str, Any]:
    look = model_look(number)
    return {
        "linestyle": "",
        "marker": look.marker,
        "markersize": marker_size(row["bytes_per_vector"]),
        "markerfacecolor": look.colour,
        "markeredgecolor": INK,
        "markeredgewidth": 0.5,
    }


def _labels(axes: Axes, report: Guide, rows: Sequence[Row], part: str, numbers: Mapping[str, int]) -> None:
    """The number of each model beside its point, as in the legend."""
    texts = [str(numbers[row["model"]] + 1) for row in rows]
    sizes = [(text_width(text, SIZE, "bold") * 72, SIZE) for text in texts]
    marks = [_place(axes, row["ms_per_query"], row["quality"][part]["value"]) for row in rows]
    bars = [bar for row in rows for bar in _bars(axes, report, row, part)]
    largest = max(marker_size(row["bytes_per_vector"]) for row in rows)
    places = place_labels(marks, sizes, SIDE * 72, bars, mark=largest)
    for row, text, offset in zip(rows, texts, places, strict=True):
        axes.annotate(
            text,
            (row["ms_per_query"], row["quality"][part]["value"]),
            offset,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SIZE,
            fontweight="bold",
            zorder=6,
            gid="number",
            color=tint(model_look(numbers[row["model"]]).colour, -0.35),
            arrowprops=LEADER if math.hypot(*offset) > 18 else None,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
        )


def _place(axes: Axes, ms: float, value: float) -> tuple[float, float]:
    """In points from the lower left corner of the panel."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    across = math.log(ms / left) / math.log(right / left)
    return SIDE * 72 * across, SIDE * 72 * (value - bottom) / (top - bottom)


def _bars(axes: Axes, report: Guide, row: Row, part: str) -> list[tuple[float, float, float, float]]:
    """Both bars of a model, in points."""
    ms, score = row["ms_per_query"], row["quality"][part]
    low, high = _spread(report, row)
    found = [(*_place(axes, low, score["value"]), *_place(axes, high, score["value"]))]
    if score["ci_low"] is not None:
        found.append((*_place(axes, ms, score["ci_low"]), *_place(axes, ms, score["ci_high"])))
    return found


def _entry(number: int, row: Row) -> Artist:
    size = row["bytes_per_vector"]
    words = "no vector" if size is None else f"{size:,.0f} bytes"
    ms = row["ms_per_query"]
    time = f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"
    text = f"{number + 1}  {row['model']}: {time} ms, {words}"
    return Line2D([], [], label=text, **_mark(number, row) | {"markersize": min(8.0, marker_size(size))})


def _counts(report: Guide, rows: Sequence[Row]) -> str:
    timing = report["timing"]
    return (
        f"{count_text(row['n_clusters'] for row in rows)} clusters · {timing['queries']} queries timed one at a time "
        f"on {timing['device'] or 'no device'}"
    )


def _notes(report: Guide, rows: Sequence[Row], part: str) -> list[str]:
    rounds = report["timing"]["rounds"]
    notes = [
        f"Upright bars: 95 % CI of quality, unadjusted. Level bars: fastest and slowest of {rounds} rounds of "
        "encoding; the mark is their median, without the search. The larger a mark, the more bytes a vector takes."
    ]
    if any(row["quality"][part]["ci_low"] is None for row in rows):
        notes.append("Marks without an upright bar rest on fewer than 10 clusters: descriptive only.")
    if lacking := [row["model"] for row in report["models"] if row["ms_per_query"] is None]:
        notes.append(f"Not timed: {', '.join(lacking)}.")
    if report["excluded"]:
        notes.append(f"Excluded by languages or limits: {', '.join(report['excluded'])}.")
    return notes


FIGURE = GuideFigure(quality_speed, applies=lambda report: len(_timed(report)) > 1)
