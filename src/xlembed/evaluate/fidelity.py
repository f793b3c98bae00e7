"""What the index costs: the same units ranked by exact search, the difference, and the recall of neighbours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from xlembed.data.task import Task
from xlembed.measures import Measure
from xlembed.search.base import VectorIndex
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.fidelity import neighbour_recall
from xlembed.search.ranking import Rankings, rank_units
from xlembed.search.searcher import Searcher
from xlembed.search.table import units_table
from xlembed.search.units import ANY_LANGUAGE
from xlembed.settings import EvaluateSettings
from xlembed.stats.evaluation import loss_rows, recall_rows
from xlembed.words import Lang, Mode, Pool, Vectors

RECALL_CUTS = (10, 100)
NOT_EXERCISED = "index not exercised"
"""Shown instead of a loss of 0 when the server scanned the pool instead of going through its index."""


def index_fidelity(
    task: Task,
    units: pd.DataFrame,
    index: ElasticIndex,
    exact: VectorIndex,
    queries: Vectors,
    reference: Searcher,
    measures: Sequence[Measure],
    clusters: Mapping[str, str],
    settings: EvaluateSettings,
    *,
    by_language: bool = False,
) -> dict[str, Any]:
    """Recall and loss with intervals, and which pools went through the index at all.

    Cells whose pool was scanned are left out of the losses: a loss of 0 there would say nothing of the index.

    Args:
        task: the evaluated one.
        units: of the evaluated search.
        index: the engine under examination.
        exact: exact search over the same vectors.
        queries: vectors of `task.queries`.
        reference: what the evaluated search would be without an index.
        measures: columns of the units.
        clusters: need id -> cluster id.
        settings: modes, depth, other versions and resamples.
        by_language: whether the pool of all languages is searched language by language.

    Returns:
        What `scorebook.IndexFidelity` reads.
    """
    rankings = rank_units(
        task,
        reference,
        depth=settings.depth,
        modes=settings.modes,
        other_versions=settings.other_versions,
        keep_top=1,
    )
    exact_units = units_table(task, rankings.units, measures, clusters)
    extra = max((len(r.unit.ignored) for r in rankings.units), default=0)
    pools = pools_of(rankings, task, settings)
    searched: dict[Lang | None, list[Lang | None]] = {p: [p] for p in pools}
    if by_language:
        searched[None] = list(task.languages)
    exercised = {
        p or ANY_LANGUAGE: any(
            index.exercised(settings.depth + (extra if p is None else 0), of) for of in searched[p]
        )
        for p in pools
    }
    through = {lang for lang, yes in exercised.items() if yes}
    all_clusters = set(units["cluster"])
    loss, recall = [], []
    if through:
        loss = loss_rows(
            in_pools(exact_units, through),
            in_pools(units, through),
            measures,
            all_clusters,
            settings.resamples,
        )
    deep = [p for p in pools if index.exercised(max(RECALL_CUTS), p)]
    if deep:
        parts = [recall_table(task, index, exact, queries, clusters, pool) for pool in deep]
        found = pd.concat(parts, ignore_index=True)
        recall = recall_rows(found, RECALL_CUTS, all_clusters, settings.resamples) if len(found) else []
    return {
        "exercised": exercised,
        "recall_exercised": {p or ANY_LANGUAGE: p in deep for p in pools},
        "note": "" if through else NOT_EXERCISED,
        "exact": exact_macros(exact_units, measures),
        "loss": [row.to_json() for row in loss],
        "recall": [row.to_json() for row in recall],
    }


def pools_of(rankings: Rankings, task: Task, settings: EvaluateSettings) -> list[Lang | None]:
    """The pools that these rankings were searched in; None is all documents."""
    pools: list[Lang | None] = [None] if set(settings.modes) - {Mode.MONOLINGUAL} else []
    return pools + (list(task.languages) if any(r.pool is Pool.TARGET for r in rankings.units) else [])


def in_pools(table: pd.DataFrame, pools: Collection[Lang]) -> pd.DataFrame:
    """Units whose pool is one of these; `*` is that of all documents."""
    pool = np.where(table["pool"] == str(Pool.ALL), ANY_LANGUAGE, table["doc_lang"])
    return table[pd.Series(pool, index=table.index).isin(pools)]


def recall_table(
    task: Task,
    index: VectorIndex,
    exact: VectorIndex,
    queries: Vectors,
    clusters: Mapping[str, str],
    pool: Lang | None,
) -> pd.DataFrame:
    """Recall of every query's neighbours in one pool, see `stats.evaluation.recall_rows`."""
    directed = np.flatnonzero(np.asarray(queries).any(axis=1))
    recalls = neighbour_recall(index, exact, np.asarray(queries)[directed], RECALL_CUTS, pool)
    chosen = [task.queries[row] for row in directed]
    return pd.DataFrame(
        {
            "query_id": [q.query_id for q in chosen],
            "need_id": [q.need_id for q in chosen],
            "cluster": [clusters[q.need_id] for q in chosen],
            "query_lang": [q.lang for q in chosen],
            "doc_lang": pool or ANY_LANGUAGE,
            "kind": "index_recall",
            "pool": str(Pool.TARGET if pool else Pool.ALL),
            **{f"recall@{k}": recalls[:, i] for i, k in enumerate(RECALL_CUTS)},
        }
    )


def exact_macros(units: pd.DataFrame, measures: Sequence[Measure]) -> list[dict[str, Any]]:
    """Macro averages of exact search, to stand beside those of the index: kind, pool, measure, value."""
    rows = []
    for (mode, pool), part in units.groupby(["mode", "pool"], sort=True):
        cells = part.groupby(["query_lang", "doc_lang"])[[m.column for m in measures]].mean()
        rows += [
            {
                "kind": str(mode),
                "pool": str(pool),
                "measure": m.name,
                "value": round(float(cells[m.column].mean()), 6),
            }
            for m in measures
        ]
    return rows
