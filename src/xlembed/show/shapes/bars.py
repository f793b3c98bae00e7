"""Bars: upright or level, stacked or side by side, with intervals and a number at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from xlembed.show.shapes.marks import Interval
from xlembed.show.style import FAINT, INK, Look, whisker


@dataclass(frozen=True)
class Bar:
    """A bar.

    Attributes:
        at: its place on the axis of names.
        value: its length; None: missing, n/a is written.
        look: colour and hatch.
        gid: of the artist.
        ends: interval of the value.
        start: where it begins.
        text: at its end.
        outline: width of its edge, points.
        furthest: what else the text keeps clear of.
    """

    at: float
    value: float | None
    look: Look
    gid: str = ""
    ends: Interval | None = None
    start: float = 0.0
    text: str = ""
    outline: float = 0.5
    furthest: Sequence[float] = ()


def bars(
    axes: Axes, shown: Sequence[Bar], thickness: float, *, upright: bool = True, size: float = 7.0
) -> None:
    """Every bar with its interval and its number, in axes with limits set; bars that are not upright lie."""
    low, high = axes.get_ylim() if upright else axes.get_xlim()
    room = 0.015 * (high - low)
    align: dict[str, Any] = {"ha": "center", "va": "bottom"} if upright else {"va": "center"}
    for bar in shown:
        if bar.value is None:
            place = (bar.at, room) if upright else (room, bar.at)
            axes.text(*place, "n/a", rotation=90 if upright else 0, fontsize=size, color=FAINT,
                      gid=bar.gid, **align)  # fmt: skip
            continue
        look: dict[str, Any] = {
            "color": bar.look.colour,
            "hatch": bar.look.hatch,
            "edgecolor": INK,
            "linewidth": bar.outline,
        }
        over: dict[str, Any] = {"zorder": 3 if bar.outline > 1 else 2, "gid": bar.gid, "clip_on": False}
        if upright:
            axes.bar([bar.at], [bar.value], thickness, bottom=bar.start, **look, **over)
        else:
            axes.barh([bar.at], [bar.value], thickness, left=bar.start, **look, **over)
        if bar.ends is not None:
            whisker(axes, bar.at, bar.ends, upright=upright)
        end = max(0.0, bar.start + bar.value, *(bar.ends or ()), *bar.furthest) + room
        if bar.text:
            axes.text(
                *((bar.at, end) if upright else (end, bar.at)), bar.text, fontsize=size, zorder=5, **align
            )


def entry(look: Look, label: str) -> Patch:
    """Entry of a legend."""
    return Patch(facecolor=look.colour, hatch=look.hatch, edgecolor=INK, linewidth=0.5, label=label)
