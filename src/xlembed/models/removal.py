"""What a post-processing takes out of vectors, and which ones there are: a file of removals/ each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from xlembed.models import removals
from xlembed.registry import load_all

Floats = NDArray[np.float64]
ROUNDING = 1e-6
"""What is left of a unit vector below this length is rounding of float32 and has no direction."""


@dataclass(frozen=True, eq=False)
class Removal:
    """What is taken out of a vector.

    Attributes:
        mean: float64, shape (dim,); subtracted.
        directions: float64, shape (dim, n), orthonormal columns; the vector's projection on them is subtracted too.
    """

    mean: Floats
    directions: Floats

    def __call__(self, block: Floats) -> Floats:
        """Rows without it, shape (n, dim). The sign of a direction does not matter."""
        return block - self.mean - (block @ self.directions) @ self.directions.T


@dataclass(frozen=True, eq=False)
class Sums:
    """Of the vectors x of one language: how many, sum of x, sum of x xᵀ (0 where it is not wanted)."""

    n: int = 0
    total: Floats = field(default_factory=lambda: np.zeros(0))
    squares: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __add__(self, other: Sums) -> Sums:
        if not self.n:
            return other
        return Sums(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> Floats:
        """Shape (dim,)."""
        return self.total / self.n


@dataclass(frozen=True)
class Method:
    """A way of taking language out; called like its file, which is how a model's name writes it.

    Attributes:
        name: `lir`.
        spelling: how an error lists it: `+lirR`.
        fit: sums over documents and the number of components -> what is taken out.
        components: what a name without a number has; 0: it takes none; None: it needs one.
        by_language: each language has statistics of its own, so that a vector's language must be known.
        meaning: put behind the name in fingerprints, where the name has come to mean other numbers.
        source: where it comes from.
        on_pairs: fitted on the differences of parallel texts instead of documents; behind its name stands the set's.
    """

    name: str
    spelling: str
    fit: Callable[[Sums, int], Removal]
    components: int | None
    by_language: bool
    meaning: str = ""
    source: str = ""
    on_pairs: bool = False


@cache
def methods() -> dict[str, Method]:
    """Name -> method."""
    return load_all(removals, "METHOD")


def principal(moments: Floats, n: int) -> Floats:
    """Eigenvectors of the n largest eigenvalues, shape (dim, at most n).

    Fewer where the vectors span fewer dimensions: which directions without any vector came next would be up to
    rounding, and differ by machine.
    """
    values, vectors = np.linalg.eigh(moments)
    wanted = np.arange(len(values)) >= len(values) - n
    return np.asarray(vectors[:, wanted & (values > ROUNDING**2)])
