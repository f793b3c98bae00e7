"""Documents on a plane by UMAP, coloured by language: a panel per model, beside that by t-SNE."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from xlembed.report.figures.analyses.projection import draw_map
from xlembed.report.figures.registry import Analysis, Registered


def umap_projection(reports: Sequence[Analysis]) -> Figure:
    """UMAP of the same documents as in `projection`, looking the same.

    Args:
        reports: contents of analysis.json with ``umap``, of one task.
    """
    return draw_map([{**report, "projection": report["umap"]} for report in reports])


FIGURE = Registered(umap_projection, applies=lambda reports: all(r.get("umap") is not None for r in reports))
