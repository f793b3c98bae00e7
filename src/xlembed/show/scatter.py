"""The trade-off scatter as places in an SVG: numbers here, shapes in the template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xlembed.show.content import Panel, Point
from xlembed.show.placing import place_labels
from xlembed.show.style import model_look, model_position

SIDE, LEFT, TOP, BOTTOM = 400.0, 46.0, 12.0, 46.0
FONT, CHAR = 12.0, 6.6
"""Size of letters and about their width."""
FLOOR, STEP = 0.1, 0.1


@dataclass(frozen=True)
class Mark:
    """A point as it is drawn; `number` refers to the legend."""

    number: int
    point: Point
    colour: str
    shape: str
    x: float
    y: float
    x_bar: tuple[float, float] | None
    y_bar: tuple[float, float] | None
    label_x: float
    label_y: float


@dataclass(frozen=True)
class Drawing:
    """One panel: its size, ticks (place, text) and marks."""

    title: str
    left: float
    top: float
    side: float
    width: float
    height: float
    ticks: tuple[tuple[float, float, str], ...]
    marks: tuple[Mark, ...]


def draw_panels(panels: Sequence[Panel]) -> list[Drawing]:
    """All panels on one scale, so that they can be compared."""
    low, high = _limits(panels)
    return [_draw(panel, low, high) for panel in panels]


def _limits(panels: Sequence[Panel]) -> tuple[float, float]:
    values = [
        v for panel in panels for p in panel.points for v in (p.x, p.y, *(p.x_ends or ()), *(p.y_ends or ()))
    ]
    if not values:
        return 0.0, 1.0
    low = max(0.0, math.floor((min(values) - 0.02) / FLOOR) * FLOOR)
    return round(low, 6), 1.0


def _draw(panel: Panel, low: float, high: float) -> Drawing:
    def across(value: float) -> float:
        return round(LEFT + SIDE * (value - low) / (high - low), 2)

    def down(value: float) -> float:
        return round(TOP + SIDE * (high - value) / (high - low), 2)

    step = STEP if high - low < 0.75 else 2 * STEP
    count = round((high - low) / step)
    values = [high - i * step for i in range(count + 1) if high - i * step >= low - 1e-9]
    ticks = tuple((across(v), down(v), f"{100 * v:.0f}") for v in reversed(values))
    centres = _labels(panel, low, high)
    marks = []
    for i, (point, centre) in enumerate(zip(panel.points, centres, strict=True)):
        number = model_position(point.model, i)
        look = model_look(number)
        x_bar = (across(point.x_ends[0]), across(point.x_ends[1])) if point.x_ends else None
        y_bar = (down(point.y_ends[0]), down(point.y_ends[1])) if point.y_ends else None
        place = (across(point.x), down(point.y))
        marks.append(Mark(number + 1, point, look.colour, look.marker, *place, x_bar, y_bar, *centre))
    width, height = LEFT + SIDE + 14, TOP + SIDE + BOTTOM
    return Drawing(panel.title, LEFT, TOP, SIDE, width, height, ticks, tuple(marks))


def _labels(panel: Panel, low: float, high: float) -> list[tuple[float, float]]:
    def place(x: float, y: float) -> tuple[float, float]:
        return SIDE * (x - low) / (high - low), SIDE * (y - low) / (high - low)

    places = [place(p.x, p.y) for p in panel.points]
    numbers = [model_position(p.model, i) + 1 for i, p in enumerate(panel.points)]
    sizes = [(CHAR * len(str(number)) + 4, FONT) for number in numbers]
    bars = [(*place(p.x_ends[0], p.y), *place(p.x_ends[1], p.y)) for p in panel.points if p.x_ends]
    bars += [(*place(p.x, p.y_ends[0]), *place(p.x, p.y_ends[1])) for p in panel.points if p.y_ends]
    offsets = place_labels(places, sizes, SIDE, bars, mark=11.0)
    return [
        (round(LEFT + x + dx, 2), round(TOP + SIDE - y - dy, 2))
        for (x, y), (dx, dy) in zip(places, offsets, strict=True)
    ]
