"""Scatter: marks with intervals on both axes, and a text beside each that covers nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from xlembed.show.page import text_width
from xlembed.show.placing import Box, Point, is_doubtful, place_labels
from xlembed.show.shapes.marks import Mark
from xlembed.show.style import FAINT, tint

LEADER = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}
FAR = 16.0
"""Points from which a text needs a line to its mark."""
WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8}


def scatter(
    axes: Axes, marks: Sequence[Mark], avoid: Sequence[Box] = (), *, size: float = 8.0, gid: str = "number"
) -> None:
    """Every mark, its intervals and its text, in a square panel of its final size with its limits set.

    Texts keep clear of each other, of marks and of what there is to `avoid`, in points (`in_points`).
    """
    for mark in marks:
        mark.draw(axes)
    bars = [
        (*in_points(axes, *a), *in_points(axes, *b))
        for m in marks
        for a, b in (
            *([((m.across[0], m.y), (m.across[1], m.y))] if m.across else []),
            *([((m.x, m.upright[0]), (m.x, m.upright[1]))] if m.upright else []),
        )
    ]
    named = [m for m in marks if m.text]
    silent = [(*in_points(axes, m.x, m.y), m.size, m.size) for m in marks if not m.text]
    places = [in_points(axes, m.x, m.y) for m in named]
    sizes = [(text_width(m.text, size, "bold") * 72, size) for m in named]
    side = axes.get_window_extent().width / axes.figure.dpi * 72
    largest = max((m.size for m in named), default=0.0)
    offsets = place_labels(places, sizes, side, bars, [*silent, *avoid], mark=largest)
    for mark, place, (dx, dy) in zip(named, places, offsets, strict=True):
        far = math.hypot(dx, dy) > FAR + sizes[0][0] / 4 or is_doubtful(places, place, (dx, dy))
        axes.annotate(
            mark.text, (mark.x, mark.y), (dx, dy), textcoords="offset points", ha="center", va="center",
            fontsize=size, fontweight="bold", zorder=7, gid=gid, color=tint(mark.look.colour, -0.35),
            arrowprops=LEADER if far else None, bbox=WHITE,
        )  # fmt: skip


def in_points(axes: Axes, x: float, y: float) -> Point:
    """A place in points from the lower left corner of the panel."""
    at = (axes.transData.transform((x, y)) - axes.get_window_extent().p0) / axes.figure.dpi * 72
    return float(at[0]), float(at[1])


def diagonal(axes: Axes) -> bool:
    """The line of equal values where it lies inside the axes; whether it does."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    ends = [max(left, bottom), min(right, top)]
    if ends[0] >= ends[1]:
        return False
    axes.plot(ends, ends, color=FAINT, linewidth=0.8, linestyle=(0, (5, 4)), zorder=1, gid="diagonal")
    return True
