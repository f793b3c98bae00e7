"""What did each variant forget? Spearman's rho of similarity before and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.report.curves import marker, set_ticks
from xlembed.report.danger import STS
from xlembed.report.figures.registry import Ablation, Registered
from xlembed.report.finetuning import ends
from xlembed.report.page import MARGIN, Page, line_height, text_width
from xlembed.report.style import FAINT, GRID, model_look, style, whisker

PLOT, HEIGHT = 2.6, 2.9
LEFT = 0.6
SIZE = 8.0
GAP = 0.045
"""Between neighbouring whiskers, as a share of the distance from before to after."""


def sts_slopes(report: Ablation) -> Figure:
    """A line per variant from the base model's rho to its own, named at its end.

    Args:
        report: content of report.json of an ablation.
    """
    with style():
        return _draw(report)


def _draw(report: Ablation) -> Figure:
    variants = [v for v in report["variants"] if _has(v)]
    labels = [f"{v['title']}  {v['sts']['after']['spearman']:.3f}" for v in variants]
    beside = max(text_width(label, SIZE) for label in labels) + 0.35
    page = Page(
        max(MARGIN + LEFT + PLOT + beside + MARGIN, 4.8),
        0.1 + HEIGHT + 0.4,
        "Similarity before and after training",
        [f"{report['ablation']} · Spearman on {report['sts']} · base model {report['base_slug']}"],
        [
            f"Bars: 95 % CI, unadjusted. Dashed: {STS:.2f}, the danger line of forgetting. Both texts of a pair in the "
            "document role."
        ],
    )
    axes = page.axes(MARGIN + LEFT, 0.1, PLOT, HEIGHT)
    _panel(axes, variants, labels)
    return page.figure


def _panel(axes: Axes, variants: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> None:
    found = [v["sts"][side] for v in variants for side in ("before", "after")]
    values = [x for f in found for x in (f["spearman"], *(ends(f) or ()))]
    low, high = min(values), max(values)
    air = max(0.08 * (high - low), 0.01)
    axes.set_ylim(low - air, high + air)
    axes.set_xlim(-0.12, 1.06 + GAP * len(variants))
    set_ticks(axes.yaxis, axes.get_ylim(), 6, lambda x: f"{x:.4g}")
    axes.yaxis.grid(True, color=GRID, linewidth=0.6)
    axes.set_xticks([0, 1 + GAP * (len(variants) - 1) / 2], ["before", "after"])
    axes.set_ylabel("Spearman's rho")
    if low - air < STS < high + air:
        axes.axhline(STS, color=FAINT, linewidth=0.9, linestyle=(0, (5, 4)), zorder=1, gid="danger")
    before = variants[0]["sts"]["before"]
    if (interval := ends(before)) is not None:
        whisker(axes, 0.0, interval, upright=True)
    heights = _apart([v["sts"]["after"]["spearman"] for v in variants], axes.get_ylim())
    for i, (variant, label, height) in enumerate(zip(variants, labels, heights, strict=True)):
        after, look, x = variant["sts"]["after"], model_look(i), 1 + GAP * i
        ys = [variant["sts"]["before"]["spearman"], after["spearman"]]
        axes.plot([0, x], ys, color=look.colour, linewidth=1.3, zorder=3, gid=f"slope {variant['name']}")
        if (interval := ends(after)) is not None:
            whisker(axes, x, interval, upright=True, colour=look.colour)
        axes.plot([x], [after["spearman"]], zorder=5, gid=f"after {variant['name']}", **marker(look))
        end = axes.get_xlim()[1] + 0.04
        axes.plot([x, end], [after["spearman"], height], color=FAINT, linewidth=0.5, clip_on=False, zorder=2)
        axes.text(end + 0.03, height, label, fontsize=SIZE, va="center", gid="name")
    axes.plot([0], [before["spearman"]], zorder=6, **marker(model_look(0)._replace(colour="white")))


def _apart(values: Sequence[float], limits: tuple[float, float]) -> list[float]:
    """Heights of labels in the order of their values, none nearer to another than a line of text."""
    step = line_height(SIZE) / HEIGHT * (limits[1] - limits[0])
    order = sorted(range(len(values)), key=lambda i: (values[i], -i))
    heights = [values[i] for i in order]
    for _ in range(200):  # push neighbours apart, each as far as the other
        for k in range(len(heights) - 1):
            lacking = step - (heights[k + 1] - heights[k])
            if lacking > 1e-9:
                heights[k] -= lacking / 2
                heights[k + 1] += lacking / 2
    placed = [0.0] * len(values)
    for i, height in zip(order, heights, strict=True):
        placed[i] = height
    return placed


def _has(variant: Mapping[str, Any]) -> bool:
    sts = variant["sts"]
    return bool(sts) and all(sts[side]["spearman"] is not None for side in ("before", "after"))


FIGURE = Registered(sts_slopes, applies=lambda report: any(_has(v) for v in report["variants"]))
