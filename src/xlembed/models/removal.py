"""What a post-processing takes out of vectors (a file of removals/ each), and how names write it: ``+lir3``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xlembed.models import removals
from xlembed.registry import load_all
from xlembed.words import UserError

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


DOCUMENTS_PER_COMPONENT = 5
"""A language's own statistics need this many documents for each component (a mean counts as one)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        method: what is taken out.
        components: how many principal components; 0 for `center`.
        pairs: name of the set of translations that it is fitted on; empty: the documents.
    """

    method: Method
    components: int = 0
    pairs: str = ""

    @property
    def name(self) -> str:
        """As in the model's name, without the plus sign."""
        return f"{self.method.name}{self.components or ''}" + (f"-{self.pairs}" if self.pairs else "")

    @property
    def ingredient(self) -> str:
        """What fingerprints hold; another word where a name has come to mean other numbers."""
        return f"{self.name}{self.method.meaning}"

    @property
    def by_language(self) -> bool:
        """Whether each language has statistics of its own, so that a vector's language must be known."""
        return self.method.by_language

    @property
    def least_documents(self) -> int:
        """Documents below which a set's own statistics are not used."""
        return DOCUMENTS_PER_COMPONENT * max(1, self.components)


def parse_step(suffix: str) -> Step | None:
    """A suffix without its plus sign; None if it names no method.

    Raises:
        UserError: a method with a number or a set that it cannot have.

    Example:
        >>> parse_step("lir").name
        'lir1'
    """
    parts = re.fullmatch(rf"({'|'.join(methods())})([0-9]*)(?:-([A-Za-z0-9._-]+))?", suffix)
    if parts is None:
        return None
    method, number, pairs = methods()[parts[1]], parts[2], parts[3] or ""
    if method.on_pairs != bool(pairs) or (method.on_pairs and number):
        wanted = (
            "the name of a set of translations under data/pairs" if method.on_pairs else "no name of a set"
        )
        raise UserError(f"'+{suffix}': {method.spelling} takes {wanted}")
    if method.on_pairs:
        return Step(method, pairs=pairs)
    if method.components == 0:
        if number:
            raise UserError(
                f"'+{suffix}': {method.spelling} takes no number, it subtracts each language's mean"
            )
        return Step(method)
    if not number and method.components:
        number = str(method.components)
    if not number or number.startswith("0"):
        raise UserError(
            f"'+{suffix}': expected {method.spelling} with a whole number of components from 1, "
            f"for example +{method.name}3"
        )
    return Step(method, int(number))


def check_steps(steps: tuple[Step, ...], dim: int | None) -> None:
    """Refuse what leaves nothing, and a second name for what another name says already.

    Raises:
        UserError: names the step and what to write instead.
    """
    for step in steps:
        if dim is not None and step.components >= dim:
            raise UserError(
                f"'+{step.name}': vectors of {dim} dimensions have nothing left without {step.components} "
                f"components; take fewer than {dim}"
            )
    for first, second in pairwise(steps):
        if first.method == second.method and not first.pairs:
            both = Step(first.method, first.components + second.components)
            raise UserError(
                f"'+{first.name}+{second.name}': one {first.method.name} after the other; write +{both.name}"
            )
