"""Mean cosine of languages: all pairs of documents, and translations where there are any; a row per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xlembed.report.analysed import label_words
from xlembed.report.figures.registry import Analysis, Registered
from xlembed.report.page import MARGIN, Page, line_height, text_width, wrap
from xlembed.report.style import GRID, INK, MISSING, ink_on, style
from xlembed.report.text import plain, plain_interval
from xlembed.types import Lang

COLOURS = "YlOrRd"
PANELS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("cosines", "all pairs of documents", ("same", "different")),
    ("translations", "translations only", ("translations",)),
)
MEANS = {"same": "same language", "different": "different languages", "translations": "mean of pairs"}
SIZE = 8.5


def cosine_matrix(reports: Sequence[Analysis]) -> Figure:
    """Heatmaps from 0 to 1, a row per model; colours of values below 0 are those of 0.

    Args:
        reports: contents of analysis.json, of one task.
    """
    with style():
        return _draw(reports)


def _draw(reports: Sequence[Analysis]) -> Figure:
    panels = [panel for panel in PANELS if any(r[panel[0]] for r in reports)]
    n = max(len(r["sample"]["languages"]) for r in reports)
    names = [_marked(r, lang) for r in reports for lang in r["sample"]["languages"]]
    side = min(max(2.5, 0.5 * n), max(4.4, 0.42 * n))
    labels = max(text_width(name, 8.0) for name in names)
    left, between = MARGIN + 0.12 + labels, 0.45 + labels
    titles = [[_title(r, *panel, room=side + between - 0.2) for panel in panels] for r in reports]
    for row in titles:  # first lines side by side
        for lines in row:
            lines += [("", "normal")] * (max(map(len, row)) - len(lines))
    heads = [len(row[0]) * line_height(SIZE) + 0.08 for row in titles]
    step = [head + side + 0.42 for head in heads]
    page = Page(
        left + len(panels) * side + (len(panels) - 1) * between + 0.75,
        sum(step),
        f"Mean cosine by language: {', '.join(r['model'] for r in reports)}",
        [f"task {reports[0]['task']} · {_counts(reports)}"],
        _notes(reports, len(panels)),
    )
    norm = Normalize(0, 1)
    top = 0.0
    for r, (report, head) in enumerate(zip(reports, heads, strict=True)):
        for i, (key, *_) in enumerate(panels):
            axes = page.axes(left + i * (side + between), top + head, side, side)
            _panel(axes, report, key, norm, side / n)
            _write_title(axes, titles[r][i], side)
        bar = page.axes(
            left + len(panels) * side + (len(panels) - 1) * between + 0.12, top + head, 0.13, side
        )
        colorbar = page.figure.colorbar(ScalarMappable(norm, COLOURS), cax=bar)
        colorbar.set_ticks([0, 0.25, 0.5, 0.75, 1])
        colorbar.outline.set_linewidth(0.5)
        top += step[r]
    return page.figure


def _panel(axes: Axes, report: Analysis, key: str, norm: Normalize, cell: float) -> None:
    languages = report["sample"]["languages"]
    values = _values(report[key], languages)
    colours = mpl.colormaps[COLOURS]
    digits, size = (2, 8.5) if cell > 0.36 else (1, 7.0)
    for row in range(len(languages)):
        for column in range(len(languages)):
            value, corner = values[row, column], (column - 0.5, row - 0.5)
            if np.isnan(value):
                axes.add_patch(Rectangle(corner, 1, 1, gid="missing", **MISSING))
                continue
            face = colours(norm(value))
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=face, edgecolor=GRID, linewidth=0.6, gid="cell"))
            axes.text(
                column,
                row,
                plain(value, digits),
                ha="center",
                va="center",
                fontsize=size,
                color=ink_on(face),
                gid=f"{languages[row]}>{languages[column]}",
            )
    axes.set_xlim(-0.5, len(languages) - 0.5)
    axes.set_ylim(len(languages) - 0.5, -0.5)
    names = [_marked(report, lang) for lang in languages]
    axes.set_xticks(range(len(languages)), names)
    axes.set_yticks(range(len(languages)), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_gid(f"{report['model']} {key}")


def _values(rows: Sequence[Mapping[str, object]], languages: Sequence[Lang]) -> np.ndarray:
    """Symmetric, shape (n, n); NaN where there is no pair."""
    found = {(row["a"], row["b"]): float(str(row["value"])) for row in rows}
    values = np.full((len(languages), len(languages)), np.nan)
    for i, a in enumerate(languages):
        for j, b in enumerate(languages):
            values[i, j] = found.get((a, b), found.get((b, a), np.nan))
    return values


def _title(
    report: Analysis, key: str, title: str, means: Sequence[str], room: float
) -> list[tuple[str, str]]:
    """Lines and their weights: the model and what is compared, then the means with their intervals."""
    lines = [(line, "bold") for line in wrap(f"{report['model']}: {title}", room, SIZE, "bold")]
    found = {row["a"]: row for row in report[key] if row["b"] is None}
    for name in means:
        if row := found.get(name):
            ends = None if row["ci_low"] is None else (row["ci_low"], row["ci_high"])
            words = f"{MEANS[name]}: {plain(row['value'])} {plain_interval(ends)}"
            lines += [(line, "normal") for line in wrap(words, room, SIZE)]
    return lines


def _write_title(axes: Axes, lines: list[tuple[str, str]], side: float) -> None:
    for i, (text, weight) in enumerate(reversed(lines)):
        y = 1 + (0.07 + i * line_height(SIZE)) / side
        axes.text(
            0, y, text, transform=axes.transAxes, fontsize=SIZE, fontweight=weight, va="bottom", color=INK
        )


def _marked(report: Analysis, lang: Lang) -> str:
    return f"{lang}*" if lang in report["labels"] else lang


def _counts(reports: Sequence[Analysis]) -> str:
    sample = reports[0]["sample"]
    return f"{sample['per_language']:,} documents per language, {sample['n_groups']:,} groups"


def _notes(reports: Sequence[Analysis], n_panels: int) -> list[str]:
    notes = ["Diagonal: different documents of one language. [95 % CI], unadjusted, groups resampled."]
    if n_panels > 1:
        notes.append(
            "A space that ignores languages has one shade on the left, and a much darker right panel."
        )
    if any(r["topic_confounded"] for r in reports):
        notes.append("Topic confounded: documents of different languages are different texts here.")
    labels = label_words(reports)
    return [*notes, f"* {labels}" if labels else ""]


FIGURE = Registered(cosine_matrix, applies=lambda reports: all(r["cosines"] for r in reports))
