"""Did training go well? Loss and dev metric of each stage, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.show.figures.registry import Finetuning, Registered
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.scales import set_ticks
from xlembed.show.style import GRID, INK, OKABE_ITO

WIDTH, HEIGHT = 2.3, 1.75
LOSS = OKABE_ITO[0]
DEV: dict[str, Any] = {
    "color": OKABE_ITO[4],
    "linewidth": 1.2,
    "linestyle": (0, (5, 2)),
    "marker": "s",
    "markersize": 3.6,
}
KEPT: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.3,
}
SMOOTHED = 60
"""Points of a curve above which its mean over a window is drawn too."""


def training_curves(report: Finetuning) -> Figure:
    """A column per stage: loss above, dev metric below (where a stage has one)."""
    stages = report["stages"]
    words = Words(
        f"Training of {report['recipe']}",
        f"base model {report['base_slug']} · {report['dim']} dimensions",
        ["Loss: mean since the point before. Dev data decide when to stop; they are no test data."],
    )
    legend: list[Artist] = [Line2D([], [], color=LOSS, linewidth=1.3, label="loss")]
    above = [Panel(WIDTH, HEIGHT, _loss, (stage,)) for stage in stages]
    below = [Panel(WIDTH, HEIGHT, _dev, (stage,)) if stage["dev"] else None for stage in stages]
    if any(below):
        legend += [Line2D([], [], label="dev", **DEV), Line2D([], [], label="weights that were kept", **KEPT)]
    return page(words, [above, below] if any(below) else [above], legend)


def _loss(axes: Axes, stage: Mapping[str, Any]) -> None:
    curve = [p for p in stage["curve"] if p.get("loss") is not None]
    steps, losses = [p["step"] for p in curve], [p["loss"] for p in curve]
    smooth = len(curve) > SMOOTHED
    few = len(curve) <= 2
    axes.plot(steps, losses, color=LOSS, linewidth=0.7 if smooth else 1.3, alpha=0.4 if smooth else 1.0,
              marker="o" if few else None, markersize=4, gid="loss")  # fmt: skip
    if smooth:
        axes.plot(steps, _smoothed(losses), color=LOSS, linewidth=1.5, gid="smoothed")
    _steps(axes, stage)
    axes.set_ylabel("loss")
    head(axes, f"{stage['name']}: {stage['loss']}, batch {stage['batch']:,}")
    axes.set_gid(f"loss {stage['name']}")
    if not stage["dev"]:
        axes.set_xlabel("update")


def _dev(axes: Axes, stage: Mapping[str, Any]) -> None:
    looks = stage["dev"]
    axes.plot([x["step"] for x in looks], [x["value"] for x in looks], clip_on=False, gid="dev", **DEV)
    for kept in [x for x in looks if x["step"] == stage["best_step"]][:1]:
        axes.plot([kept["step"]], [kept["value"]], clip_on=False, gid="best", **KEPT)
    _steps(axes, stage)
    axes.set_ylabel(f"dev {looks[0]['metric']}")
    axes.set_xlabel("update")
    axes.set_gid(f"dev {stage['name']}")


def _steps(axes: Axes, stage: Mapping[str, Any]) -> None:
    axes.set_xlim(0, 1.03 * max([stage["steps"], *(look["step"] for look in stage["dev"]), 1]))
    set_ticks(axes.xaxis, axes.get_xlim(), 4, lambda x: f"{x:,.0f}", whole=True)
    axes.margins(y=0.12)
    set_ticks(axes.yaxis, axes.get_ylim(), 5, lambda x: f"{x:.4g}")
    axes.grid(True, color=GRID, linewidth=0.6)


def _smoothed(values: list[float]) -> list[float]:
    """Mean of each point and its neighbours; shorter windows at the ends."""
    half = max(1, len(values) // 40)
    windows = (values[max(0, i - half) : i + half + 1] for i in range(len(values)))
    return [sum(w) / len(w) for w in windows]


FIGURE = Registered(training_curves, applies=lambda report: any(s["curve"] for s in report["stages"]))
