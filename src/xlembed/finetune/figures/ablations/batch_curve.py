"""Do larger batches find better? Quality over the batch size of variants that differ in it."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.show.curves import all_ends, mode_curves
from xlembed.show.figures.registry import Ablation, Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.curves import curves
from xlembed.show.shapes.scales import log2_scale, percent_scale

WIDTH, HEIGHT = 4.0, 2.6


def batch_curve(report: Ablation) -> Figure:
    """A line per mode over the batch size."""
    variants = sorted(report["variants"], key=lambda v: v["batch"])
    batches, scores = [v["batch"] for v in variants], [v["scores"] for v in variants]
    lines = mode_curves([math.log2(b) for b in batches], scores)

    def draw(axes: Axes) -> None:
        log2_scale(axes, batches, [f"{b:,}" for b in batches], "rows per batch")
        ends = all_ends([s for of in scores for s in of])
        percent_scale(axes, ends, f"{report['primary_measure']} (%)")
        curves(axes, list(lines.values()))

    words = Words(
        f"{report['primary_measure']} by batch size",
        f"{report['ablation']} · recipe {report['recipe']} · task {report['task']}",
        [
            "Batch of the last contrastive stage. Bars: 95 % CI, unadjusted, each of one model. With equal epochs a "
            "larger batch makes fewer updates, so this shows both together."
        ],
    )
    return page(words, [[Panel(WIDTH, HEIGHT, draw)]], [line.entry(title) for title, line in lines.items()])


def _applies(report: Ablation) -> bool:
    """Only if the batch is all that differs."""
    batches = [v["batch"] for v in report["variants"]]
    changed = {place for v in report["variants"] for place in v["changes"]}
    same_stages = len({tuple(v["stages"]) for v in report["variants"]}) == 1
    only_batch = all(place.startswith("stages.") and place.endswith(".batch") for place in changed)
    return None not in batches and len(set(batches)) == len(batches) > 1 and same_stages and only_batch


FIGURE = Registered(batch_curve, applies=_applies)
