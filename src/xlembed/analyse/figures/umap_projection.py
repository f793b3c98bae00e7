"""Documents on a plane by UMAP, coloured by language: a panel per model, beside that by t-SNE."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from xlembed.analyse.figures.projection import projection
from xlembed.analyse.result import Analysis
from xlembed.show.figures.registry import Registered


def umap_projection(reports: Sequence[Analysis]) -> Figure:
    """UMAP of the same documents as in `projection`, looking the same; `reports`: of one task."""
    return projection(reports, "umap")


FIGURE = Registered(umap_projection, applies=lambda reports: all("umap" in r.maps for r in reports))
