"""How far off is each system? The primary measure with its interval, the floor as a line."""

from __future__ import annotations

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.probe.figures_data import FLOOR, RIVAL, ProbeBook, System
from xlembed.probe.probe_advice import score_text
from xlembed.probe.probe_curves import ends_of, label_lines, no_bar, primary_axis, subtitle, system_look
from xlembed.probe.words import unit_text
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, page, text_width
from xlembed.show.shapes.interval_rows import SIZE, Column, interval_rows
from xlembed.show.shapes.marks import REFERENCE, Mark
from xlembed.show.style import INK, Look

ROW, PLOT = 0.225, 3.3
WORDS = {"ridge": "ridge", "mlp": "MLP", "lightgbm": "LightGBM"}


def probe_overall(book: ProbeBook) -> Figure:
    """A row per system, the best on top; the dashed line is the floor, the band its interval."""
    rows = _rows(book)
    better = "lower is better" if book.lower_is_better else "higher is better"
    words = Words(f"{book.primary} of every system", subtitle(book, better), _notes(book, rows))
    panel = Panel(PLOT, len(rows) * ROW, _panel, (book, rows))
    return page(words, [[panel]], _entries(book, rows))


def _panel(axes: Axes, book: ProbeBook, rows: list[System]) -> None:
    primary_axis(axes, book, ends_of(book.score(s.name) for s in rows), upright=False)
    if book.floor and (floor := book.score(book.floor.name)) is not None:
        if floor.interval is not None:
            axes.axvspan(*floor.interval, color="#eeeeee", linewidth=0, zorder=0, gid="floor interval")
        axes.axvline(floor.value, color=INK, linewidth=1.0, linestyle=REFERENCE, zorder=2, gid="floor")
    marks = [
        Mark(found.value, y, system_look(book, s), f"score {s.name}", found.interval, hollow=bool(s.label))
        for y, s in enumerate(rows)
        if (found := book.score(s.name)) is not None
    ]
    texts, heading = [score_text(book, s) for s in rows], f"{unit_text(book.primary)} [95 % CI]"
    right = max(text_width(text, SIZE) for text in [heading, *texts]) + 0.2
    names = [s.marked for s in rows]
    interval_rows(axes, names, marks, [Column(right, texts, heading)], stripes=False)
    axes.set_gid("overall")


def _rows(book: ProbeBook) -> list[System]:
    known = [s for s in book.systems if book.score(s.name) is not None]
    return sorted(known, key=lambda s: book.order(s.name))


def _entries(book: ProbeBook, rows: list[System]) -> list[Artist]:
    """What marks mean; names of models stand beside them."""
    marks: dict[str, str] = {}
    for s in rows:
        text = "fine-tuned" if s.kind == RIVAL else WORDS.get(s.probe or "", s.probe or "")
        if s.kind != FLOOR:
            marks.setdefault(text, system_look(book, s).marker)
    found: list[Artist] = [Mark(0, 0, Look("#bbbbbb", "", mark)).entry(text) for text, mark in marks.items()]
    if book.floor:
        words = "floor: mean of the training part"
        found.append(Line2D([], [], color=INK, linewidth=1.0, linestyle=REFERENCE, label=words))
    return found


def _notes(book: ProbeBook, rows: list[System]) -> list[str]:
    return [
        "Bars and grey band: 95 % CI by documents, unadjusted. A colour is a model, a mark a kind of probe.",
        *no_bar(book.score(s.name) for s in rows),
        *label_lines(book),
    ]


def _caption(book: ProbeBook) -> str:
    ranked = [s for s in _rows(book) if s.kind != FLOOR]
    equal = " and ".join(s.marked for s in ranked if book.order(s.name) == book.order(ranked[0].name))
    best = f" The best value is that of {equal}: {score_text(book, ranked[0])}." if ranked else ""
    floor = f" The floor is at {score_text(book, book.floor)}." if book.floor else ""
    return f"{book.primary} of every system with its 95 % interval, the best on top.{best}{floor}"


FIGURE = Registered(probe_overall, applies=lambda book: bool(_rows(book)), part="results", caption=_caption)
