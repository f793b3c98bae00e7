"""Is the better model worth its time? Quality against milliseconds per query, a point per model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.report.curves import LEGEND_ROW, all_ends, draw_legend, legend_rows, percent_axis
from xlembed.report.figures.registry import Guide, Registered
from xlembed.report.page import MARGIN, Page
from xlembed.report.scenarios import QUALITY
from xlembed.report.style import INK, model_look, style, whisker
from xlembed.report.text import count_text
from xlembed.report.time_axis import place_on, time_axis, write_numbers

SIDE, LEFT, TOP = 4.2, 0.6, 0.1

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
    time_axis(axes, times, "ms per query", 1.35)
    axes.set_gid("quality speed")


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
    marks = [
        (
            numbers[row["model"]] + 1,
            row["ms_per_query"],
            row["quality"][part]["value"],
            model_look(numbers[row["model"]]).colour,
        )
        for row in rows
    ]
    bars = [bar for row in rows for bar in _bars(axes, report, row, part)]
    largest = max(marker_size(row["bytes_per_vector"]) for row in rows)
    write_numbers(axes, SIDE, marks, mark_size=largest, bars=bars)


def _bars(axes: Axes, report: Guide, row: Row, part: str) -> list[tuple[float, float, float, float]]:
    """Both bars of a model, in points."""
    ms, score = row["ms_per_query"], row["quality"][part]
    low, high = _spread(report, row)
    found = [(*place_on(axes, SIDE, low, score["value"]), *place_on(axes, SIDE, high, score["value"]))]
    if score["ci_low"] is not None:
        ends = (place_on(axes, SIDE, ms, score[end]) for end in ("ci_low", "ci_high"))
        found.append((*next(ends), *next(ends)))
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


FIGURE = Registered(quality_speed, applies=lambda report: len(_timed(report)) > 1)
