"""queries.parquet: one row per query with the language-aware measures of its ranking of all documents."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
from numpy.typing import NDArray
from scipy.special import chdtrc

from xlembed.data.task import Task
from xlembed.search.kinds import FIRST_PLACE
from xlembed.search.list_agreement import rank_biased_overlap, rank_correlation
from xlembed.search.mixed import MixedRankings
from xlembed.words import UserError

IDENTITY = ("query_id", "need_id", "cluster", "query_lang")
NO_PREFERENCE = "no_preference"
"""Column: what `preference` would be without one, the share of right documents in the query's language."""
TIE = 1e-9
"""Squared distances of ranks below this are rounding: all ranks are the same."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Right:
    """All right documents of all queries, one entry each.

    Attributes:
        n: queries.
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

    Args:
        task: what was searched.
        found: the rankings of all its queries.
        clusters: need id -> cluster id.
        other_gain: what a right document in another language is worth to nDCG, as a share of one in the query's.

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
    """Whether each of `FIRST_PLACE` stands first."""
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
