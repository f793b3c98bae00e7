"""How strongly an embedding space keeps languages apart: values per document, cosine-based.

All functions take unit vectors, float32 of shape (n, dim), and the language of each row as an integer code. Values per
point are computed once; intervals resample groups of points, neighbours are never searched again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_samples
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xlembed.types import UserError, Vectors

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def language_silhouette(vectors: Vectors, langs: Integers) -> Floats:
    """Silhouette of each point with its language as its cluster (Rousseeuw 1987), cosine distance.

    Returns:
        float64, shape (n,), in [-1, 1]; around 0 where languages overlap.
    """
    values: Floats = silhouette_samples(vectors, langs, metric="cosine")
    return values


def neighbourhood_purity(vectors: Vectors, langs: Integers, k: int = 10) -> Floats:
    """Share of each point's k nearest neighbours (itself left out) that are in its language.

    Equal distances at the border go to whichever exact search names first.

    Returns:
        float64, shape (n,), in [0, 1].

    Raises:
        UserError: if there are not more than k points.
    """
    if len(vectors) <= k:
        raise UserError(f"purity@{k} needs more than {k} documents, found {len(vectors)}")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    _, rows = index.search(vectors, k + 1)
    own = rows == np.arange(len(vectors))[:, None]
    # Among exact copies the point itself may not come first, or not at all: then the last one is left out.
    own[~own.any(axis=1), -1] = True
    neighbours = rows[~own].reshape(len(vectors), k)
    purity: Floats = (langs[neighbours] == langs[:, None]).mean(axis=1)
    return purity


def expected_purity(langs: Integers) -> Floats:
    """Purity of each point if languages did not matter: (points of its language - 1) / (all points - 1).

    >>> expected_purity(np.array([0, 0, 1, 1])).round(3).tolist()
    [0.333, 0.333, 0.333, 0.333]
    """
    counts = np.bincount(langs)
    expected: Floats = (counts[langs] - 1) / (len(langs) - 1)
    return expected


def language_hits(vectors: Vectors, langs: Integers, groups: Integers, folds: int = 5, seed: int = 42) -> Floats:
    """Whether a linear classifier, trained on other groups, tells each point's language.

    Multinomial logistic regression on standardised dimensions; folds by `groups`, so that translations of one text are
    never on both sides.

    Returns:
        1 or 0 per point, float64, shape (n,).

    Raises:
        UserError: if there are fewer groups than two.
    """
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise UserError("the language classifier needs at least two groups of documents")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200, random_state=seed))
    splits = GroupKFold(min(folds, n_groups), shuffle=True, random_state=seed)
    guessed = cross_val_predict(model, vectors, langs, groups=groups, cv=splits)
    hits: Floats = (guessed == langs).astype(np.float64)
    return hits


def mean_cosines(vectors: Vectors, langs: Integers, n_langs: int) -> Floats:
    """Mean cosine over all pairs of different points of two languages.

    Returns:
        float64, shape (n_langs, n_langs), symmetric; NaN where there is no pair.
    """
    sums = np.zeros((n_langs, vectors.shape[1]))
    np.add.at(sums, langs, vectors.astype(np.float64))
    counts = np.bincount(langs, minlength=n_langs).astype(np.float64)
    own = np.bincount(langs, weights=np.square(vectors.astype(np.float64)).sum(axis=1), minlength=n_langs)
    pairs = np.outer(counts, counts)
    pairs[np.diag_indices(n_langs)] -= counts
    totals = sums @ sums.T
    totals[np.diag_indices(n_langs)] -= own
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = np.where(pairs > 0, totals / pairs, np.nan)
    return means


def kmeans_silhouette(vectors: Vectors, seed: int = 42) -> float:
    """Silhouette of KMeans with two clusters, as small comparisons of models report it.

    It says how well the points fall into two clumps, whatever these are: with more than two languages it is no
    measure of language.
    """
    labels = KMeans(2, n_init=10, random_state=seed).fit_predict(vectors)
    return float(silhouette_samples(vectors, labels, metric="cosine").mean())


@dataclass(frozen=True)
class Isotropy:
    """How evenly directions are used.

    Attributes:
        mean_cosine: of random pairs of points; 0 in an isotropic space (Ethayarajh 2019).
        partition: min Z(c) / max Z(c) over the eigenvectors c of V'V, Z(c) = sum exp(c'v); 1 is isotropic
            (Mu & Viswanath 2018).
        effective_dims: exp of the entropy of the explained variances; between 1 and dim.
    """

    mean_cosine: float
    partition: float
    effective_dims: float


def isotropy(vectors: Vectors) -> Isotropy:
    """Three views of isotropy, over the points as given."""
    points = vectors.astype(np.float64)
    n = len(points)
    total = points.sum(axis=0)
    mean_cosine = (float(total @ total) - float(np.square(points).sum())) / (n * (n - 1))
    _, directions = np.linalg.eigh(points.T @ points)
    partition = np.exp(np.hstack([points @ directions, -points @ directions])).sum(axis=0)
    variances = np.linalg.eigvalsh(np.cov(points.T)).clip(min=0)
    shares = variances[variances > 0] / variances.sum()
    return Isotropy(
        mean_cosine, float(partition.min() / partition.max()), math.exp(-float((shares * np.log(shares)).sum()))
    )


def translation_cosines(vectors: Vectors, langs: Integers, groups: Sequence[str]) -> dict[tuple[int, int], Floats]:
    """Cosine of each document with its translation, per pair of languages (smaller code first).

    Args:
        groups: what the translations of one text share; a group that holds a language twice is left out there.
    """
    places: dict[str, dict[int, list[int]]] = {}
    for row, (lang, group) in enumerate(zip(langs.tolist(), groups, strict=True)):
        places.setdefault(group, {}).setdefault(lang, []).append(row)
    found: dict[tuple[int, int], list[float]] = {}
    for by_lang in places.values():
        single = sorted((lang, rows[0]) for lang, rows in by_lang.items() if len(rows) == 1)
        for i, (a, row_a) in enumerate(single):
            for b, row_b in single[i + 1 :]:
                cosine = float(vectors[row_a].astype(np.float64) @ vectors[row_b].astype(np.float64))
                found.setdefault((a, b), []).append(cosine)
    return {pair: np.array(values) for pair, values in sorted(found.items())}
