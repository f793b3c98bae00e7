"""Documents on a plane, coloured by language: a panel per model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from xlembed.analyse.result import Analysis, Map, confounded, label_words
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.marks import Mark
from xlembed.show.style import GRID, language_look
from xlembed.show.text import percent, plain

SIDE, ALONE = 3.4, 4.6
COLUMNS = 3
LEAST = 0.6
"""Height of a panel as a share of its width, at least."""
NOTE = (
    "Distances between far points and the axes themselves mean nothing in such a map; the numbers above do."
)


def projection(reports: Sequence[Analysis], name: str = "projection") -> Figure:
    """The same documents of one task in each model's space; a language has one colour and one marker in all figures."""
    side, maps = ALONE if len(reports) == 1 else SIDE, [r.maps[name] for r in reports]
    height = side * min(1.0, max(LEAST, *map(_steepness, maps)))
    panels = [
        Panel(side, height, _panel, (r, shown, height / side)) for r, shown in zip(reports, maps, strict=True)
    ]
    languages, found = dict.fromkeys(lang for shown in maps for lang in shown.languages), maps[0]
    words = Words(
        "Documents by language",
        f"task {reports[0].task} · {_method(found)}, seed {found.seed} · "
        f"{found.per_language:,} documents per language, n = {len(found.points):,}",
        [NOTE, *confounded(reports), label_words(reports)],
    )
    legend = [Mark(0, 0, language_look(lang), size=5.5).entry(lang) for lang in languages]
    rows = [panels[i : i + COLUMNS] for i in range(0, len(panels), COLUMNS)]
    return page(words, rows, legend, place="above")


def _method(found: Map) -> str:
    """How the points were placed."""
    if found.method == "UMAP":
        return f"UMAP, {found.metric}, {found.neighbours} neighbours, least distance {found.min_distance:g}"
    return f"t-SNE, perplexity {found.perplexity:g}"


def _panel(axes: Axes, report: Analysis, shown: Map, shape: float) -> None:
    points, places = shown.points, _places(shown)
    langs = [p.lang for p in points]
    # in a seeded order, so that no language lies on top of the others
    order = np.random.default_rng(0).permutation(len(points))
    size = 20.0 if len(points) < 600 else 13.0 if len(points) < 2500 else 7.0
    for turn in np.array_split(order, min(40, len(order))):
        for lang in shown.languages:
            rows = [row for row in turn.tolist() if langs[row] == lang]
            look = language_look(lang)
            axes.scatter(
                places[rows, 0], places[rows, 1], s=size, c=look.colour, marker=look.marker, linewidths=0.2,
                edgecolors="white", gid=f"points {lang}",
            )  # fmt: skip
    centre, reach = (places.max(axis=0) + places.min(axis=0)) / 2, np.ptp(places, axis=0)
    half = 0.53 * max(reach[0], reach[1] / shape)  # one scale for both axes
    axes.set_xlim(centre[0] - half, centre[0] + half)
    axes.set_ylim(centre[1] - half * shape, centre[1] + half * shape)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(GRID)
    axes.set_gid(f"projection {report.model}")
    head(axes, report.model, *_numbers(report), wider=0.0)


def _places(shown: Map) -> NDArray[np.float64]:
    return np.array([(p.x, p.y) for p in shown.points], dtype=np.float64)


def _steepness(shown: Map) -> float:
    """Height of the cloud as a share of its width."""
    width, height = np.ptp(_places(shown), axis=0)
    return float(height / max(width, 1e-9))


def _numbers(report: Analysis) -> list[str]:
    """What says what the eye may only guess."""
    found = {of.measure.partition("@")[0]: of for of in report.separation if of.lang is None}
    if not found:
        return []
    purity, expected = found["purity"], found["expected_purity"].value
    return [
        f"purity@{purity.measure.partition('@')[2]} {percent(purity.value, 0)} % "
        f"(expected {percent(expected, 0)} %), silhouette {plain(found['silhouette'].value, 2)}"
    ]


FIGURE = Registered(projection, applies=lambda reports: all("projection" in r.maps for r in reports))
