"""Documents on a plane by UMAP, coloured by language: a panel per model, beside that by t-SNE."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from xlembed.report.analysed import Analysis
from xlembed.report.figures.analyses.projection import projection
from xlembed.report.figures.registry import Registered


def umap_projection(reports: Sequence[Analysis]) -> Figure:
    """UMAP of the same documents as in `projection`, looking the same; `reports`: of one task."""
    return projection(reports, "umap")


FIGURE = Registered(umap_projection, applies=lambda reports: all("umap" in r.maps for r in reports))
