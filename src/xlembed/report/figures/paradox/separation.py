"""Do models that keep languages apart score higher within, and lose more across? S against three scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.report.curves import LEGEND_ROW, all_ends, draw_legend, legend_rows, set_ticks
from xlembed.report.figures.registry import ParadoxReport, Registered
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.placing import is_doubtful, place_labels
from xlembed.report.style import FAINT, GRID, INK, model_look, style, tint, whisker
from xlembed.report.text import MINUS, p_text

PANELS = (
    ("monolingual", "monolingual", "{measure} (%)"),
    ("loss_weak", "loss_weak", "loss, pool = target (points)"),
    ("loss_strong", "loss_strong", "loss, pool = all (points)"),
)
"""Key in the report, title, label of y."""
SIDE, BETWEEN = 2.55, 0.72
HEAD, FOOT = 0.5, 0.55
MARKER, NUMBER = 7.0, 8.0
Shown = tuple[int, Mapping[str, Any]]
"""Number of a look, and a model's row of the report."""
LEADER = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}


def paradox_separation(report: ParadoxReport) -> Figure:
    """One point per model in three panels, with intervals on both axes; the paradox goes up to the right in all.

    Args:
        report: content of paradox.json.
    """
    with style():
        return _draw(report)


def _draw(report: ParadoxReport) -> Figure:
    shown = _shown(report)
    entries = [_entry(i, row) for i, row in shown if not _is_small(row, shown)]
    left = MARGIN + 0.5
    width = left + 3 * SIDE + 2 * BETWEEN + MARGIN + 0.05
    _, rows = legend_rows(entries, width)
    body = HEAD + SIDE + FOOT + rows * LEGEND_ROW + 0.05
    page = Page(width, body, "Separation of languages against scores", [_subtitle(report)], _notes(report))
    limits = _limits([row["separation"] for _, row in shown])
    for i, (key, title, label) in enumerate(PANELS):
        axes = page.axes(left + i * (SIDE + BETWEEN), HEAD, SIDE, SIDE)
        _panel(axes, shown, key, limits)
        axes.set_title(f"{title}\n{_rho_text(report, key)}", loc="left", fontsize=8.0, pad=5)
        axes.set_ylabel(label.format(measure=report["measure"]))
    draw_legend(page, entries, HEAD + SIDE + FOOT)
    return page.figure


def _shown(report: ParadoxReport) -> list[Shown]:
    """Models with vectors and the number that decides their look; a variant has that of its model."""
    rows = [row for row in report["models"] if row["separation"] is not None]
    names = {row["model"] for row in rows}
    own = [row["model"] for row in rows if row["variant_of"] not in names]
    return [(own.index(_model_of(row, rows)), row) for row in rows]


def _model_of(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The first in a chain of variants."""
    by_name = {r["model"]: r for r in rows}
    while row["variant_of"] in by_name:
        row = by_name[row["variant_of"]]
    return str(row["model"])


def _is_small(row: Mapping[str, Any], shown: Sequence[Shown]) -> bool:
    """Whether this is a variant of a model that is shown too."""
    return row["variant_of"] in {other["model"] for _, other in shown}


def _entry(position: int, row: Mapping[str, Any]) -> Artist:
    label = f": {row['label']}" if row["label"] else ""
    name = f"{position + 1}  {row['model']}{label}"
    return Line2D([], [], label=name, **_mark(position, row))


def _mark(position: int, row: Mapping[str, Any], small: bool = False) -> dict[str, Any]:
    look = model_look(position)
    hollow = not row["enters"]
    return {
        "linestyle": "",
        "marker": look.marker,
        "markersize": MARKER - 3 if small else MARKER,
        "markerfacecolor": "white" if hollow else look.colour,
        "markeredgecolor": look.colour if hollow else INK,
        "markeredgewidth": (0.9 if small else 1.3) if hollow else 0.5,
    }


def _panel(
    axes: Axes,
    shown: Sequence[Shown],
    key: str,
    limits: tuple[float, float],
) -> None:
    found = [(i, row["separation"], row[key], row) for i, row in shown if row[key] is not None]
    low, high = _limits([score for _, _, score, _ in found])
    axes.set_xlim(*limits)
    axes.set_ylim(low, high)
    axes.grid(True, color=GRID, linewidth=0.6)
    set_ticks(axes.xaxis, limits, 4, lambda x: f"{x:.4g}".replace("-", MINUS))
    set_ticks(axes.yaxis, (low, high), 5, lambda y: f"{100 * y:.4g}".replace("-", MINUS))
    if low < 0 < high:
        axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
    across, up = SIDE * 72 / (limits[1] - limits[0]), SIDE * 72 / (high - low)

    def point(x: float, y: float) -> tuple[float, float]:
        return (x - limits[0]) * across, (y - low) * up

    marks, bars, dots = [], [], []
    for i, s, score, row in found:
        small = _is_small(row, shown)
        x, y, colour = s["value"], score["value"], model_look(i).colour
        for ends, upright in ((_ends(s), False), (_ends(score), True)):
            if ends is not None:
                line = tint(colour, 0.45) if small else colour
                whisker(axes, x if upright else y, ends, upright=upright, colour=line)
                first, last = ((x, ends[0]), (x, ends[1])) if upright else ((ends[0], y), (ends[1], y))
                bars.append((*point(*first), *point(*last)))
        axes.plot([x], [y], zorder=5, gid=f"model {row['model']}", **_mark(i, row, small))
        if small:
            dots.append((*point(x, y), MARKER - 3, MARKER - 3))
        else:
            marks.append(point(x, y))
    found = [f for f in found if not _is_small(f[3], shown)]
    texts = [str(i + 1) for i, *_ in found]
    sizes = [(text_width(t, NUMBER, "bold") * 72, NUMBER) for t in texts]
    places = place_labels(marks, sizes, SIDE * 72, bars, dots, mark=MARKER)
    for text, mark, (i, s, score, _), (dx, dy) in zip(texts, marks, found, places, strict=True):
        axes.annotate(
            text,
            (s["value"], score["value"]),
            (dx, dy),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=NUMBER,
            fontweight="bold",
            zorder=6,
            gid="number",
            color=tint(model_look(i).colour, -0.35),
            arrowprops=LEADER if math.hypot(dx, dy) > 16 or is_doubtful(marks, mark, (dx, dy)) else None,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
        )
    axes.set_xlabel("separation S")
    axes.set_gid(f"against {key}")


def _limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """From the lowest to the highest end, with air for marks and numbers."""
    ends = all_ends(rows) or [0.0, 1.0]
    air = max(0.14 * (max(ends) - min(ends)), 0.01)
    return min(ends) - air, max(ends) + air


def _ends(row: Mapping[str, Any]) -> tuple[float, float] | None:
    return None if row["ci_low"] is None or row["ci_high"] is None else (row["ci_low"], row["ci_high"])


def _rho_text(report: ParadoxReport, key: str) -> str:
    found = next(c for c in report["correlations"] if c["against"] == key)
    if not found["n"]:
        return "no base model in the test"
    if found["rho"] is None:
        return f"no rho, n = {found['n']} base models"
    rho = f"rho = {found['rho']:.2f}".replace("-", MINUS)
    if found["p_adjusted"] is None:
        return f"{rho}, n = {found['n']}: too few models for p"
    p = p_text(found["p_adjusted"])
    return f"{rho}, adjusted p {p if p.startswith('<') else f'= {p}'}, n = {found['n']}"


def _subtitle(report: ParadoxReport) -> str:
    first = report["models"][0]
    parts = [f"task {report['task']}", f"{len(report['languages'])} languages"]
    for key, name in (("monolingual", "monolingual"), ("loss_strong", "losses")):
        if first[key] is not None:
            parts.append(f"{name}: {first[key]['n_units']:,} units, {first[key]['n_clusters']:,} clusters")
    if first["separation"] is not None:
        parts.append(f"S: {first['separation']['n_units']:,} documents")
    return " · ".join(parts)


def _notes(report: ParadoxReport) -> list[str]:
    notes = [
        f"S: neighbourhood purity@{report['separation']['k']} minus its expected value, balanced sample. Bars: 95 % "
        "CI, unadjusted. Losses: same-language minus cross-language hits of the same needs. The paradox: all three "
        "rise with S; one-sided tests over base models (filled), Holm over the three.",
    ]
    shown = _shown(report)
    if any(not row["enters"] and not _is_small(row, shown) for _, row in shown):
        notes.append("Hollow: not in the test (paradox.md says why).")
    if any(_is_small(row, shown) for _, row in shown):
        notes.append("Small and hollow: variants of the model with the same mark; not in the test.")
    return notes


FIGURE = Registered(paradox_separation, applies=lambda report: bool(_shown(report)))
