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
from xlembed.report.figures.registry import ParadoxFigure, ParadoxReport
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
    entries = [_entry(i, row) for i, row in shown]
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


def _shown(report: ParadoxReport) -> list[tuple[int, Mapping[str, Any]]]:
    """Models with vectors and their place in the report, which decides their look."""
    return [(i, row) for i, row in enumerate(report["models"]) if row["separation"] is not None]


def _entry(position: int, row: Mapping[str, Any]) -> Artist:
    label = f": {row['label']}" if row["label"] else ""
    name = f"{position + 1}  {row['model']}{label}"
    return Line2D([], [], label=name, **_mark(position, row))


def _mark(position: int, row: Mapping[str, Any]) -> dict[str, Any]:
    look = model_look(position)
    hollow = not row["enters"]
    return {
        "linestyle": "",
        "marker": look.marker,
        "markersize": MARKER,
        "markerfacecolor": "white" if hollow else look.colour,
        "markeredgecolor": look.colour if hollow else INK,
        "markeredgewidth": 1.3 if hollow else 0.5,
    }


def _panel(
    axes: Axes,
    shown: Sequence[tuple[int, Mapping[str, Any]]],
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

    marks, bars = [], []
    for i, s, score, row in found:
        x, y, colour = s["value"], score["value"], model_look(i).colour
        for ends, upright in ((_ends(s), False), (_ends(score), True)):
            if ends is not None:
                whisker(axes, x if upright else y, ends, upright=upright, colour=colour)
                first, last = ((x, ends[0]), (x, ends[1])) if upright else ((ends[0], y), (ends[1], y))
                bars.append((*point(*first), *point(*last)))
        axes.plot([x], [y], zorder=5, gid=f"model {row['model']}", **_mark(i, row))
        marks.append(point(x, y))
    texts = [str(i + 1) for i, *_ in found]
    sizes = [(text_width(t, NUMBER, "bold") * 72, NUMBER) for t in texts]
    places = place_labels(marks, sizes, SIDE * 72, bars, mark=MARKER)
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
    if any(not row["enters"] for row in report["models"]):
        notes.append(
            "Hollow: not in the test (variant, or a language of the task is not on the model's card)."
        )
    return notes


FIGURE = ParadoxFigure(paradox_separation, applies=lambda report: bool(_shown(report)))
