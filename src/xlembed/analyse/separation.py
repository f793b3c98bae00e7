"""How strongly an embedding space keeps languages apart: values per document, cosine-based.

All functions take unit vectors, float32 of shape (n, dim), and the language of each row as a code from 0. Values per
point are computed once; intervals resample groups of points, neighbours are never searched again.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xlembed.stats.layout import Floats, Ints
from xlembed.words import UserError, Vectors

ROUNDING = 1e-6
"""Cosines this close are equal."""
BLOCK_CELLS = 2**24
"""Cosines that are in memory at one time."""


def cosine_silhouette(vectors: Vectors, labels: Ints) -> Floats:
    """Silhouette of each point with its label as its cluster (Rousseeuw 1987), distance 1 - cosine.

    The mean distance to a cluster of unit vectors is 1 - v·(their mean), so no pair of points is looked at.

    Returns:
        float64, shape (n,), in [-1, 1]; 0 for the only point of a cluster.

    Raises:
        ValueError: if there are fewer than two clusters.

    >>> v = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> cosine_silhouette(v, np.array([0, 0, 1, 1])).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    codes = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(codes).astype(np.float64)
    if len(counts) < 2:
        raise ValueError("a silhouette needs at least two clusters")
    points = vectors.astype(np.float64)
    sums = np.zeros((len(counts), points.shape[1]))
    np.add.at(sums, codes, points)
    distances = 1 - points @ (sums / counts[:, None]).T
    rows = np.arange(len(points))
    own_count = counts[codes]
    # the point itself is at distance 0, so only the divisor changes
    within = distances[rows, codes] * own_count / np.maximum(own_count - 1, 1)
    distances[rows, codes] = np.inf
    between = distances.min(axis=1)
    larger = np.maximum(within, between)
    apart = (own_count > 1) & (larger > 1e-12)
    values: Floats = np.where(apart, (between - within) / np.where(apart, larger, 1.0), 0.0)
    return values


def neighbourhood_purity(vectors: Vectors, langs: Ints, k: int = 10) -> Floats:
    """Share of each point's k nearest neighbours (itself left out) that are in its language.

    Neighbours equally near at the border (to 1e-6) share the places left, so their order decides nothing.

    Returns:
        float64, shape (n,), in [0, 1].

    Raises:
        UserError: if there are not more than k points.
    """
    n = len(vectors)
    if n <= k:
        raise UserError(
            f"purity@{k} needs more than {k} documents in the sample, found {n}: ask for fewer neighbours"
        )
    purity = np.empty(n)
    size = max(1, BLOCK_CELLS // n)
    for start in range(0, n, size):
        block = slice(start, min(start + size, n))
        cosines = vectors[block] @ vectors.T
        rows = np.arange(block.stop - block.start)
        cosines[rows, rows + start] = -np.inf
        border = np.partition(cosines, n - k, axis=1)[:, n - k, None]
        same = langs[block, None] == langs[None, :]
        purity[block] = _share_among_nearest(cosines, border, same, k)
    return purity


def _share_among_nearest(cosines: Vectors, border: Vectors, same: np.ndarray, k: int) -> Floats:
    above = cosines > border + ROUNDING
    at_border = (cosines >= border - ROUNDING) & ~above
    places = k - above.sum(axis=1)
    tied = at_border.sum(axis=1)
    share: Floats = ((above & same).sum(axis=1) + places * (at_border & same).sum(axis=1) / tied) / k
    return share


def expected_purity(langs: Ints) -> Floats:
    """Purity of each point if languages did not matter: (points of its language - 1) / (all points - 1).

    >>> expected_purity(np.array([0, 0, 1, 1])).round(3).tolist()
    [0.333, 0.333, 0.333, 0.333]
    """
    counts = np.bincount(langs)
    expected: Floats = (counts[langs] - 1) / (len(langs) - 1)
    return expected


def language_hits(vectors: Vectors, langs: Ints, groups: Ints, folds: int = 5, seed: int = 42) -> Floats:
    """Whether a linear classifier, trained on other groups, tells each point's language.

    Multinomial logistic regression on standardised dimensions, strongly regularised (C = 0.01), since there
    may be fewer rows than dimensions. Folds by `groups`, so that translations of one text are never on both sides.

    Args:
        vectors: float32, shape (n, dim).
        langs: of each row.
        groups: of each row, as numbers.
        folds: at most so many; as many as there are groups if these are fewer.
        seed: of the folds.

    Returns:
        1 or 0 per point, float64, shape (n,).

    Raises:
        UserError: if there are fewer than two groups, or all rows of a language are in one group.
    """
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise UserError("the language classifier needs at least two groups of documents")
    splits = list(
        GroupKFold(min(folds, n_groups), shuffle=True, random_state=seed).split(vectors, langs, groups)
    )
    for train, _ in splits:
        if len(np.unique(langs[train])) < len(np.unique(langs)):
            raise UserError(
                "the language classifier cannot be cross-validated: a language has all its documents in one fold. "
                "Groups must hold several languages, or a language several groups."
            )
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300, tol=1e-3))
    guessed = cross_val_predict(model, vectors, langs, cv=splits)
    hits: Floats = (guessed == langs).astype(np.float64)
    return hits


def kmeans_silhouette(vectors: Vectors, seed: int = 42) -> float:
    """Silhouette of KMeans with two clusters, as small comparisons of models report it.

    It says how well the points fall into two clumps, whatever these are: with more than two languages it is no
    measure of language.

    Raises:
        ValueError: if all points are the same.
    """
    labels = KMeans(2, n_init=10, random_state=seed).fit_predict(vectors)
    return float(cosine_silhouette(vectors, labels.astype(np.int64)).mean())
