"""Several rankings of the same documents into one: by their ranks, or by their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlembed.search.base import NO_DIRECTION, AsRetrieved, Hits, Rows, Scores, id_places
from xlembed.search.searcher import Searcher
from xlembed.words import Lang

CONSTANT = 60
"""Of Cormack, Clarke and Büttcher 2009, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods" (SIGIR); every search engine's default too."""
SHALLOWEST = 100
"""Documents of each ranking that are fused at least, however few are wanted."""
NORMALISED_OVER = 1000
"""Documents of each ranking whose scores are normalised at least: the lowest of them counts 0, so that a fused score
would otherwise depend on how many are wanted. The depth of an evaluation, unless it was set to another."""
DECIMALS = 12
"""Of a fused score: below any difference between ranks, above what the order of a sum can change."""

Retrieve = Callable[[Sequence[int], int, Lang | None], Sequence[Hits]]
"""(rows of queries, depth, language) -> one ranking of each kind."""


def fuse_ranks(rankings: Sequence[Hits], places: Rows, k: int) -> Hits:
    """Reciprocal rank fusion: a document scores the sum of 1 / (60 + rank) over the rankings that have it.

    Ranks are those of the rankings (of the same queries) as they are, ties in them broken by id already; equal sums go
    by `places`, those of the documents in the order of ids. A row is filled with -1 where the rankings hold fewer than
    k.

    >>> one, other = (Hits(np.array([rows]), np.zeros((1, 2)), np.zeros(1)) for rows in ([0, 1], [1, -1]))
    >>> fuse_ranks([one, other], np.arange(2), k=2).rows.tolist()  # 1/61 against 1/62 + 1/61
    [[1, 0]]
    """
    rows = [hits.rows for hits in rankings]
    shares = [np.broadcast_to(1.0 / (CONSTANT + np.arange(1, r.shape[1] + 1)), r.shape) for r in rows]
    return _add_up(rows, shares, places, k)


def fuse_scores(rankings: Sequence[Hits], weights: Sequence[float], places: Rows, k: int) -> Hits:
    """Convex combination of min-max normalised scores, in [0, 1]; equal sums go by id.

    Per query and ranking, the best of the fetched documents counts 1, the lowest 0, and where all are equal each counts
    1. A document that a ranking lacks counts 0 in it, and so does one whose vector has no direction. Bruch et al. 2023,
    "An Analysis of Fusion Functions for Hybrid Retrieval" (ACM TOIS), compare it with reciprocal ranks. The weights of
    the rankings sum to 1; all else as in `fuse_ranks`.

    >>> rows, scores = np.array([[0, 1, 2]]), np.array([[9.0, 6.0, 5.0]])
    >>> dense, words = Hits(rows, scores, np.zeros(1)), Hits(rows[:, 2:], scores[:, 2:], np.zeros(1))
    >>> fuse_scores([dense, words], [0.7, 0.3], np.arange(3), k=3).scores.tolist()
    [[0.7, 0.3, 0.175]]
    """
    shares = [
        weight * _min_max(hits.rows, hits.scores) for hits, weight in zip(rankings, weights, strict=True)
    ]
    return _add_up([hits.rows for hits in rankings], shares, places, k)


def _min_max(rows: Rows, scores: Scores) -> Scores:
    """Scores of each query between 0 and 1; what was not retrieved or has no direction is 0."""
    counts = (rows >= 0) & (scores > NO_DIRECTION)
    highest = np.max(scores, axis=1, initial=-np.inf, where=counts, keepdims=True)
    lowest = np.min(scores, axis=1, initial=np.inf, where=counts, keepdims=True)
    spread = np.where(highest > lowest, highest - lowest, 1.0)
    above = np.where(counts, scores, 0.0) - np.where(highest > lowest, lowest, highest - 1.0)
    return np.where(counts, above / spread, 0.0)


def _add_up(rows: Sequence[Rows], shares: Sequence[Scores], places: Rows, k: int) -> Hits:
    """The k documents of each query with the highest sums of their shares."""
    n_queries = len(rows[0])
    fused = Hits(
        np.full((n_queries, k), -1, dtype=np.int64),
        np.full((n_queries, k), -np.inf),
        np.zeros(n_queries, dtype=np.int64),
    )
    for i in range(n_queries):
        found = [part[i] >= 0 for part in rows]
        candidates, which = np.unique(
            np.concatenate([part[i][some] for part, some in zip(rows, found, strict=True)]),
            return_inverse=True,
        )
        values = np.concatenate([part[i][some] for part, some in zip(shares, found, strict=True)])
        sums = np.round(np.bincount(which, weights=values, minlength=len(candidates)), DECIMALS)
        order = np.lexsort((places[candidates], -sums))
        kept = order[:k]
        fused.rows[i, : len(kept)] = candidates[kept]
        fused.scores[i, : len(kept)] = sums[kept]
        if len(kept):
            fused.boundary_ties[i] = int((sums[order[k:]] == sums[kept[-1]]).sum())
    return fused


@dataclass(frozen=True)
class Fusion:
    """How a ranking by vector and one by word become one.

    `alpha` is the share of the vectors' normalised scores in a convex combination; None: reciprocal rank fusion.
    """

    alpha: float | None = None

    @property
    def depth(self) -> int:
        """Documents of each ranking that are fused at least."""
        return SHALLOWEST if self.alpha is None else NORMALISED_OVER

    @property
    def description(self) -> dict[str, Any]:
        """For results; all that determines a fusion."""
        if self.alpha is None:
            return {"method": "reciprocal rank", "constant": CONSTANT, "weights": [1, 1]}
        return {"method": "min-max", "weights": [self.alpha, round(1 - self.alpha, DECIMALS)]}

    @property
    def ingredient(self) -> str:
        """For fingerprints."""
        return f"reciprocal rank {CONSTANT}" if self.alpha is None else f"min-max {self.alpha:g}"

    def fuse(self, rankings: Sequence[Hits], places: Rows, k: int) -> Hits:
        """See `fuse_ranks` and `fuse_scores`; by vector first, then by word."""
        if self.alpha is None:
            return fuse_ranks(rankings, places, k)
        return fuse_scores(rankings, self.description["weights"], places, k)


class FusedSearcher(AsRetrieved):
    """Search by vector and by word as one, both asked for the same depth.

    What lies below the depth of a ranking is unknown to the fusion, so it is never exact.
    """

    def __init__(
        self, retrieve: Retrieve, doc_ids: Sequence[str], n_queries: int, fusion: Fusion = Fusion()
    ) -> None:
        self._retrieve, self._fusion = retrieve, fusion
        self._places = id_places(doc_ids)
        self.n_queries = n_queries

    def search(self, queries: Sequence[int], k: int, lang: Lang | None = None) -> Hits:
        """See `Search.search`."""
        rankings = self._retrieve(queries, max(k, self._fusion.depth), lang)
        return self._fusion.fuse(rankings, self._places, min(k, len(self._places)))


def one_after_another(searchers: Sequence[Searcher]) -> Retrieve:
    """Ask each by itself."""
    return lambda queries, k, lang: [searcher.search(queries, k, lang) for searcher in searchers]
