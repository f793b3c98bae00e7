"""Four numbers of each model side by side: MRR, recall@1, morphology, separation of languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.guide.profiles import Profile
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.bars import Bar, bars
from xlembed.show.shapes.scales import percent_tick, scale
from xlembed.show.style import HATCHES, INK, model_look, model_position
from xlembed.show.text import count_text, ends, percent, plain
from xlembed.stats.scorebook import CROSS_LINGUAL, MONOLINGUAL, Macro
from xlembed.words import counted

WIDTH, ROW = 2.5, 0.24
NO_QUALITY = "Silhouette of languages is no quality score: it says how far languages lie apart in the space."
Value = tuple[float, tuple[float, float] | None, tuple[float, ...]] | None
"""A value with its interval, and the values of which it is the mean; None: not known."""


class _Measure(NamedTuple):
    gid: str
    title: str
    under: str
    text: Callable[[float], str]
    values: list[Value]


def profile_bars(found: Sequence[Profile]) -> Figure:
    """2 x 2 panels, a bar per model; a bar that is not known says n/a, a panel without any is left out."""
    macro = _macro(found)
    scores = [_score(macro, m, found) for m in ("MRR", "recall@1")]
    places = [model_position(p.name, i) for i, p in enumerate(found)]
    names = [f"{p.name}*" if p.book.labels else p.name for p in found]

    def panel(measure: _Measure, first: bool) -> Panel:
        shown = names if first else [""] * len(names)
        return Panel(WIDTH, ROW * len(names), _panel, (measure, shown, places))

    measures = [[m for m in of if any(m.values)] for of in (scores, [_morphology(found), _silhouette(found)])]
    rows = [[panel(m, i == 0) for i, m in enumerate(of)] for of in measures if of]
    subtitle = f"task {found[0].book.task} · {_counts(found, macro)}"
    return page(Words("Scores, morphology and separation of languages", subtitle, _notes(found)), rows)


def _macro(found: Sequence[Profile]) -> Macro:
    """All documents searched, as in use; within the language where a task has no other."""
    return CROSS_LINGUAL if any(p.book.macro(CROSS_LINGUAL, "MRR") for p in found) else MONOLINGUAL


def _score(macro: Macro, measure: str, found: Sequence[Profile]) -> _Measure:
    estimates = (p.book.macro(macro, measure) for p in found)
    values: list[Value] = [None if e is None else (e.value, e.interval, ()) for e in estimates]
    return _Measure(measure, measure, f"{macro.kind}, pool = {macro.pool}, %", percent, values)


def _morphology(found: Sequence[Profile]) -> _Measure:
    languages = dict.fromkeys(lang for p in found for lang in p.morphology)
    means = [(p.mean_morphology, tuple(p.morphology.values())) for p in found]
    values: list[Value] = [None if mean is None else (mean, None, parts) for mean, parts in means]
    under = f"P(inflected > unrelated), %; mean of {counted(len(languages), 'language')}"
    return _Measure("morphology", "Morphology", under, percent, values)


def _silhouette(found: Sequence[Profile]) -> _Measure:
    rows = (p.silhouette for p in found)
    values: list[Value] = [None if row is None else (row["value"], ends(row), ()) for row in rows]
    return _Measure("silhouette", "Silhouette of languages", "no quality score; from −1 to 1", plain, values)


def _panel(axes: Axes, measure: _Measure, names: Sequence[str], places: Sequence[int]) -> None:
    every = [x for known in measure.values if known for x in (known[0], *(known[1] or ()), *known[2])]
    low, high = min([0.0, *every]), max([0.0, *every])
    span = max(high - low, 0.05)  # room for the numbers beside the bars
    limits = (low - 0.04 * span if low < 0 else 0.0), high + 0.22 * span
    text = percent_tick if measure.text is percent else lambda x: f"{x:.4g}"
    scale(axes, limits, upright=False, text=text)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for y, (known, at) in enumerate(zip(measure.values, places, strict=True)):
        look = model_look(at)._replace(hatch=HATCHES[at % len(HATCHES)])
        if known is None:
            bars(axes, [Bar(y, None, look, f"missing {y}")], 0.66, upright=False)
            continue
        value, interval, parts = known
        how: dict[str, Any] = {"text": measure.text(value), "outline": 0.3, "furthest": parts}
        bars(axes, [Bar(y, value, look, f"bar {y}", interval, **how)], 0.66, upright=False)
        stroke: dict[str, Any] = {"linestyle": "", "marker": "|", "markersize": 6, "color": INK}
        axes.plot(parts, [y] * len(parts), gid=f"parts {y}", **stroke)
    axes.axvline(0, color=INK, linewidth=0.7)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_gid(measure.gid)
    head(axes, measure.title, measure.under)


def _counts(found: Sequence[Profile], macro: Macro) -> str:
    known = [e for p in found if (e := p.book.macro(macro))]
    units, clusters = count_text(e.n_units for e in known), count_text(e.n_clusters for e in known)
    return f"{counted(len(found), 'model')} · {macro.kind}: {units} units, {clusters} clusters"


def _notes(found: Sequence[Profile]) -> list[str]:
    notes = [NO_QUALITY] if any(p.silhouette for p in found) else []
    notes.append("Bars with caps: 95 % CI, unadjusted.")
    if langs := dict.fromkeys(lang for p in found for lang in p.morphology):
        notes.append(f"Morphology: mean of {', '.join(langs)}; an upright stroke for each.")
    for what, lacking in (
        ("morphology", [p.name for p in found if not p.morphology]),
        ("silhouette", [p.name for p in found if p.silhouette is None]),
    ):
        if len(lacking) == len(found):
            notes.append(f"{what.capitalize()} was not measured of any (xlembed analyse).")
        elif lacking:
            notes.append(f"n/a, {what} was not measured (xlembed analyse): {', '.join(lacking)}.")
    labels = [f"{p.name}: {p.book.label()}" for p in found if p.book.labels]
    return [*notes, f"* {'; '.join(labels)}; invalid for a decision." if labels else ""]


def _known(found: Sequence[Profile]) -> bool:
    macro = _macro(found)
    return any(p.book.macro(macro, m) is not None for p in found for m in ("MRR", "recall@1"))


FIGURE = Registered(profile_bars, applies=lambda found: len(found) > 1 and _known(found))
