"""Which variant of a recipe is best? The primary measure of each in every mode, with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.report.curves import (
    LEGEND_ROW,
    all_ends,
    draw_legend,
    legend_rows,
    marker,
    percent_axis,
    present,
    score_in,
)
from xlembed.report.figures.registry import Ablation, Registered
from xlembed.report.finetuning import ends
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.scorebook import MACROS, Macro
from xlembed.report.style import FAINT, INK, MODE_LOOKS, style, whisker
from xlembed.report.text import p_text

PLOT, BESIDE = 1.75, 0.72
ROW = 0.27
HEAD, FOOT = 0.62, 0.5
SIZE = 7.5
UNTRAINED = "base model, not trained"


def ablation(report: Ablation) -> Figure:
    """A panel per mode, a row per variant: value with interval, other seeds, adjusted p against the first variant.

    Args:
        report: content of report.json of an ablation.
    """
    with style():
        return _draw(report)


def _draw(report: Ablation) -> Figure:
    variants = report["variants"]
    names = [UNTRAINED, *(v["title"] for v in variants)]
    macros = present([r for v in variants for r in v["scores"]])
    left = MARGIN + max(text_width(n, 8.0, "bold") for n in names) + 0.15
    width = max(left + len(macros) * (PLOT + BESIDE), 5.0)
    height = len(names) * ROW
    entries = _handles(report)
    _, rows = legend_rows(entries, width)
    page = Page(
        width,
        HEAD + height + FOOT + rows * LEGEND_ROW,
        report["title"],
        [f"recipe {report['recipe']} · task {report['task']} · base model {report['base_slug']}"],
        _notes(report),
    )
    for i, macro in enumerate(macros):
        axes = page.axes(left + i * (PLOT + BESIDE), HEAD, PLOT, height)
        _panel(axes, report, macro)
        axes.set_yticks(range(len(names)), names if i == 0 else [""] * len(names))
        if i == 0 and len(variants) > 1:
            axes.get_yticklabels()[1].set_fontweight("bold")
    draw_legend(page, entries, HEAD + height + FOOT)
    return page.figure


def _panel(axes: Axes, report: Ablation, macro: Macro) -> None:
    rows = [report["base"]["scores"], *(v["scores"] for v in report["variants"])]
    seeds = [[s["scores"] for s in v["seeds"][1:]] for v in report["variants"]]
    others = [s for of in seeds for scores in of if (s := score_in(scores, macro))]
    shown = [s for scores in rows if (s := score_in(scores, macro))]
    percent_axis(axes, all_ends([*shown, *others]), report["primary_measure"], upright=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for y in range(0, len(rows), 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#f5f5f5", linewidth=0, zorder=0)
    look = MODE_LOOKS[MACROS.index(macro)]
    for y, scores in enumerate(rows):
        score = score_in(scores, macro)
        if score is None:
            continue
        if (interval := ends(score)) is not None:
            whisker(axes, y, interval, upright=False)
        for other in [s for of in (seeds[y - 1] if y else []) if (s := score_in(of, macro))]:
            axes.plot([other["value"]], [y], zorder=6, gid="seed", **_seed())
        axes.plot([score["value"]], [y], zorder=5, gid=f"variant {y}", **marker(look, hollow=y == 0))
    axes.set_title(macro.title.replace(", ", ",\n"), loc="left", fontsize=8.0, fontweight="bold", pad=14)
    if report["comparison"]:
        _p_values(axes, report, macro)
    axes.set_gid(macro.short)


def _p_values(axes: Axes, report: Ablation, macro: Macro) -> None:
    """Beside each variant but the first."""
    place = axes.get_yaxis_transform()
    right = 1 + 0.55 / PLOT
    for y, variant in enumerate(report["variants"][1:], 2):
        found = [
            r
            for r in report["comparison"]["primary"]
            if (r["a"], r["kind"], r["pool"]) == (variant["name"], macro.kind, macro.pool)
        ]
        text = p_text(found[0]["p_adjusted"]) if found else "n/a"
        bold = bool(found) and found[0]["verdict"].endswith(" better")
        axes.text(right, y, text, transform=place, fontsize=SIZE, ha="right", va="center",
                  fontweight="bold" if bold else "normal", gid="p")  # fmt: skip
    axes.text(right, -0.62, "adj. p", transform=place, fontsize=6.5, color=FAINT, ha="right", va="bottom")


def _seed() -> dict[str, Any]:
    return {"linestyle": "", "marker": "|", "markersize": 8, "markeredgecolor": INK, "markeredgewidth": 1.1}


def _handles(report: Ablation) -> list[Artist]:
    look = MODE_LOOKS[0]._replace(colour="#888888")
    found: list[Artist] = [
        Line2D([], [], label="variant", **marker(look)),
        Line2D([], [], label=UNTRAINED, **marker(look, hollow=True)),
    ]
    if _n_seeds(report) > 1:
        found.append(Line2D([], [], label="other seeds", **_seed()))
    return found


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
