"""What every search engine offers, and the one place where ties are broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from xlembed.words import Lang, Vectors

SCORE_DECIMALS = 6
"""Scores are computed in float64 and rounded to this many decimals before they are compared."""
SIGNIFICANT = 6
"""Digits of a BM25 score that count. A server sums in another order from one search to the next and hands out float32
(7.2 digits); in six digits equal is equal, and the scale of BM25 differs too much from query to query for decimals."""
NO_DIRECTION = -2.0
"""Score of a document whose vector is zero: below every possible cosine."""

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Hits:
    """Ranked documents of several queries.

    Attributes:
        rows: int64, shape (n_queries, k): positions in the index's documents, best first; -1 where a
            query retrieved fewer than k.
        scores: float64, same shape, descending and rounded so that equal is equal (cosines to 1e-6); -inf where
            `rows` is -1.
        boundary_ties: int64, shape (n_queries,): documents left out whose score equals the last one kept.
    """

    rows: Rows
    scores: Scores
    boundary_ties: NDArray[np.int64]


def stack(parts: Sequence[Hits]) -> Hits:
    """Hits of several batches of queries as one; the batches were asked for the same k."""
    return Hits(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.boundary_ties for part in parts]),
    )


def nothing_found(n_queries: int) -> Hits:
    """What queries get from an empty pool."""
    shape = (n_queries, 0)
    return Hits(np.empty(shape, dtype=np.int64), np.empty(shape), np.zeros(n_queries, dtype=np.int64))


Q = TypeVar("Q", contravariant=True)


class Search(Protocol[Q]):
    """Finds documents for queries of one kind, among all documents or those of one language."""

    @property
    def exact(self) -> bool:
        """True when the full ranking is known, so that ranks beyond the retrieved depth can be told."""

    def search(self, queries: Q, k: int, lang: Lang | None = None) -> Hits:
        """Documents of each query, best first; equal scores in `doc_id` order.

        Args:
            queries: as many as there will be rankings.
            k: documents per query. Fewer columns come back if the pool holds fewer; -1 fills a row whose query
                retrieves fewer, and then everything it can retrieve is there.
            lang: search only documents of this language; None searches all.
        """

    def search_each(self, queries: Q, k: int, langs: Sequence[Lang]) -> list[Hits]:
        """The same in several languages, one ranking each; a server is asked for all of them at once."""

    def full_ranks(self, queries: Q, rows: Sequence[Rows], lang: Lang | None = None) -> list[Rows]:
        """Ranks (from 1) of given documents in the full ranking of the pool, per query; 0: never retrieved.

        Only exact engines can tell; others raise NotImplementedError.
        """


class VectorIndex(Search[Vectors], Protocol):
    """A set of document vectors; queries are float32, shape (n_queries, dim), of unit length."""

    @property
    def doc_ids(self) -> Sequence[str]:
        """Document ids; a row of `Hits` is a position in this list."""


class EachByItself:
    """Searches in several languages one after the other."""

    def search_each(self: Any, queries: Any, k: int, langs: Sequence[Lang]) -> list[Hits]:
        """See `Search.search_each`."""
        return [self.search(queries, k, lang) for lang in langs]


class AsRetrieved(EachByItself):
    """Knows no more of a ranking than what was retrieved."""

    exact = False

    def full_ranks(self, queries: Any, rows: Sequence[Rows], lang: Lang | None = None) -> list[Rows]:
        """Not known."""
        raise NotImplementedError("a ranking is known as deep as it was retrieved")


def id_order(doc_ids: Sequence[str]) -> Rows:
    """Rows in ascending order of document id: the tie-break of every engine."""
    return np.array(sorted(range(len(doc_ids)), key=doc_ids.__getitem__), dtype=np.int64)


def id_places(doc_ids: Sequence[str]) -> Rows:
    """Place of each row in the order of document ids, counted from 0.

    >>> id_places(["b", "c", "a"]).tolist()
    [1, 2, 0]
    """
    places = np.empty(len(doc_ids), dtype=np.int64)
    places[id_order(doc_ids)] = np.arange(len(doc_ids))
    return places


def exact_scores(queries: Vectors, documents: Vectors) -> Scores:
    """All inner products in float64, rounded: shape (n_queries, n_documents).

    A zero vector has no direction, so its documents score below every possible cosine.
    """
    scores = queries.astype(np.float64) @ documents.astype(np.float64).T
    level = np.flatnonzero(~scores.any(axis=0))  # only there may be a zero vector
    scores = np.round(scores, SCORE_DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
    scores[:, level[~documents[level].any(axis=1)]] = NO_DIRECTION
    return scores


def top_k(scores: Scores, rows: Rows, k: int) -> Hits:
    """The k best of candidate rows that stand in ascending order of document id.

    `scores` are rounded float64, shape (n_queries, n_candidates); `rows` are one list for all queries or one for each.
    """
    k = min(k, scores.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")
    kept = order[:, :k]
    best = np.take_along_axis(scores, kept, axis=1)
    found = rows[kept] if rows.ndim == 1 else np.take_along_axis(rows, kept, axis=1)
    if k == 0:
        ties = np.zeros(len(scores), dtype=np.int64)
    else:
        ties = (scores == best[:, -1:]).sum(axis=1) - (best == best[:, -1:]).sum(axis=1)
    return Hits(found, best, ties)


def ranks_of(rankings: Sequence[Rows] | Rows, wanted: Sequence[Rows]) -> list[Rows]:
    """Ranks (from 1) of wanted rows in each ranking; 0 where it lacks them.

    >>> ranks_of([np.array([7, 5, 9])], [np.array([9, 7, 1])])[0].tolist()
    [3, 1, 0]
    """
    ranks = []
    for ranking, rows in zip(rankings, wanted, strict=True):
        rank_of = {int(row): rank for rank, row in enumerate(ranking, 1)}
        ranks.append(np.array([rank_of.get(int(row), 0) for row in rows], dtype=np.int64))
    return ranks


def significant(scores: Scores) -> Scores:
    """Positive scores rounded to six significant digits; -inf stays.

    >>> significant(np.array([12.34567891, 0.001234567, -np.inf])).tolist()
    [12.3457, 0.00123457, -inf]
    """
    finite = np.isfinite(scores) & (scores > 0)
    exponents = np.floor(np.log10(np.where(finite, scores, 1.0)))
    scale = 10.0 ** (SIGNIFICANT - 1 - exponents)
    return np.where(finite, np.round(np.where(finite, scores, 0.0) * scale) / scale, scores)
