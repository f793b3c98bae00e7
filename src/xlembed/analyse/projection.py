"""Vectors on a plane, for the eye; no number is read from it."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from sklearn.manifold import TSNE

from xlembed.stats.layout import Floats
from xlembed.words import UserError, Vectors

MIN_POINTS = 10
UMAP_NEIGHBOURS = 15
UMAP_DISTANCE = 0.1
"""Least distance of points on the plane; both are umap-learn's defaults."""


def tsne(vectors: Vectors, perplexity: float = 30.0, seed: int = 42) -> Floats:
    """t-SNE (van der Maaten & Hinton 2008) from the first two principal components.

    Of unit vectors the squared Euclidean distance, which t-SNE uses, is 2 (1 - cosine).

    Args:
        vectors: unit vectors, float32, shape (n, dim).
        perplexity: of the neighbourhoods; lowered to (n - 1) / 3 for few points.
        seed: of the optimisation.

    Returns:
        float64, shape (n, 2), rounded to 0.001.

    Raises:
        UserError: if there are fewer than 10 points.
    """
    n = len(vectors)
    if n < MIN_POINTS:
        raise UserError(f"t-SNE needs at least {MIN_POINTS} documents, found {n}")
    method = TSNE(2, perplexity=min(perplexity, (n - 1) / 3), init="pca", random_state=seed)
    points: Floats = np.round(method.fit_transform(vectors).astype(np.float64), 3)
    return points


def require_umap() -> None:
    """Say at once what is missing, before any work.

    Raises:
        UserError: umap-learn is not installed.
    """
    if find_spec("umap") is None:
        raise UserError("analyse.umap: umap-learn is not installed; pip install 'xlembed[umap]'")


def umap(vectors: Vectors, seed: int = 42) -> Floats:
    """UMAP (McInnes, Healy & Melville 2018) by cosine.

    Args:
        vectors: unit vectors, float32, shape (n, dim).
        seed: of the optimisation, which then runs in one thread.

    Returns:
        float64, shape (n, 2), rounded to 0.001.

    Raises:
        UserError: if there are fewer than 10 points, or umap-learn is not installed.
    """
    n = len(vectors)
    if n < MIN_POINTS:
        raise UserError(f"UMAP needs at least {MIN_POINTS} documents, found {n}")
    require_umap()
    from umap import UMAP  # an extra, and it takes seconds to import

    method = UMAP(
        n_neighbors=min(UMAP_NEIGHBOURS, n - 1),
        min_dist=UMAP_DISTANCE,
        metric="cosine",
        random_state=seed,
        n_jobs=1,
    )
    points: Floats = np.round(method.fit_transform(vectors).astype(np.float64), 3)
    return points
