"""What the index costs: the same units ranked by exact search, the difference, and the recall of neighbours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xlembed.corpus.task import Task
from xlembed.index.base import VectorIndex
from xlembed.index.elastic.engine import ElasticIndex
from xlembed.metrics.measures import Measure
from xlembed.metrics.table import units_table
from xlembed.retrieval.fidelity import neighbour_recall
from xlembed.retrieval.ranking import Rankings, rank_units
from xlembed.retrieval.searcher import Searcher, VectorSearcher
from xlembed.retrieval.units import ANY_LANGUAGE
from xlembed.settings import EvaluateSettings
from xlembed.stats.index_loss import loss_rows, recall_rows
from xlembed.types import Lang, Mode, Pool, Vectors

RECALL_CUTS = (10, 100)
NOT_EXERCISED = "index not exercised"
"""Shown instead of a loss of 0 when the server scanned the pool instead of going through its index."""


@dataclass(frozen=True)
class Fidelity:
    """An index beside exact search over the very same vectors.

    Attributes:
        exact_units: units of exact search.
        exercised: (pool, language) -> whether searches of the evaluation went through the index.
        recall: one row per search, see `stats.index_loss.recall_rows`; only pools that were exercised.
        recall_exercised: pools in which the searches for recall went through the index.
    """

    exact_units: pd.DataFrame
    exercised: Mapping[Lang, bool]
    recall: pd.DataFrame
    recall_exercised: Mapping[Lang, bool]


def compare_with_exact(
    task: Task,
    index: ElasticIndex,
    exact: VectorIndex,
    queries: Vectors,
    measures: Sequence[Measure],
    clusters: Mapping[str, str],
    settings: EvaluateSettings,
    *,
    reference: Searcher | None = None,
) -> Fidelity:
    """Rank every unit by exact search too, and measure the recall of each pool's searches.

    Args:
        task: the evaluated one.
        index: the engine under examination.
        exact: exact search over the same vectors.
        queries: vectors of `task.queries`.
        measures: columns of the units.
        clusters: need id -> cluster id.
        settings: modes, depth and other versions.
        reference: what the evaluated search would be without an index: exact search itself, unless the vectors are
            only a part of the search.
    """
    rankings = rank_units(
        task,
        reference or VectorSearcher(exact, queries),
        depth=settings.depth,
        modes=settings.modes,
        other_versions=settings.other_versions,
        keep_top=1,
    )
    extra = max((len(r.unit.ignored) for r in rankings.units), default=0)
    pools = pools_of(rankings, task, settings)
    exercised = {
        p or ANY_LANGUAGE: index.exercised(settings.depth + (extra if p is None else 0), p) for p in pools
    }
    through = [p for p in pools if index.exercised(max(RECALL_CUTS), p)]
    parts = [recall_table(task, index, exact, queries, clusters, pool) for pool in through]
    return Fidelity(
        exact_units=units_table(task, rankings.units, measures, clusters),
        exercised=exercised,
        recall=pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(),
        recall_exercised={p or ANY_LANGUAGE: p in through for p in pools},
    )


def pools_of(rankings: Rankings, task: Task, settings: EvaluateSettings) -> list[Lang | None]:
    """The pools that these rankings were searched in; None is all documents."""
    pools: list[Lang | None] = [None] if set(settings.modes) - {Mode.MONOLINGUAL} else []
    return pools + (list(task.languages) if any(r.pool is Pool.TARGET for r in rankings.units) else [])


def in_pools(table: pd.DataFrame, pools: Collection[Lang]) -> pd.DataFrame:
    """Units whose pool is one of these, see `Fidelity.exercised`."""
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
    """Recall of every query's neighbours in one pool, see `stats.index_loss.recall_rows`."""
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


def fidelity_report(
    fidelity: Fidelity,
    units: pd.DataFrame,
    measures: Sequence[Measure],
    clusters: set[str],
    n_resamples: int,
) -> dict[str, Any]:
    """For scores.json: recall and loss with intervals, and which pools went through the index at all.

    Cells whose pool was scanned are left out of the losses: a loss of 0 there would say nothing of the index.
    """
    through = {lang for lang, yes in fidelity.exercised.items() if yes}
    loss = []
    if through:
        exact = in_pools(fidelity.exact_units, through)
        loss = loss_rows(exact, in_pools(units, through), measures, clusters, n_resamples)
    recall = []
    if len(fidelity.recall):
        recall = recall_rows(fidelity.recall, RECALL_CUTS, clusters, n_resamples)
    return {
        "exercised": dict(fidelity.exercised),
        "recall_exercised": dict(fidelity.recall_exercised),
        "note": "" if through else NOT_EXERCISED,
        "exact": exact_macros(fidelity.exact_units, measures),
        "loss": [row.to_json() for row in loss],
        "recall": [row.to_json() for row in recall],
    }


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
