"""What do shorter vectors cost? Quality, bytes and search time of models cut to fewer dimensions."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.show.curves import Rows, all_ends, mode_curves
from xlembed.show.figures.registry import Ablation, Registered
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.curves import Curve, curves
from xlembed.show.shapes.scales import log2_scale, percent_scale, scale
from xlembed.show.style import model_look

WIDTH, HEIGHT = 2.9, 2.5


def dimension_curve(report: Ablation) -> Figure:
    """A panel of quality per model that was cut, and one of the time of a search for all of them."""
    rows, timing = report["dimensions"], report["timing"]
    titles = {v["name"]: v["title"] for v in report["variants"]}
    names = list(dict.fromkeys(r["variant"] for r in rows))
    panels = [Panel(WIDTH, HEIGHT, _quality, (report, name, titles[name])) for name in names]
    panels.append(Panel(WIDTH, HEIGHT, _times, (rows, names)))
    legend = [
        c.entry(title) for title, c in mode_curves([0.0] * len(rows), [r["scores"] for r in rows]).items()
    ]
    if len(names) > 1:
        legend += [c.entry(f"{titles[name]} (time)") for name, c in _time_curves(rows, names).items()]
    words = Words(
        "Vectors cut to fewer dimensions",
        f"{report['ablation']} · task {report['task']}, {timing['documents']:,} documents · "
        f"{report['storage_dtype']} vectors",
        [
            "Bars of quality: 95 % CI, unadjusted.",
            f"Time: one query at a time against all documents, exact search, the {timing['k']} nearest, without "
            f"encoding the query; median over {timing['repeats']} rounds of {timing['queries']:,} queries, bars: "
            f"fastest and slowest round. It is of this machine ({timing['machine']}) and of this number of documents.",
        ],
    )
    return page(words, [panels], legend)


def _quality(axes: Axes, report: Ablation, name: str, title: str) -> None:
    rows = report["dimensions"]
    mine = [r for r in rows if r["variant"] == name]
    _dims(axes, rows)
    ends = all_ends([s for r in rows for s in r["scores"]])
    percent_scale(axes, ends, f"{report['primary_measure']} (%)")
    lines = mode_curves([math.log2(r["dim"]) for r in mine], [r["scores"] for r in mine])
    curves(axes, list(lines.values()))
    head(axes, title)
    axes.set_gid(f"quality {name}")


def _times(axes: Axes, rows: Rows, names: list[str]) -> None:
    _dims(axes, rows)
    curves(axes, list(_time_curves(rows, names).values()))
    top = 1.08 * max(r["ms"]["high"] for r in rows)
    scale(axes, (0, top), "milliseconds per query", n=6, text=lambda x: f"{x:.4g}")
    axes.xaxis.grid(False)
    head(axes, "time of a search")
    axes.set_gid("times")


def _time_curves(rows: Rows, names: list[str]) -> dict[str, Curve]:
    """Models have other colours than modes; one model alone is grey."""
    found = {}
    for i, name in enumerate(names):
        mine = sorted((r for r in rows if r["variant"] == name), key=lambda r: r["dim"])
        points = [(math.log2(r["dim"]), r["ms"]["median"], (r["ms"]["low"], r["ms"]["high"])) for r in mine]
        look = model_look(0)._replace(colour="#666666") if len(names) == 1 else model_look(i + 2)
        found[name] = Curve(look, points, (f"times {name}", f"time {name}"))
    return found


def _dims(axes: Axes, rows: Rows) -> None:
    sizes = {r["dim"]: r["bytes"] for r in rows}
    texts = [f"{d}\n{sizes[d]:,} B" for d in sorted(sizes)]
    log2_scale(axes, sorted(sizes), texts, "dimensions, bytes per vector")


FIGURE = Registered(dimension_curve, applies=lambda report: len({r["dim"] for r in report["dimensions"]}) > 1)
