"""How a model is searched, in its name: +hybrid, +mix0.7, +rerank-SLOW, and remedies on scores (rescorings/)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from xlembed.models import rescorings
from xlembed.registry import load_all
from xlembed.words import UserError

Floats = NDArray[np.float64]
DECIMALS = 6
"""Of a changed score, as of a cosine: equal is equal."""


@dataclass(frozen=True)
class Candidates:
    """The best documents of every language, for several queries; columns are languages one after the other.

    Attributes:
        scores: float64, shape (n_queries, n_columns); within a language descending, -inf where nothing was retrieved.
        places: int64, same shape: of each document in the order of ids, which breaks ties.
        langs: int64, shape (n_columns,): number of the column's language.
        ranks: int64, shape (n_columns,): rank from 1 within that language.
    """

    scores: Floats
    places: NDArray[np.int64]
    langs: NDArray[np.int64]
    ranks: NDArray[np.int64]

    def of_language(self, number: int) -> Floats:
        """Scores of one language's documents, best first."""
        return self.scores[:, self.langs == number]

    @property
    def n_languages(self) -> int:
        """How many there are."""
        return int(self.langs.max(initial=-1)) + 1


@dataclass(frozen=True)
class Rescoring:
    """A way to merge the rankings of the languages; called like its file, which is how a model's name writes it.

    It never changes the order within a language.

    Attributes:
        name: `local`.
        spelling: how an error lists it: `+localK`.
        rescore: candidates and the number -> the scores they are sorted by, ties by id.
        number: what a name without a number has; 0: it takes none; None: it needs one.
        least: the smallest number.
        fetch: (documents wanted, number, documents of each language) -> documents to be fetched of each language.
        source: where it comes from.
        check: (number, languages of the task) -> what forbids it, empty: nothing.
    """

    name: str
    spelling: str
    rescore: Callable[[Candidates, int], Floats]
    number: int | None
    source: str
    least: int = 1
    fetch: Callable[[int, int, Sequence[int]], int] = lambda k, number, sizes: max(k, number)
    check: Callable[[int, int], str] = lambda number, n_languages: ""


@dataclass(frozen=True)
class Rescored:
    """A rescoring with its number, as a model's name has it: ``+local5``."""

    method: Rescoring
    number: int

    @property
    def name(self) -> str:
        """Without the plus sign."""
        return f"{self.method.name}{self.number or ''}"


@cache
def methods() -> dict[str, Rescoring]:
    """Name -> rescoring."""
    return load_all(rescorings, "RESCORING")


def parse_rescored(suffix: str) -> Rescored | None:
    """A suffix without its plus sign; None if it names none.

    Raises:
        UserError: one with a number that it cannot have.

    Example:
        >>> parse_rescored("local").name, parse_rescored("lir")
        ('local5', None)
    """
    parts = re.fullmatch(rf"({'|'.join(methods())})([0-9]*)", suffix)
    if parts is None:
        return None
    method, digits = methods()[parts[1]], parts[2]
    if method.number == 0:
        if digits:
            raise UserError(f"'+{suffix}': {method.spelling} takes no number")
        return Rescored(method, 0)
    number = int(digits) if digits else method.number
    if number is None or number < method.least or digits.startswith("0"):
        raise UserError(
            f"'+{suffix}': expected {method.spelling} with a whole number from {method.least}, for example "
            f"+{method.name}{method.number or method.least + 2}"
        )
    return Rescored(method, number)


def level(own: Floats, n: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the n best scores of each query in one language, shape (n_queries, 1).

    Of fewer where fewer were retrieved; NaN where none was.
    """
    best = np.where(np.isfinite(own[:, :n]), own[:, :n], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a query that retrieves nothing in the language
        return np.nanmean(best, axis=1, keepdims=True), np.nanstd(best, axis=1, keepdims=True)


def by_position(order: NDArray[np.int64]) -> Floats:
    """An order of the columns as scores: -1 for the first, -2 for the second."""
    scores = np.empty(order.shape)
    np.put_along_axis(scores, order, -np.arange(1.0, order.shape[1] + 1)[None, :], axis=1)
    return scores


HYBRID = "hybrid"
MIX = "mix"
ALPHA = 0.7
"""Share of the vectors in `+mix`."""
TRANSLATED = "translated"
RERANK = "rerank"
RERANKED = 100
"""Documents that are ranked anew unless the name says otherwise."""
SPELLINGS = (
    f"+{HYBRID}",
    f"+{MIX}A (0 < A < 1)",
    f"+{TRANSLATED}",
    *(method.spelling for method in methods().values()),
    f"+{RERANK}-SLOW or +{RERANK}N-SLOW, which comes last",
)


@dataclass(frozen=True)
class Rerank:
    """A slower model that ranks the best documents anew."""

    model: str
    depth: int = RERANKED

    @property
    def suffix(self) -> str:
        """As it stands in a name, without the plus sign; the usual depth is left out."""
        return f"{RERANK}{'' if self.depth == RERANKED else self.depth}-{self.model}"


def parse_alpha(suffix: str) -> float | None:
    """Share of the vectors, if the suffix is a `+mix`; None if it is another one.

    Raises:
        UserError: it is one, but the share is no number between 0 and 1.

    Example:
        >>> parse_alpha("mix0.25"), parse_alpha("mix"), parse_alpha("hybrid")
        (0.25, 0.7, None)
    """
    found = re.fullmatch(rf"{MIX}([0-9.]*)", suffix)
    if found is None:
        return None
    if not found[1]:
        return ALPHA
    alpha = float(found[1]) if re.fullmatch(r"0?\.[0-9]{1,3}", found[1]) else 0.0
    if not 0 < alpha < 1:
        raise UserError(
            f"'+{suffix}': the share of the vectors is a number between 0 and 1 such as +{MIX}{ALPHA} (0 would be bm25 "
            "alone, 1 the model alone)"
        )
    return alpha


def split_rerank(spec: str) -> tuple[str, Rerank | None]:
    """The fast model's name, and what ranks its documents anew; all behind `+rerank-` belongs to the slow one.

    Raises:
        UserError: `+rerank` names no model, or there are two.

    Example:
        >>> split_rerank("bm25+rerank50-bge_m3+dim64")
        ('bm25', Rerank(model='bge_m3+dim64', depth=50))
    """
    fast, sign, rest = spec.partition(f"+{RERANK}")
    if not sign:
        return spec, None
    found = re.fullmatch(r"([1-9][0-9]*)?-([A-Za-z0-9._+-]+)", rest)
    if found is None or f"+{RERANK}" in rest:
        raise UserError(
            f"{spec!r}: expected FAST+{RERANK}-SLOW (or FAST+{RERANK}50-SLOW), SLOW being a name of the catalogue or "
            "an entry of `models:` in params.yaml, with its own suffixes if any"
        )
    return fast, Rerank(found[2], int(found[1] or RERANKED))
