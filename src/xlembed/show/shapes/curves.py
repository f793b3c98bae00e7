"""Curves: lines of points with intervals, side by side where they share a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from xlembed.show.shapes.marks import Interval, Mark
from xlembed.show.style import Look

SPREAD = 5.0
"""Points between neighbouring whiskers at one place."""
WIDTH = 1.2


@dataclass(frozen=True)
class Curve:
    """A line of points: x, value, interval of each.

    Attributes:
        gid: of the line and of each point.
        dash: of the line; empty for points alone.
        hollow: whether points are white inside.
    """

    look: Look
    points: Sequence[tuple[float, float, Interval | None]]
    gid: tuple[str, str] = ("", "")
    dash: Any = "-"
    hollow: bool = False

    def without_line(self) -> Curve:
        """Its points alone."""
        return replace(self, dash="")

    def entry(self, label: str) -> Line2D:
        """Its entry in a legend."""
        return Mark(0, 0, self.look, hollow=self.hollow).entry(label, linestyle=self.dash, linewidth=WIDTH)


def curves(axes: Axes, shown: Sequence[Curve], size: float = 5.5, spread: float = SPREAD) -> None:
    """Every line with its points, in axes of their final size with limits set on x.

    Points of one place stand side by side, `spread` points apart.
    """
    low, high = axes.get_xlim()
    unit = (high - low) / (axes.get_window_extent().width / axes.figure.dpi * 72)
    for i, curve in enumerate(shown):
        shift = (i - (len(shown) - 1) / 2) * spread * unit
        places = [x + shift for x, _, _ in curve.points]
        if curve.dash:
            axes.plot(
                places, [value for _, value, _ in curve.points],
                color=curve.look.colour, linestyle=curve.dash, linewidth=WIDTH, zorder=3, gid=curve.gid[0],
            )  # fmt: skip
        for x, (_, value, ends) in zip(places, curve.points, strict=True):
            Mark(
                x,
                value,
                curve.look,
                curve.gid[1],
                upright=ends,
                size=size,
                hollow=curve.hollow,
                bars=curve.look.colour,
            ).draw(axes)
