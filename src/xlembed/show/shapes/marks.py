"""A mark with its intervals, the same in every kind of figure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from xlembed.show.style import INK, Look, tint, whisker

Interval = tuple[float, float]
DASHES: tuple[Any, ...] = (
    *("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (9, 3))),
    (0, (3, 1.5, 1, 1.5, 1, 1.5)),
)
"""One per line, for those who see no colour."""
REFERENCE = (0, (5, 3))
"""Dashes of a line that values are compared with."""


@dataclass(frozen=True)
class Mark:
    """A value, or a pair of values.

    Attributes:
        gid: of the artist.
        across: interval of x.
        upright: interval of y.
        size: diameter in points.
        hollow: whether it is white inside.
        text: what stands beside it in a scatter.
        bars: colour of the intervals.
        across_gid: of the artist of the level interval.
    """

    x: float
    y: float
    look: Look
    gid: str = ""
    across: Interval | None = None
    upright: Interval | None = None
    size: float = 6.0
    hollow: bool = False
    text: str = ""
    bars: str = INK
    across_gid: str = "ci"

    def draw(self, axes: Axes) -> None:
        """Into axes."""
        if self.across is not None:
            whisker(axes, self.y, self.across, upright=False, colour=self.bars).set_gid(self.across_gid)
        if self.upright is not None:
            whisker(axes, self.x, self.upright, upright=True, colour=self.bars)
        axes.plot([self.x], [self.y], zorder=5, gid=self.gid, **marker(self.look, self.size, self.hollow))

    def entry(self, label: str, **line: Any) -> Line2D:
        """Its entry in a legend."""
        return Line2D(
            [],
            [],
            label=label,
            **marker(self.look, min(self.size, 8.0), self.hollow) | {"color": self.look.colour} | line,
        )

    def at(self, **changed: Any) -> Mark:
        """The same elsewhere."""
        return replace(self, **changed)


def marker(look: Look, size: float = 6.0, hollow: bool = False) -> dict[str, Any]:
    """Keywords of a point; a hollow one has a darker shade of its colour at the edge."""
    return {
        "linestyle": "",
        "marker": look.marker,
        "markersize": size,
        "markerfacecolor": "white" if hollow else look.colour,
        "markeredgecolor": tint(look.colour, -0.2) if hollow else INK,
        "markeredgewidth": 1.3 if hollow else 0.6,
    }
