"""What an index takes away: exact minus approximate scores of the same units, and recall of the neighbours."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from xlembed.measures import Measure
from xlembed.search.table import KEY
from xlembed.stats.bootstrap import N_RESAMPLES, score_cells
from xlembed.stats.evaluation import ScoreRow, cell_layout, score_rows
from xlembed.stats.paired import difference_cells


def loss_rows(
    exact: pd.DataFrame,
    approximate: pd.DataFrame,
    measures: Sequence[Measure],
    task_clusters: Collection[str],
    n_resamples: int = N_RESAMPLES,
) -> list[ScoreRow]:
    """Exact minus approximate per cell and macro, paired by unit, with unadjusted intervals.

    Positive is what the index costs; the model is the same on both sides.

    Raises:
        ValueError: if the units differ.
    """
    a, b = (table.sort_values(KEY, kind="stable").reset_index(drop=True) for table in (exact, approximate))
    if not a[KEY].equals(b[KEY]):
        raise ValueError("exact and approximate units are not the same")
    columns = [m.column for m in measures]
    cells = cell_layout(a, task_clusters)
    table = difference_cells(
        cells.layout,
        a[columns].to_numpy(dtype=np.float64),
        b[columns].to_numpy(dtype=np.float64),
        cells.macros,
        n_resamples,
    )
    return score_rows(table, cells, [m.name for m in measures])


def recall_rows(
    recalls: pd.DataFrame,
    cuts: Sequence[int],
    task_clusters: Collection[str],
    n_resamples: int = N_RESAMPLES,
) -> list[ScoreRow]:
    """Mean recall of the exact neighbours per pool, query and document language, with intervals.

    Args:
        recalls: one row per search: query_id, need_id, cluster, kind, pool, query_lang, doc_lang (``*`` in the
            pool of all documents) and a column `recall@k` per cut.
        cuts: values of k.
        task_clusters: all clusters of the task.
        n_resamples: of the cluster bootstrap.
    """
    names = [f"recall@{k}" for k in cuts]
    cells = cell_layout(recalls, task_clusters, ("kind", "pool"))
    values = recalls[names].to_numpy(dtype=np.float64)
    table = score_cells(cells.layout, values, [False] * len(names), cells.macros, n_resamples)
    return score_rows(table, cells, names)
