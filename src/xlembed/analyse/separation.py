"""How strongly an embedding space keeps languages apart, and how evenly it uses its directions.

All functions take unit vectors, float32 of shape (n, dim), and the language of each row as a code from 0. Values per
point are computed once, from cosines; intervals resample groups of points, neighbours are never searched again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xlembed.analyse.points import BLOCK_CELLS, SAME, Points, estimate, sample_points
from xlembed.analyse.result import Clumps, LanguageMean, Space
from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.models.spec import ModelRef
from xlembed.settings import AnalyseSettings
from xlembed.stats.evaluation import number_json
from xlembed.stats.layout import Floats, Ints
from xlembed.stats.scores import Score
from xlembed.words import Lang, UserError, Vectors
from xlembed.workspace import Workspace

K = 10
"""Neighbours that S looks at."""
KMEANS_NOTE = (
    "silhouette_kmeans says how well documents fall into two clumps, whatever these are; with more than two languages "
    "it is no measure of language."
)


def separation_section(points: Points, settings: AnalyseSettings) -> tuple[list[LanguageMean], list[str]]:
    """Every measure over and in each language; notes on what is left out."""
    vectors, langs, languages = points.vectors, points.sample.langs, points.sample.languages
    if len(languages) < 2:
        return [], ["One language in the sample: there is nothing to separate."]
    k = settings.neighbours
    purity, expected = neighbourhood_purity(vectors, langs, k), expected_purity(langs)
    columns = {
        "silhouette": cosine_silhouette(vectors, langs),
        f"purity@{k}": purity,
        f"expected_purity@{k}": expected,
        f"purity_excess@{k}": purity - expected,
    }
    notes = []
    groups = np.unique(np.array(points.groups), return_inverse=True)[1]
    try:
        hits = language_hits(vectors, langs, groups, settings.folds, settings.sampling_seed)
        columns["language_accuracy"] = hits
    except UserError as error:
        notes.append(str(error))
    binary = [name == "language_accuracy" for name in columns]
    values = np.stack(list(columns.values()), axis=1)
    table = estimate(langs, values, points.groups, len(languages), binary=binary)
    every: tuple[Lang | None, ...] = (None, *languages)
    rows = [
        LanguageMean.of(score, measure=name, lang=lang)
        for name, *scores in zip(columns, table.macros["all"], *table.cells, strict=True)
        for lang, score in zip(every, scores, strict=True)
        if score
    ]
    return rows, notes


def space_section(points: Points, seed: int) -> tuple[Clumps, Space]:
    """KMeans(2) with its note, and isotropy; descriptive, without intervals."""
    return Clumps(value=kmeans_silhouette(points.vectors, seed), note=KMEANS_NOTE), isotropy(points.vectors)


@dataclass(frozen=True)
class Separation:
    """S with what it was computed from.

    Attributes:
        score: S, mean of purity - expected over documents; the interval resamples groups of documents.
        purity: mean share of the 10 nearest neighbours in the same language.
        expected: the same if languages did not matter.
        per_language: documents of each language in the sample.
    """

    score: Score
    purity: float
    expected: float
    per_language: int

    def to_json(self) -> dict[str, Any]:
        """Flat, rounded to 1e-6; `n_units` are documents."""
        more = {"purity": round(self.purity, 6), "expected": round(self.expected, 6)}
        return {**number_json(self.score), **more, "per_language": self.per_language}


def measure_separation(task: Task, ref: ModelRef, workspace: Workspace, n_resamples: int) -> Separation:
    """S from the exported vectors of a task's documents; the number that `analyse` calls purity_excess@10.

    Raises:
        UserError: no vectors of these texts, one language only, or not more documents than neighbours.
    """
    documents = unit_vectors(open_embeddings(task, ref, workspace).documents)
    points, _ = sample_points(task, documents, workspace.settings.analyse)
    sample = points.sample
    if len(sample.languages) < 2:
        raise UserError(
            f"{task.name}: separation of languages needs two with enough documents, found "
            f"{', '.join(sample.languages)}"
        )
    purity, expected = neighbourhood_purity(points.vectors, sample.langs, K), expected_purity(sample.langs)
    one_cell = np.zeros(len(sample.rows), dtype=np.int64)
    (score,) = estimate(one_cell, purity - expected, points.groups, 1, n_resamples=n_resamples).cells[0]
    if score is None:  # there are documents, see above
        raise RuntimeError("no document to compute the separation from")
    return Separation(score, float(purity.mean()), float(expected.mean()), sample.per_language)


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
    above = cosines > border + SAME
    at_border = (cosines >= border - SAME) & ~above
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

    There are as many folds as groups if these are fewer. Returns 1 or 0 per point, float64, shape (n,).

    Raises:
        UserError: if there are fewer than two groups, or all rows of a language are in one group.
    """
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise UserError("the language classifier needs at least two groups of documents")
    kfold = GroupKFold(min(folds, n_groups), shuffle=True, random_state=seed)
    splits = list(kfold.split(vectors, langs, groups))
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


def isotropy(vectors: Vectors) -> Space:
    """Three views of how evenly the points use the directions of their space.

    Mean cosine of all pairs of different points: near 0 in an isotropic space (Ethayarajh 2019). Partition: min Z(c) /
    max Z(c) over the eigenvectors ±c of V'V, Z(c) = sum over v of exp(c·v); 1 is isotropic (Mu & Viswanath 2018).
    Effective dimensions: exp of the entropy of the shares of variance on the principal axes (Roy & Vetterli 2007).

    Raises:
        ValueError: if there are fewer than two different points.
    """
    points = vectors.astype(np.float64)
    n = len(points)
    centred = points - points.mean(axis=0) if n else points
    variances = np.linalg.eigvalsh(centred.T @ centred).clip(min=0) if n > 1 else np.zeros(1)
    if variances.sum() <= 1e-12:
        raise ValueError("isotropy needs at least two different points")
    total = points.sum(axis=0)
    mean_cosine = (float(total @ total) - float(np.square(points).sum())) / (n * (n - 1))
    along = points @ np.linalg.eigh(points.T @ points)[1]
    partition = np.concatenate([np.exp(along).sum(axis=0), np.exp(-along).sum(axis=0)])
    shares = variances[variances > 0] / variances.sum()
    effective = math.exp(-float((shares * np.log(shares)).sum()))
    return Space(
        mean_cosine=mean_cosine,
        partition=float(partition.min() / partition.max()),
        effective_dims=effective,
        dim=points.shape[1],
    )
