"""Documents on a plane, coloured by language: a panel per model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from xlembed.report.analysed import label_words
from xlembed.report.figures.registry import Analysis, Registered
from xlembed.report.page import MARGIN, Page, line_height, wrap
from xlembed.report.style import GRID, INK, language_look, style
from xlembed.report.text import percent, plain
from xlembed.types import Lang

SIDE, ALONE, BETWEEN = 3.4, 4.6, 0.25
COLUMNS = 3
LEAST = 0.6
"""Height of a panel as a share of its width, at least."""
SIZE = 8.5


def projection(reports: Sequence[Analysis]) -> Figure:
    """t-SNE of the same documents in each model's space; a language has one colour and one marker in all figures.

    Args:
        reports: contents of analysis.json with ``projection``, of one task.
    """
    return draw_map(reports)


def draw_map(reports: Sequence[Analysis]) -> Figure:
    """A panel per model.

    Args:
        reports: as in `projection`; what is under ``projection`` is drawn, however it was made.
    """
    with style():
        return _draw(reports)


def _draw(reports: Sequence[Analysis]) -> Figure:
    columns = min(len(reports), COLUMNS)
    rows = math.ceil(len(reports) / columns)
    side = ALONE if len(reports) == 1 else SIDE
    titles = [_title(r, side) for r in reports]
    head = max(map(len, titles)) * line_height(SIZE) + 0.1
    languages = list(dict.fromkeys(lang for r in reports for lang in r["projection"]["languages"]))
    width = 2 * MARGIN + columns * side + (columns - 1) * BETWEEN
    per_row = max(1, int((width - 2 * MARGIN) / 0.6))
    legend = 0.1 + 0.2 * math.ceil(len(languages) / per_row)
    height = side * min(1.0, max(LEAST, *(_steepness(r) for r in reports)))
    found = reports[0]["projection"]
    page = Page(
        width,
        legend + rows * (head + height + 0.12),
        "Documents by language",
        [
            f"task {reports[0]['task']} · {_method(found)}, seed {found['seed']} · "
            f"{found['per_language']:,} documents per language, n = {len(found['points']):,}"
        ],
        _notes(reports),
    )
    for i, report in enumerate(reports):
        row, column = divmod(i, columns)
        top = legend + row * (head + height + 0.12) + head
        axes = page.axes(MARGIN + column * (side + BETWEEN), top, side, height)
        _panel(axes, report, height / side)
        _write_title(axes, titles[i], height)
    _legend(page.axes(MARGIN, 0, width - 2 * MARGIN, legend), languages, per_row)
    return page.figure


def _method(found: Mapping[str, Any]) -> str:
    """How the points were placed."""
    if found.get("method") == "UMAP":
        return f"UMAP, {found['metric']}, {found['neighbours']} neighbours, least distance {found['min_distance']:g}"
    return f"t-SNE, perplexity {found['perplexity']:g}"


def _panel(axes: Axes, report: Analysis, shape: float) -> None:
    points, places = report["projection"]["points"], _places(report)
    langs = [p["lang"] for p in points]
    # in a seeded order, so that no language lies on top of the others
    order = np.random.default_rng(0).permutation(len(points))
    size = 20.0 if len(points) < 600 else 13.0 if len(points) < 2500 else 7.0
    turns = np.array_split(order, min(40, len(order)))
    for turn in turns:
        for lang in report["projection"]["languages"]:
            rows = [row for row in turn.tolist() if langs[row] == lang]
            look = language_look(lang)
            axes.scatter(
                places[rows, 0],
                places[rows, 1],
                s=size,
                c=look.colour,
                marker=look.marker,
                linewidths=0.2,
                edgecolors="white",
                gid=f"points {lang}",
            )
    centre, reach = (places.max(axis=0) + places.min(axis=0)) / 2, np.ptp(places, axis=0)
    half = 0.53 * max(reach[0], reach[1] / shape)  # one scale for both axes
    axes.set_xlim(centre[0] - half, centre[0] + half)
    axes.set_ylim(centre[1] - half * shape, centre[1] + half * shape)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(GRID)
    axes.set_gid(f"projection {report['model']}")


def _places(report: Analysis) -> NDArray[np.float64]:
    return np.array([(p["x"], p["y"]) for p in report["projection"]["points"]], dtype=np.float64)


def _steepness(report: Analysis) -> float:
    """Height of the cloud as a share of its width."""
    width, height = np.ptp(_places(report), axis=0)
    return float(height / max(width, 1e-9))


def _title(report: Analysis, side: float) -> list[tuple[str, str]]:
    """The model, and the numbers that say what the eye may only guess."""
    lines = [(line, "bold") for line in wrap(report["model"], side, SIZE, "bold")]
    found = {row["measure"].partition("@")[0]: row for row in report["separation"] if row["lang"] is None}
    if found:
        k = next(
            r["measure"].partition("@")[2] for r in report["separation"] if r["measure"].startswith("purity@")
        )
        purity, expected = found["purity"]["value"], found["expected_purity"]["value"]
        words = (
            f"purity@{k} {percent(purity, 0)} % (expected {percent(expected, 0)} %), "
            f"silhouette {plain(found['silhouette']['value'], 2)}"
        )
        lines += [(line, "normal") for line in wrap(words, side, SIZE)]
    return lines


def _write_title(axes: Axes, lines: list[tuple[str, str]], height: float) -> None:
    for i, (text, weight) in enumerate(reversed(lines)):
        y = 1 + (0.06 + i * line_height(SIZE)) / height
        axes.text(
            0, y, text, transform=axes.transAxes, fontsize=SIZE, fontweight=weight, va="bottom", color=INK
        )


def _legend(axes: Axes, languages: Sequence[Lang], per_row: int) -> None:
    axes.set_axis_off()
    handles = []
    for lang in languages:
        look = language_look(lang)
        handles.append(
            Line2D([], [], linestyle="", marker=look.marker, color=look.colour, markersize=5.5, label=lang)
        )
    axes.legend(
        handles=handles,
        ncols=min(len(languages), per_row),
        loc="upper left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0,
        borderpad=0,
        handlelength=1.0,
        handletextpad=0.3,
        columnspacing=1.2,
        labelspacing=0.4,
    )


def _notes(reports: Sequence[Analysis]) -> list[str]:
    notes = [
        "Distances between far points and the axes themselves mean nothing in such a map; the numbers above do."
    ]
    if any(r["topic_confounded"] for r in reports):
        notes.append("Topic confounded: documents of different languages are different texts here.")
    return [*notes, label_words(reports)]


FIGURE = Registered(projection, applies=lambda reports: all(r.get("projection") is not None for r in reports))
