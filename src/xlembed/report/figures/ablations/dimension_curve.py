"""What do shorter vectors cost? Quality, bytes and search time of models cut to fewer dimensions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from xlembed.report.curves import (
    LEGEND_ROW,
    all_ends,
    draw_legend,
    legend_rows,
    marker,
    mode_handles,
    mode_lines,
    percent_axis,
    present,
    set_ticks,
)
from xlembed.report.figures.registry import Ablation, Registered
from xlembed.report.page import MARGIN, Page
from xlembed.report.style import GRID, model_look, style, whisker

WIDTH, HEIGHT = 2.9, 2.5
LEFT, BETWEEN = 0.6, 0.75
HEAD, FOOT = 0.3, 0.72


def dimension_curve(report: Ablation) -> Figure:
    """A panel of quality per model that was cut, and one of the time of a search for all of them.

    Args:
        report: content of report.json of an ablation.
    """
    with style():
        return _draw(report)


def _draw(report: Ablation) -> Figure:
    rows = report["dimensions"]
    titles = {v["name"]: v["title"] for v in report["variants"]}
    names = list(dict.fromkeys(r["variant"] for r in rows))
    width = MARGIN + LEFT + (len(names) + 1) * (WIDTH + BETWEEN) - BETWEEN + 0.25
    macros = present([s for r in rows for s in r["scores"]])
    entries: list[Artist] = mode_handles(macros)
    if len(names) > 1:
        entries += [_handle(i, titles[name]) for i, name in enumerate(names)]
    _, legend = legend_rows(entries, width)
    timing = report["timing"]
    page = Page(
        width,
        HEAD + HEIGHT + FOOT + legend * LEGEND_ROW,
        "Vectors cut to fewer dimensions",
        [
            f"{report['ablation']} · task {report['task']}, {timing['documents']:,} documents · "
            f"{report['storage_dtype']} vectors"
        ],
        [
            "Bars of quality: 95 % CI, unadjusted.",
            f"Time: one query at a time against all documents, exact search, the {timing['k']} nearest, without "
            f"encoding the query; median over {timing['repeats']} rounds of {timing['queries']:,} queries, bars: "
            f"fastest and slowest round. It is of this machine ({timing['machine']}) and of this number of documents.",
        ],
    )
    limits = all_ends([s for r in rows for s in r["scores"]])
    dims = sorted({r["dim"] for r in rows})
    for i, name in enumerate(names):
        axes = page.axes(MARGIN + LEFT + i * (WIDTH + BETWEEN), HEAD, WIDTH, HEIGHT)
        mine = [r for r in rows if r["variant"] == name]
        _dims(axes, rows, dims)
        percent_axis(axes, limits, report["primary_measure"])
        mode_lines(axes, [math.log2(r["dim"]) for r in mine], [r["scores"] for r in mine])
        axes.set_title(titles[name], loc="left", fontsize=8.5, fontweight="bold", pad=5)
        axes.set_gid(f"quality {name}")
    axes = page.axes(MARGIN + LEFT + len(names) * (WIDTH + BETWEEN), HEAD, WIDTH, HEIGHT)
    _times(axes, rows, names, dims)
    draw_legend(page, entries, HEAD + HEIGHT + FOOT)
    return page.figure


def _dims(axes: Axes, rows: Sequence[Mapping[str, Any]], dims: Sequence[int]) -> None:
    sizes = {r["dim"]: r["bytes"] for r in rows}
    places = [math.log2(d) for d in dims]
    axes.set_xlim(min(places) - 0.35, max(places) + 0.35)
    axes.set_xticks(places, [f"{d}\n{sizes[d]:,} B" for d in dims])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("dimensions, bytes per vector")


def _times(axes: Axes, rows: Sequence[Mapping[str, Any]], names: Sequence[str], dims: Sequence[int]) -> None:
    _dims(axes, rows, dims)
    unit = (axes.get_xlim()[1] - axes.get_xlim()[0]) / (72 * WIDTH)
    for i, name in enumerate(names):
        mine = sorted((r for r in rows if r["variant"] == name), key=lambda r: r["dim"])
        shift, look = (i - (len(names) - 1) / 2) * 5 * unit, _look(i, len(names))
        xs, ys = [math.log2(r["dim"]) + shift for r in mine], [r["ms"]["median"] for r in mine]
        axes.plot(xs, ys, color=look.colour, linewidth=1.2, zorder=3, gid=f"times {name}")
        for x, r in zip(xs, mine, strict=True):
            whisker(axes, x, (r["ms"]["low"], r["ms"]["high"]), upright=True, colour=look.colour)
            axes.plot([x], [r["ms"]["median"]], zorder=5, gid=f"time {name}", **marker(look))
    axes.set_ylim(0, 1.08 * max(r["ms"]["high"] for r in rows))
    set_ticks(axes.yaxis, axes.get_ylim(), 6, lambda x: f"{x:.4g}")
    axes.yaxis.grid(True, color=GRID, linewidth=0.6)
    axes.set_ylabel("milliseconds per query")
    axes.set_title("time of a search", loc="left", fontsize=8.5, fontweight="bold", pad=5)
    axes.set_gid("times")


def _look(position: int, n: int) -> Any:
    """Models have other colours than modes; one model alone is grey."""
    return model_look(0)._replace(colour="#666666") if n == 1 else model_look(position + 2)


def _handle(position: int, title: str) -> Artist:
    look = _look(position, 2)
    return Line2D(
        [], [], color=look.colour, linewidth=1.2, label=f"{title} (time)", **marker(look) | {"linestyle": "-"}
    )


FIGURE = Registered(dimension_curve, applies=lambda report: len({r["dim"] for r in report["dimensions"]}) > 1)
