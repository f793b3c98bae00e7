"""What did each variant forget? Spearman's rho of similarity before and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.finetune.danger import STS
from xlembed.show.figures.registry import Ablation, Registered
from xlembed.show.page import Panel, Words, line_height, page
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import limits_of, scale
from xlembed.show.style import FAINT, INK, model_look
from xlembed.show.text import ends

PLOT, HEIGHT = 2.6, 2.9
SIZE = 8.0
GAP = 0.045
"""Between neighbouring whiskers, as a share of the distance from before to after."""


def sts_slopes(report: Ablation) -> Figure:
    """A line per variant from the base model's rho to its own, named at its end."""
    variants = [v for v in report["variants"] if _has(v)]
    words = Words(
        "Similarity before and after training",
        f"{report['ablation']} · Spearman on {report['sts']} · base model {report['base_slug']}",
        [
            f"Bars: 95 % CI, unadjusted. Dashed: {STS:.2f}, the danger line of forgetting. Both texts of a pair in the "
            "document role."
        ],
    )
    return page(words, [[Panel(PLOT, HEIGHT, _panel, (variants,))]], least=4.8)


def _panel(axes: Axes, variants: Sequence[Mapping[str, Any]]) -> None:
    before, afters = variants[0]["sts"]["before"], [v["sts"]["after"] for v in variants]
    found = [v["sts"][side] for v in variants for side in ("before", "after")]
    low, high = limits_of([x for f in found for x in (f["spearman"], *(ends(f) or ()))], 0.08, 0.01)
    axes.set_xlim(-0.12, 1.06 + GAP * len(variants))
    scale(axes, (low, high), "Spearman's rho", n=6, text=lambda x: f"{x:.4g}")
    axes.set_xticks([0, 1 + GAP * (len(variants) - 1) / 2], ["before", "after"])
    if low < STS < high:
        axes.axhline(STS, color=FAINT, linewidth=0.9, linestyle=(0, (5, 4)), zorder=1, gid="danger")
    heights = _apart([after["spearman"] for after in afters], (low, high))
    end = axes.get_xlim()[1] + 0.04
    for i, (variant, after, height) in enumerate(zip(variants, afters, heights, strict=True)):
        look, x, rho = model_look(i), 1 + GAP * i, after["spearman"]
        ys = [variant["sts"]["before"]["spearman"], rho]
        axes.plot([0, x], ys, color=look.colour, linewidth=1.3, zorder=3, gid=f"slope {variant['name']}")
        Mark(x, rho, look, f"after {variant['name']}", upright=ends(after), bars=look.colour).draw(axes)
        axes.plot([x, end], [rho, height], color=FAINT, linewidth=0.5, clip_on=False, zorder=2)
        axes.text(
            end + 0.03, height, f"{variant['title']}  {rho:.3f}", fontsize=SIZE, va="center", gid="name"
        )
    base = model_look(0)._replace(colour=INK)
    Mark(0, before["spearman"], base, upright=ends(before), hollow=True).draw(axes)


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
