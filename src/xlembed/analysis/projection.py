"""Vectors on a plane, for the eye; no number is read from it."""

from __future__ import annotations

import numpy as np
from sklearn.manifold import TSNE

from xlembed.stats.layout import Floats
from xlembed.types import UserError, Vectors

MIN_POINTS = 10


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
