"""Where does a variant move its model in the trade-off plane? An arrow from before to after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.show.curves import all_ends
from xlembed.show.figures.registry import ParadoxReport, Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.placing import Box, Point
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import percent_tick, scale
from xlembed.show.shapes.scatter import diagonal, in_points, scatter
from xlembed.show.style import model_look, model_position, tint
from xlembed.show.text import ends

SIDE, MARKER, TEXT = 4.6, 7.0, 7.5
X, Y = "monolingual", "true_cross_all"


class Place(NamedTuple):
    """A model in the plane: its row, the position of its base, what stands beside its mark."""

    row: Mapping[str, Any]
    look: int
    text: str


def paradox_variants(report: ParadoxReport) -> Figure:
    """Monolingual (x) against true_cross_lingual, pool = all (y): bases, and arrows to their variants."""
    places, first, measure = _places(report), report["models"][0], report["measure"]
    mono, cross = (f"{first[key]['n_units']:,} units" for key in (X, Y))
    counts = f"monolingual {mono} · true cross {cross} · {first[Y]['n_clusters']:,} clusters"
    words = Words(f"What variants change: {measure}", f"task {report['task']} · {counts}", _notes(places))
    legend = [_mark(p).entry(_entry(p)) for p in places if not p.text.startswith("+")]
    return page(words, [[Panel(SIDE, SIDE, _plane, (places, measure))]], legend)


def _places(report: ParadoxReport) -> list[Place]:
    """Models that take part in a before and after, bases first."""
    rows = {row["model"]: row for row in report["models"] if row[X] is not None and row[Y] is not None}
    pairs = [(row, rows[row["variant_of"]]) for row in rows.values() if row["variant_of"] in rows]
    bases = list(dict.fromkeys(base["model"] for _, base in pairs))
    looks = {name: model_position(name, i) for i, name in enumerate(bases)}
    found = [Place(rows[name], i, f"{i + 1}") for name, i in looks.items()]
    for row, base in pairs:
        if row["model"] not in bases:
            text = row["model"].removeprefix(base["model"])
            found.append(Place(row, looks[base["model"]], text if text.startswith("+") else f"+ {text}"))
    return found


def _entry(place: Place) -> str:
    label = f": {place.row['label']}" if place.row["label"] else ""
    return f"{place.text}  {place.row['model']}{label}"


def _mark(place: Place) -> Mark:
    row, look = place.row, model_look(place.look)
    return Mark(
        row[X]["value"], row[Y]["value"], look, f"model {row['model']}", ends(row[X]), ends(row[Y]),
        size=MARKER - 2 if place.text.startswith("+") else MARKER, hollow=bool(row["label"]),
        text=place.text, bars=tint(look.colour, 0.35),
    )  # fmt: skip


def _plane(axes: Axes, places: Sequence[Place], measure: str) -> None:
    labels = (f"monolingual {measure} (%)", f"true_cross_lingual {measure}, pool = all (%)")
    for key, label in zip((X, Y), labels, strict=True):
        limits = _limits([p.row[key] for p in places])
        scale(axes, limits, label, upright=key == Y, n=6, text=percent_tick)
    diagonal(axes)
    at = {p.row["model"]: (p.row[X]["value"], p.row[Y]["value"]) for p in places}
    crossed: list[Box] = []
    for place in places:
        after, base = at[place.row["model"]], at.get(place.row["variant_of"])
        if base is not None:
            arrow: dict[str, Any] = {"arrowstyle": "-|>", "linewidth": 1.2, "shrinkA": 4, "shrinkB": 3}
            arrow["color"] = tint(model_look(place.look).colour, -0.35)
            axes.annotate("", after, base, zorder=6, gid="arrow", arrowprops=arrow)
            crossed += _along(in_points(axes, *base), in_points(axes, *after))
    scatter(axes, [_mark(p) for p in places], crossed, size=TEXT, gid="name")


def _along(start: Point, end: Point) -> list[Box]:
    """An arrow as small boxes that labels keep clear of."""
    n = max(2, int(math.dist(start, end) / 5))
    steps = [k / n for k in range(1, n)]
    return [(start[0] + s * (end[0] - start[0]), start[1] + s * (end[1] - start[1]), 3.0, 3.0) for s in steps]


def _limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    ends = all_ends(rows)
    air = max(0.08 * (max(ends) - min(ends)), 0.01)
    low = min(ends) - air
    return max(low, -0.02), max(ends) + air


def _notes(places: Sequence[Place]) -> list[str]:
    notes = [
        "Arrows: from a model to its variant. Bars: 95 % CI, unadjusted, each of one model; whether a variant differs "
        "is what the paired tests in paradox.md say.",
    ]
    (left, right), (bottom, top) = (_limits([p.row[key] for p in places]) for key in (X, Y))
    if max(left, bottom) < min(right, top):
        notes.append("On the dashed line nothing is lost across languages.")
    if any(p.row["label"] for p in places):
        notes.append("Hollow: languages of this task are not on the model's card; invalid for a decision.")
    return notes


FIGURE = Registered(paradox_variants, applies=lambda report: len(_places(report)) > 1)
