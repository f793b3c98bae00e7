"""Four numbers of each model side by side: MRR, recall@1, morphology, separation of languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.report.curves import set_ticks
from xlembed.report.figures.registry import Registered
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.profiles import Profile
from xlembed.report.scorebook import CROSS_LINGUAL, MONOLINGUAL, Macro
from xlembed.report.style import FAINT, GRID, HATCHES, INK, model_look, style, whisker
from xlembed.report.text import count_text, percent, plain

WIDTH, BETWEEN = 2.5, 0.45
ROW, HEAD, FOOT = 0.24, 0.42, 0.3
SIZE = 7.5
NO_QUALITY = "Silhouette of languages is no quality score: it says how far languages lie apart in the space."


class _Bar(NamedTuple):
    """A value with its interval, or with values of which it is the mean."""

    value: float
    ends: tuple[float, float] | None = None
    parts: tuple[float, ...] = ()


class _Panel(NamedTuple):
    gid: str
    title: str
    under: str
    text: Callable[[float], str]
    bars: list[_Bar | None]


def profile_bars(found: Sequence[Profile]) -> Figure:
    """2 x 2 panels, a bar per model; a bar that is not known is left out and says n/a.

    Args:
        found: one per model.
    """
    with style():
        return _draw(found)


def _draw(found: Sequence[Profile]) -> Figure:
    macro = _macro(found)
    panels = [
        _score(found, "MRR", macro),
        _score(found, "recall@1", macro),
        _morphology(found),
        _silhouette(found),
    ]
    names = [f"{p.name}*" if p.book.labels else p.name for p in found]
    left = MARGIN + max(text_width(name, 8.0) for name in names) + 0.1
    height = ROW * len(found)
    width = left + 2 * WIDTH + BETWEEN + 0.35
    page = Page(
        width,
        2 * (HEAD + height + FOOT),
        "Scores, morphology and separation of languages",
        [f"task {found[0].book.task} · {_counts(found, macro)}"],
        _notes(found),
    )
    for i, panel in enumerate(panels):
        row, column = divmod(i, 2)
        top = row * (HEAD + height + FOOT) + HEAD
        axes = page.axes(left + column * (WIDTH + BETWEEN), top, WIDTH, height)
        _panel(axes, panel)
        axes.set_yticks(range(len(names)), names if column == 0 else [""] * len(names))
    return page.figure


def _macro(found: Sequence[Profile]) -> Macro:
    """All documents searched, as in use; within the language where a task has no other."""
    return CROSS_LINGUAL if any(p.book.macro(CROSS_LINGUAL, "MRR") for p in found) else MONOLINGUAL


def _score(found: Sequence[Profile], measure: str, macro: Macro) -> _Panel:
    estimates = [p.book.macro(macro, measure) for p in found]
    bars = [None if e is None else _Bar(e.value, e.interval) for e in estimates]
    return _Panel(measure, measure, f"{macro.kind}, pool = {macro.pool}, %", percent, bars)


def _morphology(found: Sequence[Profile]) -> _Panel:
    languages = list(dict.fromkeys(lang for p in found for lang in p.morphology))
    bars = [
        None if p.mean_morphology is None else _Bar(p.mean_morphology, None, tuple(p.morphology.values()))
        for p in found
    ]
    under = f"P(inflected > unrelated), %; mean of {len(languages)} languages"
    return _Panel("morphology", "Morphology", under, percent, bars)


def _silhouette(found: Sequence[Profile]) -> _Panel:
    bars = []
    for row in (p.silhouette for p in found):
        ends = None if row is None or row["ci_low"] is None else (row["ci_low"], row["ci_high"])
        bars.append(None if row is None else _Bar(row["value"], ends))
    return _Panel("silhouette", "Silhouette of languages", "no quality score; from −1 to 1", plain, bars)


def _panel(axes: Axes, panel: _Panel) -> None:
    low, high = _limits(panel)
    axes.set_xlim(low, high)
    axes.set_ylim(len(panel.bars) - 0.4, -0.6)
    for y, bar in enumerate(panel.bars):
        if bar is None:
            axes.text(0.02 * high, y, "n/a", fontsize=SIZE, color=FAINT, va="center", gid=f"missing {y}")
        else:
            _bar(axes, y, bar, panel.text, room=0.02 * (high - low))
    set_ticks(axes.xaxis, (low, high), 5, lambda x: f"{100 * x:.0f}" if panel.text is percent else f"{x:.4g}")
    axes.axvline(0, color=INK, linewidth=0.7)
    axes.xaxis.grid(True, color=GRID, linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_gid(panel.gid)
    head = axes.get_window_extent().height / 100
    for text, up, size, weight in ((panel.title, 0.2, 8.5, "bold"), (panel.under, 0.06, 7.0, "normal")):
        axes.text(
            0, 1 + up / head, text, transform=axes.transAxes, fontsize=size, fontweight=weight, va="bottom"
        )


def _bar(axes: Axes, y: int, bar: _Bar, text: Callable[[float], str], room: float) -> None:
    look = model_look(y)
    axes.barh(
        y, bar.value, height=0.66, color=look.colour, edgecolor="white", hatch=HATCHES[y % len(HATCHES)], linewidth=0.3,
        gid=f"bar {y}",
    )  # fmt: skip
    if bar.ends is not None:
        whisker(axes, y, bar.ends, upright=False)
    axes.plot(
        bar.parts, [y] * len(bar.parts), linestyle="", marker="|", markersize=6, color=INK, gid=f"parts {y}"
    )
    furthest = max(0.0, bar.value, *(bar.ends or ()), *bar.parts)
    axes.text(furthest + room, y, text(bar.value), fontsize=SIZE, va="center", gid=f"value {y}")


def _limits(panel: _Panel) -> tuple[float, float]:
    """From 0, where bars begin (below it only as far as needed), with room for the numbers beside them."""
    known = [bar for bar in panel.bars if bar is not None]
    ends = [x for bar in known for x in (bar.value, *(bar.ends or ()), *bar.parts)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    span = max(high - low, 0.05)
    return (low - 0.04 * span if low < 0 else 0.0), high + 0.22 * span


def _counts(found: Sequence[Profile], macro: Macro) -> str:
    known = [e for p in found if (e := p.book.macro(macro))]
    units, clusters = count_text(e.n_units for e in known), count_text(e.n_clusters for e in known)
    return f"{len(found)} model{'s' if len(found) > 1 else ''} · {macro.kind}: {units} units, {clusters} clusters"


def _notes(found: Sequence[Profile]) -> list[str]:
    notes = [NO_QUALITY, "Bars with caps: 95 % CI, unadjusted."]
    if langs := dict.fromkeys(lang for p in found for lang in p.morphology):
        notes.append(f"Morphology: mean of {', '.join(langs)}; an upright stroke for each.")
    for what, lacking in (
        ("morphology", [p.name for p in found if not p.morphology]),
        ("silhouette", [p.name for p in found if p.silhouette is None]),
    ):
        if lacking:
            notes.append(f"n/a, {what} was not measured (xlembed analyse): {', '.join(lacking)}.")
    labels = [f"{p.name}: {p.book.label()}" for p in found if p.book.labels]
    return [*notes, f"* {'; '.join(labels)}; invalid for a decision." if labels else ""]


def _known(found: Sequence[Profile]) -> bool:
    macro = _macro(found)
    return any(p.book.macro(macro, m) is not None for p in found for m in ("MRR", "recall@1"))


FIGURE = Registered(profile_bars, applies=lambda found: len(found) > 1 and _known(found))
