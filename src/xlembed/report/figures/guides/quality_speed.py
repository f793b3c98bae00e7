"""Is the better model worth its time? Quality against milliseconds per query, a point per model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.report.curves import all_ends
from xlembed.report.figures.registry import Guide, Registered
from xlembed.report.figures.shapes.marks import Mark
from xlembed.report.figures.shapes.scales import percent_scale, time_scale
from xlembed.report.figures.shapes.scatter import scatter
from xlembed.report.page import Panel, Words, page
from xlembed.report.scenarios import QUALITY
from xlembed.report.style import model_look
from xlembed.report.text import count_text, ends

SIDE = 4.2
Row = Mapping[str, Any]


def quality_speed(report: Guide) -> Figure:
    """The part of quality that counts most, with its interval, over the time of one query on a log axis.

    Args:
        report: content of guide.json.
    """
    part, rows = main_part(report), _timed(report)
    words = Words(
        f"Quality against speed: {report['measure']}, {part}",
        f"task {report['task']} · {', '.join(report['languages'])} · {_counts(report, rows)}",
        _notes(report, rows, part),
    )
    # number and look of each model: the same for all uses, whoever wins and whoever is excluded
    names = sorted([*(row["model"] for row in report["models"]), *report["excluded"]])
    marks = {
        names.index(row["model"]): (_mark(report, row, part, names.index(row["model"])), row) for row in rows
    }
    legend = [mark.entry(_entry(mark, row)) for _, (mark, row) in sorted(marks.items(), key=lambda of: of[0])]

    def draw(axes: Axes) -> None:
        percent_scale(axes, all_ends([r["quality"][part] for r in rows]), f"{part} {report['measure']} (%)")
        times = [x for row in rows for x in (row["ms_per_query"], *_spread(report, row))]
        time_scale(axes, times, "ms per query (log axis; left is faster)", 1.35)
        axes.set_gid("quality speed")
        scatter(axes, [mark for mark, _ in marks.values()])

    return page(words, [[Panel(SIDE, SIDE, draw)]], legend)


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


def _timed(report: Guide) -> list[Row]:
    return [row for row in report["models"] if row["ms_per_query"] is not None]


def _spread(report: Guide, row: Row) -> tuple[float, float]:
    """Fastest and slowest round."""
    found = report["timing"].get("spread", {}).get(row["model"])
    return (found["low"], found["high"]) if found else (row["ms_per_query"], row["ms_per_query"])


def _mark(report: Guide, row: Row, part: str, number: int) -> Mark:
    score, look = row["quality"][part], model_look(number)
    return Mark(
        row["ms_per_query"], score["value"], look, f"model {row['model']}", _spread(report, row), ends(score),
        size=marker_size(row["bytes_per_vector"]), text=str(number + 1), bars=look.colour, across_gid="spread",
    )  # fmt: skip


def _entry(mark: Mark, row: Row) -> str:
    size, ms = row["bytes_per_vector"], row["ms_per_query"]
    words = "no vector" if size is None else f"{size:,.0f} bytes"
    time = f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"
    return f"{mark.text}  {row['model']}: {time} ms, {words}"


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
