"""Mean cosine of languages: all pairs of documents, and translations where there are any; a row per model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.analyse.result import Analysis, PairMean, confounded, label_words
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.heat_map import colour_bar, heat_map
from xlembed.show.text import plain, plain_interval

COLOURS = "YlOrRd"
PANELS = {"cosines": "all pairs of documents", "translations": "translations only"}
MEANS = {"same": "same language", "different": "different languages", "translations": "mean of pairs"}


def cosine_matrix(reports: Sequence[Analysis]) -> Figure:
    """Heatmaps from 0 to 1, a row per model; colours of values below 0 are those of 0."""
    shown = [key for key in PANELS if any(_means(r, key) for r in reports)]
    n = max(len(r.sample.languages) for r in reports)
    side = min(max(2.5, 0.5 * n), max(4.4, 0.42 * n))
    bar = colour_bar(COLOURS, side, ("0.00", "0.25", "0.50", "0.75", "1.00"))
    panels = [[*(Panel(side, side, _panel, (r, key)) for key in shown), bar] for r in reports]
    sample = reports[0].sample
    words = Words(
        f"Mean cosine by language: {', '.join(r.model for r in reports)}",
        f"task {reports[0].task} · {sample.per_language:,} documents per language, {sample.n_groups:,} groups",
        _notes(reports, len(shown)),
    )
    return page(words, panels)


def _means(report: Analysis, key: str) -> list[PairMean]:
    return report.translations if key == "translations" else report.cosines


def _panel(axes: Axes, report: Analysis, key: str) -> None:
    languages, rows = report.sample.languages, _means(report, key)
    found = {(row.a, row.b): row.value for row in rows}
    values = [[found.get((a, b), found.get((b, a), np.nan)) for b in languages] for a in languages]
    names = [f"{lang}*" if lang in report.labels else lang for lang in languages]
    cell = axes.get_window_extent().width / axes.figure.dpi / len(languages)
    digits, size = (2, 8.5) if cell > 0.36 else (1, 7.0)
    heat_map(axes, np.array(values), names, languages, lambda x: plain(x, digits), colours=COLOURS, size=size)
    axes.set_gid(f"{report.model} {key}")
    means = [row for name in MEANS for row in rows if row.a == name and row.b is None]
    head(
        axes,
        f"{report.model}: {PANELS[key]}",
        *(f"{MEANS[r.a]}: {plain(r.value)} {plain_interval(r.interval)}" for r in means),
    )


def _notes(reports: Sequence[Analysis], n_panels: int) -> list[str]:
    notes = ["Diagonal: different documents of one language. [95 % CI], unadjusted, groups resampled."]
    if n_panels > 1:
        notes.append(
            "A space that ignores languages has one shade on the left, and a much darker right panel."
        )
    labels = label_words(reports)
    return [*notes, *confounded(reports), f"* {labels}" if labels else ""]


FIGURE = Registered(cosine_matrix, applies=lambda reports: all(r.cosines for r in reports))
