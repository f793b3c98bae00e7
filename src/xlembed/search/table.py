"""units.parquet: one row per unit and pool with every measure; the currency of all comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow

from xlembed.data.task import Task
from xlembed.files import atomic_path
from xlembed.measures import Measure
from xlembed.search.unit_measures import JudgedRanks, measure_units
from xlembed.search.units import mode_of
from xlembed.words import Mode, UserError

if TYPE_CHECKING:
    from xlembed.search.ranking import RankedUnit

KEY = ["query_id", "doc_lang", "pool"]
"""What identifies a row within one task and model."""
COLUMNS = (*KEY, "need_id", "cluster", "query_lang", "mode", "n_relevant", "rank_first_relevant")
"""What every table of units has; measures come on top."""


def units_table(
    task: Task, ranked: Sequence[RankedUnit], measures: Sequence[Measure], clusters: Mapping[str, str]
) -> pd.DataFrame:
    """One row per ranked unit, sorted by mode, pool, languages and query."""
    rows = []
    for r in ranked:
        query = task.queries[r.unit.query]
        found = [rank for rank in r.ranks if rank]
        rows.append(
            {
                "query_id": query.query_id,
                "need_id": query.need_id,
                "cluster": clusters[query.need_id],
                "query_lang": query.lang,
                "doc_lang": r.unit.doc_lang,
                "mode": str(mode_of(query.lang, r.unit.doc_lang, r.pool)),
                "pool": str(r.pool),
                "n_relevant": len(r.unit.relevant),
                "n_ignored": len(r.unit.ignored),
                "rank_first_relevant": min(found) if found else None,
                "first_lang": r.first_lang,
                "first_correct": r.first_correct,
                "wrong_share": r.wrong_share,
            }
        )
    table = pd.DataFrame(rows)
    if table.empty:
        raise UserError(
            f"task {task.name}: no query has a relevant document, so there is nothing to evaluate"
        )
    table["rank_first_relevant"] = table["rank_first_relevant"].astype("Int64")
    judged = [JudgedRanks(r.n_retrieved, r.ranks, r.unit.grades) for r in ranked]
    for name, values in measure_units(judged, measures).items():
        table[next(m.column for m in measures if m.name == name)] = values
    order = {str(mode): i for i, mode in enumerate(Mode)}
    table["_mode"] = table["mode"].map(order)
    table = table.sort_values(["_mode", "pool", "query_lang", "doc_lang", "query_id"], kind="stable")
    return table.drop(columns="_mode").reset_index(drop=True)


def write_units(table: pd.DataFrame, path: Path) -> None:
    """Write atomically as Parquet; equal tables give equal bytes."""
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def read_units(path: Path) -> pd.DataFrame:
    """Read units.parquet.

    Raises:
        UserError: if it is missing, damaged, empty, or lacks a column that every table of units has.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: evaluate the model first (xlembed run or xlembed evaluate)")
    again = "evaluate the model again (xlembed run or xlembed evaluate)"
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UserError(f"{path} is damaged or cannot be read ({error}): {again}") from None
    if lacking := [c for c in COLUMNS if c not in table]:
        raise UserError(f"{path}: not a table of units, columns {', '.join(lacking)} are missing: {again}")
    if table.empty:
        raise UserError(f"{path} holds no units: {again}")
    return table
