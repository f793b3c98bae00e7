"""How strongly an embedding space keeps languages apart: values per document, cosine-based.

All functions take unit vectors, float32 of shape (n, dim), and the language of each row as an integer code. Values per
point are computed once; intervals resample groups of points, neighbours are never searched again.
"""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

from xlembed.types import UserError, Vectors

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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
