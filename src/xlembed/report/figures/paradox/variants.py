"""Where does a variant move its model in the trade-off plane? An arrow from before to after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.report.curves import LEGEND_ROW, all_ends, draw_legend, legend_rows, set_ticks
from xlembed.report.figures.registry import ParadoxReport, Registered
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.placing import Box, Point, is_doubtful, place_labels
from xlembed.report.style import FAINT, GRID, INK, model_look, style, tint, whisker

SIDE = 4.6
HEAD, FOOT = 0.12, 0.55
MARKER, TEXT = 7.0, 7.5
X, Y = "monolingual", "true_cross_all"
LEADER = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}


class Place(NamedTuple):
    """A model in the plane: its row, the position of its base, what stands beside its mark."""

    row: Mapping[str, Any]
    look: int
    text: str


def paradox_variants(report: ParadoxReport) -> Figure:
    """Monolingual (x) against true_cross_lingual, pool = all (y): bases, and arrows to their variants.

    Args:
        report: content of paradox.json.
    """
    with style():
        return _draw(report)


def _draw(report: ParadoxReport) -> Figure:
    places = _places(report)
    entries: list[Artist] = [
        Line2D([], [], label=_entry(p), **_mark(p)) for p in places if not p.text.startswith("+")
    ]
    left = MARGIN + 0.55
    width = left + SIDE + MARGIN + 0.15
    _, rows = legend_rows(entries, width)
    first = report["models"][0]
    counts = [
        f"{name} {first[key]['n_units']:,} units" for key, name in ((X, "monolingual"), (Y, "true cross"))
    ]
    subtitle = " · ".join([f"task {report['task']}", *counts, f"{first[Y]['n_clusters']:,} clusters"])
    page = Page(
        width,
        HEAD + SIDE + FOOT + rows * LEGEND_ROW + 0.05,
        f"What variants change: {report['measure']}",
        [subtitle],
        _notes(report, places),
    )
    axes = page.axes(left, HEAD, SIDE, SIDE)
    _plane(axes, places)
    axes.set_xlabel(f"monolingual {report['measure']} (%)")
    axes.set_ylabel(f"true_cross_lingual {report['measure']}, pool = all (%)")
    draw_legend(page, entries, HEAD + SIDE + FOOT)
    return page.figure


def _places(report: ParadoxReport) -> list[Place]:
    """Models that take part in a before and after, bases first."""
    rows = {row["model"]: row for row in report["models"] if row[X] is not None and row[Y] is not None}
    pairs = [(row, rows[row["variant_of"]]) for row in rows.values() if row["variant_of"] in rows]
    bases = list(dict.fromkeys(base["model"] for _, base in pairs))
    found = [Place(rows[name], i, f"{i + 1}") for i, name in enumerate(bases)]
    for row, base in pairs:
        if row["model"] not in bases:
            text = row["model"].removeprefix(base["model"])
            found.append(
                Place(row, bases.index(base["model"]), text if text.startswith("+") else f"+ {text}")
            )
    return found


def _entry(place: Place) -> str:
    label = f": {place.row['label']}" if place.row["label"] else ""
    return f"{place.text}  {place.row['model']}{label}"


def _mark(place: Place) -> dict[str, Any]:
    look = model_look(place.look)
    hollow = bool(place.row["label"])
    return {
        "linestyle": "",
        "marker": look.marker,
        "markersize": MARKER if not place.text.startswith("+") else MARKER - 2,
        "markerfacecolor": "white" if hollow else look.colour,
        "markeredgecolor": look.colour if hollow else INK,
        "markeredgewidth": 1.2 if hollow else 0.5,
    }


def _plane(axes: Axes, places: Sequence[Place]) -> None:
    xs, ys = (_limits([p.row[key] for p in places]) for key in (X, Y))
    axes.set_xlim(*xs)
    axes.set_ylim(*ys)
    set_ticks(axes.xaxis, xs, 6, lambda x: f"{100 * x:.4g}")
    set_ticks(axes.yaxis, ys, 6, lambda y: f"{100 * y:.4g}")
    axes.grid(True, color=GRID, linewidth=0.6)
    if ends := _diagonal(xs, ys):
        axes.plot(ends, ends, color=FAINT, linewidth=0.8, linestyle=(0, (5, 4)), zorder=1, gid="diagonal")
    across, up = SIDE * 72 / (xs[1] - xs[0]), SIDE * 72 / (ys[1] - ys[0])

    def point(x: float, y: float) -> tuple[float, float]:
        return (x - xs[0]) * across, (y - ys[0]) * up

    bars, marks, crossed = [], [], []
    at = {p.row["model"]: (p.row[X]["value"], p.row[Y]["value"]) for p in places}
    for place in places:
        x, y = at[place.row["model"]]
        colour = model_look(place.look).colour
        for key, upright in ((X, False), (Y, True)):
            interval = _ends(place.row[key])
            if interval is None:
                continue
            whisker(axes, x if upright else y, interval, upright=upright, colour=tint(colour, 0.35))
            a, b = ((x, e) if upright else (e, y) for e in interval)
            bars.append((*point(*a), *point(*b)))
        base = at.get(place.row["variant_of"])
        if base is not None:
            _arrow(axes, base, (x, y), tint(colour, -0.35))
            crossed += _along(point(*base), point(x, y))
        axes.plot([x], [y], zorder=5, gid=f"model {place.row['model']}", **_mark(place))
        marks.append(point(x, y))
    sizes = [(text_width(p.text, TEXT, "bold") * 72, TEXT) for p in places]
    offsets = place_labels(marks, sizes, SIDE * 72, bars, crossed, mark=MARKER)
    for place, mark, (dx, dy) in zip(places, marks, offsets, strict=True):
        axes.annotate(
            place.text,
            at[place.row["model"]],
            (dx, dy),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=TEXT,
            fontweight="bold",
            zorder=7,
            gid="name",
            color=tint(model_look(place.look).colour, -0.35),
            arrowprops=LEADER if math.hypot(dx, dy) > 30 or is_doubtful(marks, mark, (dx, dy)) else None,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
        )


def _along(start: Point, end: Point) -> list[Box]:
    """An arrow as small boxes that labels keep clear of."""
    n = max(2, int(math.dist(start, end) / 5))
    steps = [k / n for k in range(1, n)]
    return [(start[0] + s * (end[0] - start[0]), start[1] + s * (end[1] - start[1]), 3.0, 3.0) for s in steps]


def _arrow(axes: Axes, before: tuple[float, float], after: tuple[float, float], colour: str) -> None:
    axes.annotate(
        "",
        after,
        before,
        zorder=6,
        gid="arrow",
        arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.2, "shrinkA": 4, "shrinkB": 3},
    )


def _limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    ends = all_ends(rows)
    air = max(0.08 * (max(ends) - min(ends)), 0.01)
    low = min(ends) - air
    return max(low, -0.02), max(ends) + air


def _diagonal(xs: tuple[float, float], ys: tuple[float, float]) -> tuple[float, float] | None:
    """Where x = y lies inside the axes; None: nowhere."""
    ends = max(xs[0], ys[0]), min(xs[1], ys[1])
    return ends if ends[0] < ends[1] else None


def _ends(row: Mapping[str, Any]) -> tuple[float, float] | None:
    return None if row["ci_low"] is None or row["ci_high"] is None else (row["ci_low"], row["ci_high"])


def _notes(report: ParadoxReport, places: Sequence[Place]) -> list[str]:
    notes = [
        "Arrows: from a model to its variant. Bars: 95 % CI, unadjusted, each of one model; whether a variant differs "
        "is what the paired tests in paradox.md say.",
    ]
    xs, ys = (_limits([p.row[key] for p in places]) for key in (X, Y))
    if _diagonal(xs, ys):
        notes.append("On the dashed line nothing is lost across languages.")
    if any(p.row["label"] for p in places):
        notes.append("Hollow: languages of this task are not on the model's card; invalid for a decision.")
    return notes


FIGURE = Registered(paradox_variants, applies=lambda report: len(_places(report)) > 1)
