"""The shape of each model at a glance: modes of retrieval, morphology, speed, each from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.guide.profiles import Profile
from xlembed.guide.scenarios import HALF_MS
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.marks import DASHES, Mark
from xlembed.show.style import FAINT, GRID, INK, model_look, model_position
from xlembed.stats.scorebook import MACROS

MOST = 6
"""Models; more lines cannot be told apart."""
LEAST = 3
"""Axes of a polygon."""
NAMES = ("monolingual", "cross_lingual", "true cross,\npool = all", "true cross,\npool = target")
"""Of `MACROS`."""
SIDE = 3.6


class _Axis(NamedTuple):
    """A spoke: its name and the value of each model."""

    name: str
    values: list[float | None]


def profile_radar(found: Sequence[Profile]) -> Figure:
    """A line per model over the axes that any of them has; open where a model lacks one."""
    shown = found[:MOST]
    spokes = _known(shown)

    def draw(axes: Axes) -> None:
        _web(axes, spokes)
        for i, profile in enumerate(shown):
            _line(axes, i, profile, spokes)

    book = found[0].book
    words = Words(
        "Profiles of the models",
        f"task {book.task} · {book.primary_measure}, macro averages · each axis from 0 to 1",
        _notes(found, spokes),
    )
    return page(words, [[Panel(SIDE, SIDE, draw)]], [_entry(i, p) for i, p in enumerate(shown)], least=6.0)


def _axes_of(found: Sequence[Profile]) -> list[_Axis]:
    every = []
    for name, macro in zip(NAMES, MACROS, strict=True):
        scores = [p.book.macro(macro) for p in found]
        every.append(_Axis(name, [None if e is None else e.value for e in scores]))
    every.append(_Axis("morphology", [p.mean_morphology for p in found]))
    return [*every, _Axis("speed", [p.speed for p in found])]


def _known(found: Sequence[Profile]) -> list[_Axis]:
    return [axis for axis in _axes_of(found) if any(v is not None for v in axis.values)]


def place(spoke: int, of: int, radius: float) -> tuple[float, float]:
    """Where a value stands: the first spoke points up, the others follow clockwise.

    >>> [round(x, 3) for x in place(1, 4, 0.5)]
    [0.5, 0.0]
    """
    angle = 2 * math.pi * spoke / of
    return radius * math.sin(angle), radius * math.cos(angle)


def _web(axes: Axes, spokes: Sequence[_Axis]) -> None:
    """Rings at 0.25 to 1, and the names around."""
    n = len(spokes)
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    axes.set_axis_off()
    axes.set_gid("radar")
    for ring in (0.25, 0.5, 0.75, 1.0):
        corners = [place(i, n, ring) for i in (*range(n), 0)]
        colour = FAINT if ring == 1 else GRID
        axes.plot(*zip(*corners, strict=True), color=colour, linewidth=0.7, clip_on=False)
        x, y = place(0, n, ring)
        axes.text(x - 0.02, y - 0.01, f"{ring:g}", fontsize=6.5, color=FAINT, ha="right", va="top")
    for i, axis in enumerate(spokes):
        x, y = place(i, n, 1.0)
        axes.plot([0, x], [0, y], color=GRID, linewidth=0.7, clip_on=False)
        side = "center" if abs(x) < 0.1 else ("left" if x > 0 else "right")
        level = "bottom" if y > 0.9 else ("top" if y < -0.9 else "center")
        axes.text(1.06 * x, 1.06 * y, axis.name, fontsize=8.0, color=INK, ha=side, va=level, gid="axis")


def _line(axes: Axes, number: int, profile: Profile, spokes: Sequence[_Axis]) -> None:
    """NaN breaks the line where a value is not known."""
    values = [axis.values[number] for axis in spokes]
    corners = [(math.nan, math.nan) if v is None else place(i, len(spokes), v) for i, v in enumerate(values)]
    x, y = zip(*corners, corners[0], strict=True)
    look = _entry(number, profile)
    look.set_data(x, y)
    look.set(clip_on=False, zorder=4, gid=f"model {profile.name}")
    axes.add_line(look)


def _entry(number: int, profile: Profile) -> Line2D:
    label = f": {profile.book.label()}" if profile.book.labels else ""
    look = model_look(model_position(profile.name, number))
    mark = Mark(0, 0, look, size=5.0, hollow=bool(profile.book.labels))
    return mark.entry(f"{profile.name}{label}", linestyle=DASHES[number], linewidth=1.5)


def _notes(found: Sequence[Profile], spokes: Sequence[_Axis]) -> list[str]:
    shown, names = found[:MOST], [axis.name for axis in spokes]
    notes = ["Retrieval: the score itself. Intervals stand in the tables; a shape shows no test."]
    if "morphology" in names:
        pairs = "P(inflected pair nearer than unrelated pair)"
        notes.append(f"Morphology: {pairs}, mean of the languages with word pairs.")
    if "speed" in names:
        notes.append(f"Speed: 1 / (1 + ms per query / {HALF_MS:g}), as the guide timed them.")
    for axis in _axes_of(shown):
        name = " ".join(axis.name.split())
        lacking = [p.name for p, v in zip(shown, axis.values, strict=True) if v is None]
        if lacking:
            whom = "any" if axis.name not in names else ", ".join(lacking)
            notes.append(f"{name[:1].upper()}{name[1:]} is not known of {whom}.")
    if found[MOST:]:
        notes.append(f"Not drawn: {', '.join(p.name for p in found[MOST:])}.")
    if any(p.book.labels for p in shown):
        notes.append("Hollow: languages of this task are not on the model's card; invalid for a decision.")
    return notes


FIGURE = Registered(
    profile_radar, applies=lambda found: len(found) > 1 and len(_known(found[:MOST])) >= LEAST
)
