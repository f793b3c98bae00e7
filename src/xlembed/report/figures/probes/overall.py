"""How far off is each system? The primary measure with its interval, the floor as a line."""

from __future__ import annotations

from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.report.curves import LEGEND_ROW, draw_legend, legend_rows
from xlembed.report.figures.registry import Registered
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.probe_curves import (
    NO_BAR,
    SIZE,
    error_axis,
    is_share,
    left_of,
    mark_style,
    subtitle,
    system_look,
)
from xlembed.report.probes import FLOOR, RIVAL, ProbeBook, System, ends_text, unit_text, value_text
from xlembed.report.style import FAINT, INK, style, whisker

ROW, PLOT, HEAD, FOOT = 0.225, 3.3, 0.22, 0.5
WORDS = {"ridge": "ridge", "mlp": "MLP", "lightgbm": "LightGBM"}


def probe_overall(book: ProbeBook) -> Figure:
    """A row per system, the best on top; the dashed line is the floor, the band its interval.

    Args:
        book: the results.
    """
    with style():
        return _draw(book)


def _draw(book: ProbeBook) -> Figure:
    rows = _rows(book)
    left = left_of([s.marked for s in rows])
    texts = [_text(book, s) for s in rows]
    right = max(text_width(text, SIZE) for text in texts) + 0.3
    width = left + PLOT + right + MARGIN
    entries = _entries(book, rows)
    _, legend = legend_rows(entries, width)
    height = len(rows) * ROW
    page = Page(
        width,
        HEAD + height + FOOT + legend * LEGEND_ROW,
        f"{book.primary} of every system",
        [subtitle(book, "lower is better" if book.lower_is_better else "higher is better")],
        _notes(book, rows),
    )
    axes = page.axes(left, HEAD, PLOT, height)
    _floor(axes, book)
    for y, (s, text) in enumerate(zip(rows, texts, strict=True)):
        _system(axes, book, s, y)
        place = axes.get_yaxis_transform()
        axes.text(1 + (right - 0.1) / PLOT, y, text, transform=place, fontsize=SIZE, ha="right", va="center")
    axes.set_yticks(range(len(rows)), [s.marked for s in rows], fontsize=SIZE)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    error_axis(axes, _ends(book, rows), _axis(book), is_share(book.primary), upright=False)
    axes.spines["left"].set_visible(False)
    axes.text(
        1 + (right - 0.1) / PLOT, 1 + 0.05 / height, f"{unit_text(book.primary)} [95 % CI]",
        transform=axes.transAxes, fontsize=SIZE, color=FAINT, ha="right", va="bottom",
    )  # fmt: skip
    axes.set_gid("overall")
    draw_legend(page, entries, HEAD + height + FOOT)
    return page.figure


def _rows(book: ProbeBook) -> list[System]:
    known = [s for s in book.systems if book.score(s.name) is not None]
    return sorted(known, key=lambda s: book.order(s.name))


def _text(book: ProbeBook, system: System) -> str:
    found = book.score(system.name)
    if found is None:
        return "n/a"
    return f"{value_text(found.value, book.primary)} {ends_text(found.interval, book.primary)}"


def _axis(book: ProbeBook) -> str:
    return unit_text(book.primary) if is_share(book.primary) else f"{book.primary}, points of the scale"


def _ends(book: ProbeBook, rows: list[System]) -> list[float]:
    found = [score for s in rows if (score := book.score(s.name)) is not None]
    return [x for score in found for x in (score.value, *(score.interval or ()))]


def _floor(axes: Axes, book: ProbeBook) -> None:
    found = book.score(book.floor.name) if book.floor else None
    if found is None:
        return
    if found.interval is not None:
        axes.axvspan(*found.interval, color="#eeeeee", linewidth=0, zorder=0, gid="floor interval")
    axes.axvline(found.value, color=INK, linewidth=1.0, linestyle=(0, (5, 3)), zorder=2, gid="floor")


def _system(axes: Axes, book: ProbeBook, system: System, y: float) -> None:
    found = book.score(system.name)
    if found is None:
        return
    look = system_look(book, system)
    if found.interval is not None:
        whisker(axes, y, found.interval, upright=False, colour=INK)
    hollow = mark_style(look, 6.0, hollow=bool(system.label))
    axes.plot([found.value], [y], zorder=5, gid=f"score {system.name}", **hollow)


def _entries(book: ProbeBook, rows: list[System]) -> list[Artist]:
    """What marks mean; names of models stand beside them."""
    grey: dict[str, Any] = {
        "color": FAINT,
        "linestyle": "",
        "markerfacecolor": "#bbbbbb",
        "markeredgecolor": INK,
        "markersize": 6,
    }
    marks: dict[str, str] = {}
    for s in rows:
        text = "fine-tuned" if s.kind == RIVAL else WORDS.get(s.probe or "", s.probe or "")
        if s.kind != FLOOR:
            marks.setdefault(text, system_look(book, s).marker)
    found: list[Artist] = [Line2D([], [], marker=mark, label=text, **grey) for text, mark in marks.items()]
    if book.floor:
        line = Line2D(
            [], [], color=INK, linewidth=1.0, linestyle=(0, (5, 3)), label="floor: mean of the training part"
        )
        found.append(line)
    return found


def _notes(book: ProbeBook, rows: list[System]) -> list[str]:
    notes = [
        "Bars and grey band: 95 % CI by documents, unadjusted. A colour is a model, a mark a kind of probe."
    ]
    if any((score := book.score(s.name)) is not None and score.interval is None for s in rows):
        notes.append(NO_BAR)
    labelled = book.label_notes()
    return [*notes, *(["Hollow: the number carries a label."] if labelled else []), *labelled]


def _caption(book: ProbeBook) -> str:
    ranked = [s for s in _rows(book) if s.kind != FLOOR]
    equal = " and ".join(s.marked for s in ranked if book.order(s.name) == book.order(ranked[0].name))
    best = f" The best value is that of {equal}: {_text(book, ranked[0])}." if ranked else ""
    floor = f" The floor is at {_text(book, book.floor)}." if book.floor else ""
    return f"{book.primary} of every system with its 95 % interval, the best on top.{best}{floor}"


FIGURE = Registered(probe_overall, applies=lambda book: bool(_rows(book)), part="results", caption=_caption)
