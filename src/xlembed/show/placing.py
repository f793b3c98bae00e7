"""Labels beside points so that none covers another, a marker or the edge."""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Centre x, centre y, width, height."""

RADII = (11.0, 14.0, 18.0, 23.0, 30.0, 40.0, 55.0)
ANGLES = tuple(
    math.radians(a) for a in (45, 135, 315, 225, 0, 90, 180, 270, 20, 70, 110, 160, 200, 250, 290, 340)
)
COLLISION, DOUBT, CROSSING, DISTANCE = 1000.0, 20.0, 8.0, 0.5
"""Cost of covering something, of lying nearer to another mark, of lying on a bar, of a point of distance."""


def place_labels(
    marks: Sequence[Point],
    sizes: Sequence[Point],
    side: float,
    bars: Sequence[tuple[float, float, float, float]] = (),
    fixed: Sequence[Box] = (),
    mark: float = 8.0,
) -> list[Point]:
    """Offset of each label's centre from its mark; greedy, in the order given, deterministic.

    Args:
        marks: positions, in points from the lower left corner of a square panel.
        sizes: width and height of each label.
        side: of the panel.
        bars: level or upright lines (x0, y0, x1, y1) that are better left visible.
        fixed: what is there already.
        mark: diameter of a mark.
    """
    taken: list[Box] = [(x, y, mark + 1, mark + 1) for x, y in marks] + list(fixed)
    lines: list[Box] = [((a + c) / 2, (b + d) / 2, abs(c - a), abs(d - b)) for a, b, c, d in bars]
    result = []
    for (x, y), (width, height) in zip(marks, sizes, strict=True):
        best, best_cost = (0.0, 0.0), math.inf
        for radius in RADII:
            for angle in ANGLES:
                dx, dy = (radius + width / 2 - 3) * math.cos(angle), radius * math.sin(angle)
                box = (x + dx, y + dy, width + 2, height + 1)
                cost = COLLISION * sum(_overlap(box, other) for other in taken) + DISTANCE * radius
                cost += CROSSING * sum(_overlap(box, line) for line in lines)
                cost += DOUBT * is_doubtful(marks, (x, y), (dx, dy))
                cost += COLLISION * (not _inside(box, side))
                if cost < best_cost:
                    best, best_cost = (dx, dy), cost
        taken.append((x + best[0], y + best[1], width + 2, height + 1))
        result.append(best)
    return result


def is_doubtful(marks: Sequence[Point], mark: Point, offset: Point) -> bool:
    """Whether a label at this offset from its mark lies about as near to another one."""
    at = (mark[0] + offset[0], mark[1] + offset[1])
    return any(math.dist(at, other) < 1.15 * math.hypot(*offset) for other in marks if other != mark)


def _overlap(a: Box, b: Box) -> bool:
    return abs(a[0] - b[0]) * 2 < a[2] + b[2] and abs(a[1] - b[1]) * 2 < a[3] + b[3]


def _inside(box: Box, side: float) -> bool:
    x, y, width, height = box
    return width / 2 <= x <= side - width / 2 and height / 2 <= y <= side - height / 2
