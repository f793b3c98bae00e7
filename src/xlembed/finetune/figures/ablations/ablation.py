"""Which variant of a recipe is best? The primary measure of each in every mode, with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.show.curves import all_ends, present, score_in
from xlembed.show.figures.registry import Ablation, Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.interval_rows import Column, interval_rows
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import percent_scale
from xlembed.show.style import INK, MODE_LOOKS
from xlembed.show.text import ends, p_text
from xlembed.stats.scorebook import MACROS, Macro

PLOT, ROW = 1.75, 0.27
UNTRAINED = "base model, not trained"
SEED: dict[str, Any] = {
    "linestyle": "",
    "marker": "|",
    "markersize": 8,
    "markeredgecolor": INK,
    "markeredgewidth": 1.1,
}


def ablation(report: Ablation) -> Figure:
    """A panel per mode, a row per variant: value with interval, other seeds, adjusted p against the first variant."""
    names = [UNTRAINED, *(v["title"] for v in report["variants"])]
    macros = present([r for v in report["variants"] for r in v["scores"]])
    panels = [Panel(PLOT, len(names) * ROW, _panel, (report, m, names, m == macros[0])) for m in macros]
    words = Words(
        report["title"],
        f"recipe {report['recipe']} · task {report['task']} · base model {report['base_slug']}",
        _notes(report),
    )
    return page(words, [panels], _entries(report), least=5.0)


def _panel(axes: Axes, report: Ablation, macro: Macro, names: list[str], first: bool) -> None:
    rows = [report["base"]["scores"], *(v["scores"] for v in report["variants"])]
    seeds = [(y, s["scores"]) for y, v in enumerate(report["variants"], 1) for s in v["seeds"][1:]]
    others = [(y, s) for y, scores in seeds if (s := score_in(scores, macro))]
    shown = [(y, s) for y, scores in enumerate(rows) if (s := score_in(scores, macro))]
    values = all_ends([s for _, s in [*shown, *others]])
    percent_scale(axes, values, f"{report['primary_measure']} (%)", upright=False)
    look = MODE_LOOKS[MACROS.index(macro)]
    marks = [Mark(s["value"], y, look, f"variant {y}", ends(s), hollow=y == 0) for y, s in shown]
    columns = [_p_values(report, macro)] if report["comparison"] else []
    bold = [1] if first and len(report["variants"]) > 1 else []
    interval_rows(axes, names if first else [""] * len(names), marks, columns, bold=bold, size=8.0)
    for y, s in others:
        axes.plot([s["value"]], [y], zorder=6, gid="seed", **SEED)
    title = macro.title.replace(", ", ",\n")
    axes.set_title(title, loc="left", fontsize=8.0, fontweight="bold", pad=14)
    axes.set_gid(macro.short)


def _p_values(report: Ablation, macro: Macro) -> Column:
    """Beside each variant but the first."""
    rows = {
        r["a"]: r
        for r in report["comparison"]["primary"]
        if (r["kind"], r["pool"]) == (macro.kind, macro.pool)
    }
    found = [rows.get(v["name"]) for v in report["variants"][1:]]
    texts = [p_text(r["p_adjusted"]) if r else "n/a" for r in found]
    bold = [r is not None and r["verdict"].endswith(" better") for r in found]
    return Column(0.55, ["", "", *texts], "adj. p", [False, False, *bold], gid="p")


def _entries(report: Ablation) -> list[Artist]:
    grey = Mark(0, 0, MODE_LOOKS[0]._replace(colour="#888888"))
    found = [grey.entry("variant"), grey.at(hollow=True).entry(UNTRAINED)]
    return [*found, *([Line2D([], [], label="other seeds", **SEED)] if _n_seeds(report) > 1 else [])]


def _n_seeds(report: Ablation) -> int:
    return max(len(v["seeds"]) for v in report["variants"])


def _notes(report: Ablation) -> list[str]:
    notes = ["Bars: 95 % CI, unadjusted, each of one model."]
    comparison: Mapping[str, Any] | None = report["comparison"]
    if comparison:
        notes.append(
            f"adj. p: paired test against the first variant ({report['variants'][0]['title']}), Holm over all pairs of "
            "variants; bold where a winner is named."
        )
        if labelled := sorted({lang for of in comparison["labels"].values() for lang in of}):
            notes.append(
                f"Tests leave out {', '.join(labelled)}, which the models were not made for; "
                "marks are over all languages."
            )
    if _n_seeds(report) > 1:
        seed = report["variants"][0]["seeds"][0]["seed"]
        notes.append(
            f"Marks, bars and tests are of seed {seed}; they hold for these trained models. How far other seeds lie "
            "apart shows what training again would change."
        )
    return notes


FIGURE = Registered(ablation, applies=lambda report: bool(report["variants"]))
