"""Do models that keep languages apart score higher within, and lose more across? S against three scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
Shown = tuple[int, Mapping[str, Any]]
"""Number of a look, and a model's row of the report."""


def paradox_separation(report: ParadoxReport) -> Figure:
    """One point per model in three panels, with intervals on both axes; the paradox goes up to the right in all."""
    panels = [Panel(SIDE, SIDE, _panel, (report, *of)) for of in PANELS]
    shown = _shown(report)
    legend = [_mark(i, row, shown).entry(_name(i, row)) for i, row in shown if not _is_small(row, shown)]
    return page(
        Words("Separation of languages against scores", _subtitle(report), _notes(report)), [panels], legend
    )


def _shown(report: ParadoxReport) -> list[Shown]:
    """Models with vectors and the number that decides their look; a variant has that of its model."""
    rows = [row for row in report["models"] if row["separation"] is not None]
    names = {row["model"] for row in rows}
    own = [row["model"] for row in rows if row["variant_of"] not in names]
    models = [(_model_of(row, rows), row) for row in rows]
    return [(model_position(model, own.index(model)), row) for model, row in models]


def _model_of(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The first in a chain of variants."""
    by_name = {r["model"]: r for r in rows}
    while row["variant_of"] in by_name:
        row = by_name[row["variant_of"]]
    return str(row["model"])


def _is_small(row: Mapping[str, Any], shown: Sequence[Shown]) -> bool:
    """Whether this is a variant of a model that is shown too."""
    return row["variant_of"] in {other["model"] for _, other in shown}


def _name(position: int, row: Mapping[str, Any]) -> str:
    label = f": {row['label']}" if row["label"] else ""
    return f"{position + 1}  {row['model']}{label}"


def _mark(position: int, row: Mapping[str, Any], shown: Sequence[Shown]) -> Mark:
    look, small = model_look(position), _is_small(row, shown)
    return Mark(
        0, 0, look, f"model {row['model']}", size=MARKER - 3 if small else MARKER, hollow=not row["enters"],
        text="" if small else str(position + 1), bars=tint(look.colour, 0.45) if small else look.colour,
    )  # fmt: skip


def _panel(axes: Axes, report: ParadoxReport, key: str, label: str) -> None:
    shown = _shown(report)
    found = [(i, row["separation"], row[key], row) for i, row in shown if row[key] is not None]
    xs = _limits([row["separation"] for _, row in shown])
    ys = _limits([score for _, _, score, _ in found])
    scale(axes, xs, "separation S", upright=False, n=4, text=lambda x: f"{x:.4g}".replace("-", MINUS))
    scale(axes, ys, label.format(measure=report["measure"]), text=percent_tick)
    if ys[0] < 0 < ys[1]:
        axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
    scatter(
        axes,
        [
            _mark(i, row, shown).at(x=s["value"], y=score["value"], across=ends(s), upright=ends(score))
            for i, s, score, row in found
        ],
    )
    axes.set_title(f"{key}\n{_rho_text(report, key)}", loc="left", fontsize=8.0, pad=5)
    axes.set_gid(f"against {key}")


def _limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """From the lowest to the highest end, with air for marks and numbers."""
    return limits_of(all_ends(rows), 0.14, 0.01)


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
    if any(not row["enters"] and not _is_small(row, shown) for _, row in shown):
        notes.append("Hollow: not in the test (paradox.md says why).")
    if any(_is_small(row, shown) for _, row in shown):
        notes.append("Small and hollow: variants of the model with the same mark; not in the test.")
    return notes


FIGURE = Registered(paradox_separation, applies=lambda report: bool(_shown(report)))
