"""How evenly a space uses its directions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xlembed.words import Vectors


@dataclass(frozen=True)
class Isotropy:
    """Three views of isotropy; descriptive, without intervals.

    Attributes:
        mean_cosine: of all pairs of different points; near 0 in an isotropic space (Ethayarajh 2019).
        partition: min Z(c) / max Z(c) over the eigenvectors ±c of V'V, Z(c) = sum over v of exp(c·v); 1 is isotropic
            (Mu & Viswanath 2018).
        effective_dims: exp of the entropy of the shares of variance on the principal axes (Roy & Vetterli 2007);
            between 1 and `dim`.
        dim: of the vectors.
    """

    mean_cosine: float
    partition: float
    effective_dims: float
    dim: int


def isotropy(vectors: Vectors) -> Isotropy:
    """Isotropy of the points as given.

    Args:
        vectors: unit vectors, float32, shape (n, dim), n >= 2, not all the same.

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
    return Isotropy(mean_cosine, float(partition.min() / partition.max()), effective, points.shape[1])
