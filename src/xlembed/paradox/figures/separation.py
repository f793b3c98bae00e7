"""Do models that keep languages apart score higher within, and lose more across? S against three scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.show.curves import all_ends
from xlembed.show.figures.registry import ParadoxReport, Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import limits_of, percent_tick, scale
from xlembed.show.shapes.scatter import scatter
from xlembed.show.style import FAINT, model_look, model_position, tint
from xlembed.show.text import MINUS, ends, p_text
from xlembed.words import counted

PANELS = (
    ("monolingual", "{measure} (%)"),
    ("loss_weak", "loss, pool = target (points)"),
    ("loss_strong", "loss, pool = all (points)"),
)
"""Key in the report, also the title; label of y."""
SIDE, MARKER = 2.55, 7.0


class Shown(NamedTuple):
    """A model's row of the report, the number that decides its look, and whether its model is shown too."""

    row: Mapping[str, Any]
    number: int
    small: bool


def paradox_separation(report: ParadoxReport) -> Figure:
    """One point per model in three panels, with intervals on both axes; the paradox goes up to the right in all."""
    panels = [Panel(SIDE, SIDE, _panel, (report, *of)) for of in PANELS]
    legend = [_mark(shown).entry(_name(shown)) for shown in _shown(report) if not shown.small]
    words = Words("Separation of languages against scores", _subtitle(report), _notes(report))
    return page(words, [panels], legend)


def _shown(report: ParadoxReport) -> list[Shown]:
    """Models with vectors; a variant has the look of the first in its chain."""
    rows = {row["model"]: row for row in report["models"] if row["separation"] is not None}
    own = [name for name, row in rows.items() if row["variant_of"] not in rows]
    found = []
    for name, row in rows.items():
        while rows[name]["variant_of"] in rows:
            name = rows[name]["variant_of"]
        found.append(Shown(row, model_position(name, own.index(name)), row["variant_of"] in rows))
    return found


def _name(shown: Shown) -> str:
    label = f": {shown.row['label']}" if shown.row["label"] else ""
    return f"{shown.number + 1}  {shown.row['model']}{label}"


def _mark(shown: Shown) -> Mark:
    row, number, small = shown
    look = model_look(number)
    return Mark(
        0, 0, look, f"model {row['model']}", size=MARKER - 3 if small else MARKER, hollow=not row["enters"],
        text="" if small else str(number + 1), bars=tint(look.colour, 0.45) if small else look.colour,
    )  # fmt: skip


def _panel(axes: Axes, report: ParadoxReport, key: str, label: str) -> None:
    every = _shown(report)
    found = [(of, of.row["separation"], of.row[key]) for of in every if of.row[key] is not None]
    # from the lowest to the highest end, with air for marks and numbers
    xs = limits_of(all_ends([of.row["separation"] for of in every]), 0.14, 0.01)
    ys = limits_of(all_ends([score for *_, score in found]), 0.14, 0.01)
    scale(axes, xs, "separation S", upright=False, n=4, text=lambda x: f"{x:.4g}".replace("-", MINUS))
    scale(axes, ys, label.format(measure=report["measure"]), text=percent_tick)
    if ys[0] < 0 < ys[1]:
        axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
    marks = [
        _mark(of).at(x=s["value"], y=score["value"], across=ends(s), upright=ends(score))
        for of, s, score in found
    ]
    scatter(axes, marks)
    axes.set_title(f"{key}\n{_rho_text(report, key)}", loc="left", fontsize=8.0, pad=5)
    axes.set_gid(f"against {key}")


def _rho_text(report: ParadoxReport, key: str) -> str:
    found = next(c for c in report["correlations"] if c["against"] == key)
    if not found["n"]:
        return "no base model in the test"
    if found["rho"] is None:
        return f"no rho, n = {counted(found['n'], 'base model')}"
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
    if any(not of.row["enters"] and not of.small for of in shown):
        notes.append("Hollow: not in the test (paradox.md says why).")
    if any(of.small for of in shown):
        notes.append("Small and hollow: variants of the model with the same mark; not in the test.")
    return notes


FIGURE = Registered(paradox_separation, applies=lambda report: bool(_shown(report)))
