"""Vectors on a plane, for the eye; no number is read from it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.manifold import TSNE

from xlembed.analyse.points import sample_rows
from xlembed.analyse.result import Map, Place
from xlembed.data.task import Task
from xlembed.settings import AnalyseSettings
from xlembed.stats.layout import Floats, Ints
from xlembed.words import UserError, Vectors

MIN_POINTS = 10
UMAP_NEIGHBOURS = 15
UMAP_DISTANCE = 0.1
"""Least distance of points on the plane; both are umap-learn's defaults."""


def map_section(task: Task, documents: Vectors, usable: Ints, settings: AnalyseSettings) -> dict[str, Map]:
    """Documents on a plane, by the name of their file: t-SNE, and UMAP of the same ones if it is asked for.

    Raises:
        UserError: there are fewer than 10 documents, or UMAP is not installed.
    """
    most, seed = min(settings.project_per_language, settings.sample_per_language), settings.sampling_seed
    if not most:
        return {}
    sample = sample_rows(task, usable, most, seed)
    vectors, n = documents[sample.rows], len(sample.rows)

    def shown(places: Floats, **how: Any) -> Map:
        rows = zip(sample.rows.tolist(), sample.langs.tolist(), places.tolist(), strict=True)
        points = [
            Place(document=task.documents[row].doc_id, lang=sample.languages[code], x=x, y=y)
            for row, code, (x, y) in rows
        ]
        langs = list(sample.languages)
        return Map(seed=seed, per_language=sample.per_language, languages=langs, points=points, **how)

    places = tsne(vectors, settings.perplexity, seed)
    found = {"projection": shown(places, perplexity=min(settings.perplexity, (n - 1) / 3))}
    if settings.umap:
        how = {"neighbours": min(UMAP_NEIGHBOURS, n - 1), "min_distance": UMAP_DISTANCE}
        found["umap"] = shown(umap(vectors, seed), method="UMAP", metric="cosine", **how)
    return found


def tsne(vectors: Vectors, perplexity: float = 30.0, seed: int = 42) -> Floats:
    """t-SNE (van der Maaten & Hinton 2008) from the first two principal components.

    Of unit vectors the squared Euclidean distance, which t-SNE uses, is 2 (1 - cosine). The perplexity is lowered to
    (n - 1) / 3 for few points.

    Returns:
        float64, shape (n, 2), rounded to 0.001.

    Raises:
        UserError: if there are fewer than 10 points.
    """
    n = _enough(vectors, "t-SNE")
    return _placed(TSNE(2, perplexity=min(perplexity, (n - 1) / 3), init="pca", random_state=seed), vectors)


def require_umap() -> None:
    """Say at once what is missing, before any work.

    Raises:
        UserError: umap-learn is not installed.
    """
    if find_spec("umap") is None:
        raise UserError("analyse.umap: umap-learn is not installed; pip install 'xlembed[umap]'")


def umap(vectors: Vectors, seed: int = 42) -> Floats:
    """UMAP (McInnes, Healy & Melville 2018) by cosine, in one thread, so that it repeats itself.

    Returns:
        float64, shape (n, 2), rounded to 0.001.

    Raises:
        UserError: if there are fewer than 10 points, or umap-learn is not installed.
    """
    n = _enough(vectors, "UMAP")
    require_umap()
    from umap import UMAP  # an extra, and it takes seconds to import

    how = {"n_neighbors": min(UMAP_NEIGHBOURS, n - 1), "min_dist": UMAP_DISTANCE, "metric": "cosine"}
    return _placed(UMAP(**how, random_state=seed, n_jobs=1), vectors)


def _enough(vectors: Vectors, name: str) -> int:
    if len(vectors) < MIN_POINTS:
        raise UserError(f"{name} needs at least {MIN_POINTS} documents, found {len(vectors)}")
    return len(vectors)


def _placed(method: Any, vectors: Vectors) -> Floats:
    points: Floats = np.round(method.fit_transform(vectors).astype(np.float64), 3)
    return points
