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
from xlembed.stats.bootstrap import N_RESAMPLES, score_cells
from xlembed.stats.evaluation import ScoreRow, cell_layout, labelled, mode_rows, score_rows
from xlembed.words import Lang, Pool


def judged_rows(
    task: Task,
    ranked: Sequence[RankedUnit],
    top: Rows,
    measures: Sequence[Measure],
    clusters: Mapping[str, str],
    unsupported: Mapping[Lang, str],
    n_resamples: int = N_RESAMPLES,
) -> list[ScoreRow]:
    """Both kinds per language and as macro average; none for tasks that judge across languages.

    Args:
        task: whose languages may have different questions.
        ranked: its units.
        top: raw rankings of all documents, shape (n_queries, depth), -1 where one has ended.
        measures: those of the units; a measure of the full ranking is left out, since it is cut here.
        clusters: need id -> cluster id.
        unsupported: task languages that are not on the model's card, with their label.
        n_resamples: of the cluster bootstrap.
    """
    chosen = [r for r in ranked if r.pool is Pool.ALL]
    if not task.separate_questions or not chosen:
        return []
    row_of = {d.doc_id: i for i, d in enumerate(task.documents)}
    judged = [
        np.array([row_of[d] for d in task.qrels.get(q.query_id, ())], dtype=np.int64) for q in task.queries
    ]
    copies = task.self_documents if task.leave_out_self else {}
    condensed, shares = [], {}
    for r in chosen:
        query = task.queries[r.unit.query]
        own = [row_of[doc_id] for doc_id in copies.get(query.query_id, ())]
        ranking = top[r.unit.query][top[r.unit.query] >= 0]
        ranking = ranking[~np.isin(ranking, own)]
        known = np.isin(ranking, judged[r.unit.query])
        place = {row: rank for rank, row in enumerate(ranking[known].tolist(), 1)}
        ranks = tuple(place.get(row, 0) for row in r.unit.relevant)
        condensed.append(replace(r, n_retrieved=len(place), ranks=ranks))
        if len(ranking):
            shares[query.query_id] = float(known[:FIRST].mean())
    cut = [m for m in measures if m.cutoff]
    units = units_table(task, condensed, cut, clusters)
    every: Collection[str] = set(clusters.values())
    rows = [replace(row, kind=CONDENSED) for row in mode_rows(units, cut, every, n_resamples)]
    found = units[units["query_id"].isin(shares.keys())]
    cells = cell_layout(found, every)
    values = found["query_id"].map(shares).to_numpy(dtype=np.float64)[:, None]
    table = score_cells(cells.layout, values, [False], cells.macros, n_resamples)
    rows += [replace(row, kind=SHARE) for row in score_rows(table, cells, [JUDGED])]
    return [labelled(row, unsupported) for row in rows]
