"""queries.parquet: one row per query with the language-aware measures of its ranking of all documents."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
from numpy.typing import NDArray
from scipy.special import chdtrc

from xlembed.data.task import Task
from xlembed.search.base import Rows
from xlembed.search.kinds import FIRST_PLACE
from xlembed.search.mixed import MixedRankings
from xlembed.words import UserError

IDENTITY = ("query_id", "need_id", "cluster", "query_lang")
NO_PREFERENCE = "no_preference"
"""Column: what `preference` would be without one, the share of right documents in the query's language."""
TIE = 1e-9
"""Squared distances of ranks below this are rounding: all ranks are the same."""
PERSISTENCE = 0.9
"""p of the rank-biased overlap: the first ten of a ranking have 86 % of the weight."""
CHUNK = 50_000
"""Pairs of rankings that are compared at a time."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Right:
    """All right documents of all `n` queries, one entry each.

    Attributes:
        query: position of the query in the table.
        lang: number of the document's language.
        own: whether that is the query's.
        grade: relevance.
        rank: from 1, 0 if not retrieved.
    """

    n: int
    query: Ints
    lang: Ints
    own: NDArray[np.bool_]
    grade: Floats
    rank: Ints

    def count(self, which: NDArray[np.bool_] | Floats) -> Floats:
        """Sum over the documents of each query."""
        return np.bincount(self.query, which, self.n).astype(np.float64)

    def first(self, which: NDArray[np.bool_]) -> Floats:
        """Rank of the first one of each query, infinite if none was retrieved."""
        found = np.full(self.n, np.inf)
        among = which & (self.rank > 0)
        np.minimum.at(found, self.query[among], self.rank[among])
        return found


def language_table(
    task: Task, found: MixedRankings, clusters: Mapping[str, str], other_gain: float
) -> pd.DataFrame:
    """Every measure of every query that has a right document, in the order of the queries.

    `found` are the rankings of all queries of the task; a right document in another language is worth `other_gain` to
    nDCG, as a share of one in the query's.

    Returns:
        IDENTITY, n_right, n_right_own, n_right_retrieved, NO_PREFERENCE and a column per measure of `MEASURES`; those
        that look further than the depth are left out.
    """
    rows = np.array([i for i, right in enumerate(found.right) if len(right)], dtype=np.int64)
    queries = [task.queries[i] for i in rows]
    right = _right(task, found, rows)
    n_own, n_right = right.count(right.own), right.count(np.ones_like(right.own))
    first = right.first(np.ones_like(right.own))
    table = pd.DataFrame(
        {
            "query_id": [q.query_id for q in queries],
            "need_id": [q.need_id for q in queries],
            "cluster": [clusters[q.need_id] for q in queries],
            "query_lang": [q.lang for q in queries],
            "n_right": n_right.astype(np.int64),
            "n_right_own": n_own.astype(np.int64),
            "n_right_retrieved": right.count(right.rank > 0).astype(np.int64),
            NO_PREFERENCE: n_own / np.maximum(n_right, 1),
        }
    )
    compared = (n_own > 0) & (n_own < n_right)
    table["preference"] = np.where(compared & np.isfinite(first), right.first(right.own) == first, np.nan)
    for name, share in zip(FIRST_PLACE, _first_place(task, found, rows, first == 1), strict=True):
        table[name] = share.astype(np.float64)
    k = found.k
    values = {
        "any_language@1": (first <= 1).astype(np.float64),
        f"any_language@{k}": (first <= k).astype(np.float64),
        f"lang_nDCG@{k}": _ndcg(right, np.where(right.own, 1.0, other_gain) * right.grade, k),
        **_agreement(table, found.groups[rows], k),
        f"PEER@{k}": _peer(right, k),
    }
    for name, column in values.items():
        if name.endswith("@1") or k <= found.depth:
            table[name] = column
    return table


def _right(task: Task, found: MixedRankings, rows: Ints) -> _Right:
    number = {lang: i for i, lang in enumerate(task.languages)}
    lang_of = np.array([number[d.lang] for d in task.documents], dtype=np.int64)
    documents = [found.right[i] for i in rows]
    grades = [task.qrels[task.queries[i].query_id] for i in rows]
    query = np.repeat(np.arange(len(rows)), [len(d) for d in documents])
    langs = np.array([number[task.queries[i].lang] for i in rows], dtype=np.int64)
    every = np.concatenate(documents) if documents else np.empty(0, dtype=np.int64)
    of = [g[task.documents[d].doc_id] for g, right in zip(grades, documents, strict=True) for d in right]
    ranks = np.concatenate([found.ranks[i] for i in rows]) if documents else np.empty(0, dtype=np.int64)
    lang = lang_of[every]
    return _Right(len(rows), query, lang, lang == langs[query], np.array(of, dtype=np.float64), ranks)


def _first_place(
    task: Task, found: MixedRankings, rows: Ints, is_right: NDArray[np.bool_]
) -> list[NDArray[np.bool_]]:
    first = found.first[rows]
    langs = [task.documents[d].lang if d >= 0 else "" for d in first]
    own = np.array(
        [lang == task.queries[i].lang for i, lang in zip(rows, langs, strict=True)], dtype=np.bool_
    )
    some = first >= 0
    return [is_right & own, is_right & ~own, some & ~is_right & own, some & ~is_right & ~own, ~some]


def _ndcg(right: _Right, gains: Floats, k: int) -> Floats:
    """nDCG@k with linear gain; the ideal uses the same gains.

    A query whose gains are all 0 (w = 0 and nothing in its language) has no value.
    """
    seen = (right.rank > 0) & (right.rank <= k)
    reached = right.count(np.where(seen, gains / np.log2(np.maximum(right.rank, 1) + 1), 0.0))
    order = np.lexsort((-gains, right.query))
    start = np.searchsorted(right.query, right.query)  # entries stand query by query
    place = np.arange(len(order)) - start + 1
    best = np.where(place <= k, gains[order] / np.log2(place + 1), 0.0)
    ideal = np.bincount(right.query[order], best, right.n)
    with np.errstate(invalid="ignore"):
        return np.where(ideal > 0, reached / np.where(ideal > 0, ideal, 1.0), np.nan)


def _agreement(table: pd.DataFrame, groups: Ints, k: int) -> dict[str, Floats]:
    """Of each query with the translations of its need: mean over their languages; NaN without any."""
    members: dict[str, list[int]] = defaultdict(list)
    for i, need in enumerate(table["need_id"]):
        members[need].append(i)
    langs = list(table["query_lang"])
    pairs = np.array(
        [(i, j) for of in members.values() for i, j in itertools.combinations(of, 2) if langs[i] != langs[j]],
        dtype=np.int64,
    ).reshape(-1, 2)
    a, b = pairs.T
    # A question asked twice in a language counts once among the languages of the others.
    same = table.groupby(["need_id", "query_lang"])["query_id"].transform("size").to_numpy()
    mine, others = np.concatenate([a, b]), np.concatenate([b, a])
    weights = 1 / same[others]
    total = np.bincount(mine, weights, len(table))

    def mean(values: Floats) -> Floats:
        sums = np.bincount(mine, np.tile(values, 2) * weights, len(table))
        return np.where(total > 0, sums / np.where(total > 0, total, 1.0), np.nan)

    left, right = groups[a], groups[b]
    return {
        f"agreement@{k}": mean(rank_biased_overlap(left, right)),
        f"MRC@{k}": mean(rank_correlation(left, right)),
    }


def _peer(right: _Right, k: int) -> Floats:
    """Probability that right documents of different languages have equal expected ranks (Yang et al. 2024, SIGIR).

    The Kruskal-Wallis statistic as the authors' package peer_measure computes it: over the ranks in the top k as
    they are; documents that are not there share the rank N + (missing + 1) / 2, N = the query's right documents. NaN
    unless there are two languages, and two or more right documents in each that has any.
    """
    n = right.count(np.ones(len(right.query)))
    missing = (right.rank == 0) | (right.rank > k)
    n_missing = right.count(missing)
    ranks = np.where(missing, (n + (n_missing + 1) / 2)[right.query], right.rank)
    width = int(right.lang.max(initial=0)) + 1
    cell = right.query * width + right.lang
    sizes = np.bincount(cell, minlength=right.n * width).reshape(right.n, width)
    sums = np.bincount(cell, ranks, right.n * width).reshape(right.n, width)
    mean = right.count(ranks) / np.maximum(n, 1)
    between = (sizes * (sums / np.maximum(sizes, 1) - mean[:, None]) ** 2).sum(axis=1)
    within = right.count((ranks - mean[right.query]) ** 2)
    n_langs = (sizes > 0).sum(axis=1)
    differ = within > TIE
    statistic = (n - 1) * between / np.where(differ, within, 1.0)
    p = np.where(differ, chdtrc(np.maximum(n_langs - 1, 1), statistic), 1.0)
    applies = (n_langs >= 2) & ~((sizes > 0) & (sizes < 2)).any(axis=1)
    return np.where(applies, p, np.nan)


def read_queries(path: Path) -> pd.DataFrame | None:
    """Read queries.parquet; None where it is missing, as in evaluations of before there were such measures.

    Raises:
        UserError: if it is damaged or lacks a column that every such table has.
    """
    if not path.is_file():
        return None
    again = "evaluate the model again (xlembed run or xlembed evaluate)"
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UserError(f"{path} is damaged or cannot be read ({error}): {again}") from None
    if lacking := [c for c in (*IDENTITY, *FIRST_PLACE) if c not in table]:
        raise UserError(f"{path}: not a table of queries, columns {', '.join(lacking)} are missing: {again}")
    return table


def rank_biased_overlap(a: Rows, b: Rows, p: float = PERSISTENCE) -> Floats:
    """RBO_ext of pairs of rankings (Webber, Moffat and Zobel 2010, ACM TOIS 28(4), equation 32), in [0, 1].

    A ranking that has ended early is extended as the paper does; beside an empty one it is 0. Both hold numbers of
    things, best first and none twice, shape (n, k), negative where a ranking has ended; the persistence `p` is in (0,
    1).

    >>> rank_biased_overlap(np.array([[1, 2, 3]]), np.array([[1, 2, 3]])).round(6).tolist()
    [1.0]
    """
    return _in_chunks(lambda x, y: _overlap(x, y, p), a, b)


def rank_correlation(a: Rows, b: Rows) -> Floats:
    """Spearman's correlation over the union of two rankings; what one lacks is tied behind all that it has.

    With k places a missing thing has rank k + 1 (MRC@k of LaKDA, Yang et al. 2024, MRL workshop); ties have
    midranks. Two rankings of the same single thing correlate 1, an empty one with any other 0. Arguments are those of
    `rank_biased_overlap`.
    """
    return _in_chunks(_correlation, a, b)


def _in_chunks(measure: Callable[[Rows, Rows], Floats], a: Rows, b: Rows) -> Floats:
    parts = [measure(a[i : i + CHUNK], b[i : i + CHUNK]) for i in range(0, len(a), CHUNK)]
    return np.concatenate(parts or [np.empty(0)])


def _common(a: Rows, b: Rows) -> NDArray[np.bool_]:
    """Whether place i of one and place j of the other hold the same, shape (n, k, k)."""
    return np.asarray((a[:, :, None] == b[:, None, :]) & (a[:, :, None] >= 0))


def _overlap(a: Rows, b: Rows, p: float) -> Floats:
    n, k = a.shape
    both = _common(a, b)
    depth = np.arange(1, k + 1)
    # A thing is in both tops from the deeper of its two places on.
    deeper = np.maximum(depth[:, None], depth[None, :])
    shared = np.stack([(both & (deeper <= d)).sum(axis=(1, 2)) for d in depth], axis=1).astype(np.float64)
    lengths = np.stack([(a >= 0).sum(axis=1), (b >= 0).sum(axis=1)])
    short, long = lengths.min(axis=0), lengths.max(axis=0)
    some = short > 0
    s, rows = np.maximum(short, 1), np.arange(n)
    at_short, at_long = shared[rows, s - 1], shared[rows, np.maximum(long, 1) - 1]
    beyond = np.maximum(depth - s[:, None], 0) / s[:, None] * at_short[:, None]
    weights = np.where(depth <= long[:, None], p**depth / depth, 0.0)
    seen = (1 - p) / p * ((shared + beyond) * weights).sum(axis=1)
    rest = ((at_long - at_short) / np.maximum(long, 1) + at_short / s) * p**long
    return np.where(some, seen + rest, 0.0)


def _correlation(a: Rows, b: Rows) -> Floats:
    both = _common(a, b)
    has_a, has_b = a >= 0, b >= 0
    n_a, n_b, n_both = has_a.sum(axis=1), has_b.sum(axis=1), both.sum(axis=(1, 2))
    union = n_a + n_b - n_both
    middle = (union + 1) / 2
    # Midranks, less their mean: of what each has, and of what it lacks.
    has = np.arange(1, a.shape[1] + 1) - middle[:, None]
    lacks_a, lacks_b = ((n + union + 1) / 2 - middle for n in (n_a, n_b))
    only_a, only_b = has_a & ~both.any(axis=2), has_b & ~both.any(axis=1)
    shared = np.einsum("nij,ni,nj->n", both.astype(np.float64), has, has)
    covariance = shared + (has * only_a).sum(axis=1) * lacks_b + (has * only_b).sum(axis=1) * lacks_a
    spread_a = (has**2 * has_a).sum(axis=1) + (union - n_a) * lacks_a**2
    spread_b = (has**2 * has_b).sum(axis=1) + (union - n_b) * lacks_b**2
    scale = np.sqrt(spread_a * spread_b)
    same_single = (union == 1) & (n_both == 1)
    empty = (n_a == 0) | (n_b == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(same_single, 1.0, np.where(empty, 0.0, covariance / scale))
