"""What every test of a figure asks: which artists have a gid, what texts say, that none is cut or covered."""

from __future__ import annotations

import itertools
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from xlembed.show.style import DPI, style


def by_gid(axes: Axes, gid: str) -> list[Any]:
    return [a for a in axes.get_children() if a.get_gid() == gid]


def axes_of(figure: Figure, gid: str) -> Axes:
    (found,) = [a for a in figure.axes if a.get_gid() == gid]
    return found


def all_text(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in visible_texts(figure))


def visible_texts(figure: Figure) -> list[Text]:
    hidden = {
        id(t) for a in figure.axes if not a.axison for axis in (a.xaxis, a.yaxis) for t in axis.findobj(Text)
    }
    return [
        t
        for t in figure.findobj(Text)
        if isinstance(t, Text) and t.get_visible() and t.get_text().strip() and id(t) not in hidden
    ]


def whiskers(axes: Axes) -> list[tuple[list[float], list[float]]]:
    lines = [a for a in by_gid(axes, "ci") if isinstance(a, Line2D)]
    return [([float(x) for x in a.get_xdata()], [float(y) for y in a.get_ydata()]) for a in lines]


def assert_legible(figure: Figure) -> None:
    """No text leaves the page, none covers another, as it is saved: hinting makes other widths at other resolutions."""
    with style():
        figure.set_dpi(DPI)
        FigureCanvasAgg(figure).draw()
        _assert_apart(figure)


def _assert_apart(figure: Figure) -> None:
    page = figure.bbox
    boxes = [(t.get_text(), Text.get_window_extent(t)) for t in visible_texts(figure)]
    for text, box in boxes:
        assert page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1, f"cut: {text!r}"
        assert page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1, f"cut: {text!r}"
    for (text_a, a), (text_b, b) in itertools.combinations(boxes, 2):
        width = min(a.x1, b.x1) - max(a.x0, b.x0)
        height = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert width <= 2 or height <= 4, f"{text_a!r} covers {text_b!r}"
