"""Do larger batches find better? Quality over the batch size of variants that differ in it."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from xlembed.report.curves import (
    LEGEND_ROW,
    all_ends,
    draw_legend,
    legend_rows,
    mode_handles,
    mode_lines,
    percent_axis,
    present,
)
from xlembed.report.figures.registry import Ablation, Registered
from xlembed.report.page import MARGIN, Page
from xlembed.report.style import style

WIDTH, HEIGHT = 4.0, 2.6
LEFT = 0.6


def batch_curve(report: Ablation) -> Figure:
    """A line per mode over the batch size.

    Args:
        report: content of report.json of an ablation.
    """
    with style():
        return _draw(report)


def _draw(report: Ablation) -> Figure:
    variants = sorted(report["variants"], key=lambda v: v["batch"])
    rows = [s for v in variants for s in v["scores"]]
    entries = mode_handles(present(rows))
    width = MARGIN + LEFT + WIDTH + 0.25
    _, legend = legend_rows(entries, width)
    page = Page(
        width,
        0.1 + HEIGHT + 0.5 + legend * LEGEND_ROW,
        f"{report['primary_measure']} by batch size",
        [f"{report['ablation']} · recipe {report['recipe']} · task {report['task']}"],
        [
            "Batch of the last contrastive stage. Bars: 95 % CI, unadjusted, each of one model. With equal epochs a "
            "larger batch makes fewer updates, so this shows both together."
        ],
    )
    axes = page.axes(MARGIN + LEFT, 0.1, WIDTH, HEIGHT)
    places = [math.log2(v["batch"]) for v in variants]
    axes.set_xlim(min(places) - 0.35, max(places) + 0.35)
    axes.set_xticks(places, [f"{v['batch']:,}" for v in variants])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("rows per batch")
    percent_axis(axes, all_ends(rows), report["primary_measure"])
    mode_lines(axes, places, [v["scores"] for v in variants])
    draw_legend(page, entries, 0.1 + HEIGHT + 0.5)
    return page.figure


def _applies(report: Ablation) -> bool:
    """Only if the batch is all that differs."""
    batches = [v["batch"] for v in report["variants"]]
    changed = {place for v in report["variants"] for place in v["changes"]}
    same_stages = len({tuple(v["stages"]) for v in report["variants"]}) == 1
    only_batch = all(place.startswith("stages.") and place.endswith(".batch") for place in changed)
    return None not in batches and len(set(batches)) == len(batches) > 1 and same_stages and only_batch


FIGURE = Registered(batch_curve, applies=_applies)
