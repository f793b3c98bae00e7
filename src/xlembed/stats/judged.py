"""How much of what is found somebody has judged, and what the scores are when the rest is left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from xlembed.data.task import Task
from xlembed.measures import Measure
from xlembed.search.base import Rows
from xlembed.search.kinds import CONDENSED, FIRST, JUDGED, SHARE
from xlembed.search.ranking import RankedUnit
from xlembed.search.table import units_table
from xlembed.search.units import own_copies
from xlembed.stats.bootstrap import N_RESAMPLES
from xlembed.stats.evaluation import labelled, mode_rows, scored
from xlembed.stats.score_rows import Estimate
from xlembed.words import Lang, Pool


def judged_rows(
    task: Task,
    ranked: Sequence[RankedUnit],
    top: Rows,
    measures: Sequence[Measure],
    clusters: Mapping[str, str],
    unsupported: Mapping[Lang, str],
    n_resamples: int = N_RESAMPLES,
) -> list[Estimate]:
    """Both kinds per language and as macro average; none for tasks that judge across languages.

    `top` are raw rankings of all documents, shape (n_queries, depth), -1 where one has ended; a measure of the full
    ranking is left out, since it is cut here; `clusters` are those of the needs; `unsupported` as in
    `evaluation.score_run`.
    """
    chosen = [r for r in ranked if r.pool is Pool.ALL]
    if not task.separate_questions or not chosen:
        return []
    row_of = {d.doc_id: i for i, d in enumerate(task.documents)}
    judged = [
        np.array([row_of[d] for d in task.qrels.get(q.query_id, ())], dtype=np.int64) for q in task.queries
    ]
    copies = own_copies(task)
    condensed, shares = [], {}
    for r in chosen:
        query = task.queries[r.unit.query]
        ranking = top[r.unit.query][top[r.unit.query] >= 0]
        ranking = ranking[~np.isin(ranking, copies.get(r.unit.query, ()))]
        known = np.isin(ranking, judged[r.unit.query])
        place = {row: rank for rank, row in enumerate(ranking[known].tolist(), 1)}
        ranks = tuple(place.get(row, 0) for row in r.unit.relevant)
        condensed.append(replace(r, n_retrieved=len(place), ranks=ranks))
        if len(ranking):
            shares[query.query_id] = float(known[:FIRST].mean())
    cut = [m for m in measures if m.cutoff]
    units = units_table(task, condensed, cut, clusters)
    every: Collection[str] = set(clusters.values())
    of_kinds = {CONDENSED: mode_rows(units, cut, every, n_resamples)}
    found = units[units["query_id"].isin(shares.keys())]
    found = found.assign(**{JUDGED: found["query_id"].map(shares).astype(np.float64)})
    of_kinds[SHARE] = scored(found, {JUDGED: JUDGED}, [False], every, n_resamples)
    return [
        labelled(row.model_copy(update={"kind": kind}), unsupported)
        for kind, rows in of_kinds.items()
        for row in rows
    ]
