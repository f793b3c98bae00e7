"""units.parquet: one row per unit and pool with every measure; the currency of all comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import ir_measures
import numpy as np
import pandas as pd
import pyarrow
from numpy.typing import NDArray

from xlembed.data.task import Task
from xlembed.files import atomic_path
from xlembed.measures import Measure
from xlembed.search.units import KEY, mode_of
from xlembed.words import Mode, UserError

if TYPE_CHECKING:
    from xlembed.search.ranking import RankedUnit

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


class JudgedRanks(NamedTuple):
    """All that a measure needs to know of one unit's ranking.

    Attributes:
        n_retrieved: documents in the ranking (after removal of the ignored ones).
        ranks: rank from 1 of each relevant document, 0 if it was not retrieved.
        grades: relevance grade >= 1 of each, in the same order.
    """

    n_retrieved: int
    ranks: tuple[int, ...]
    grades: tuple[int, ...]


def measure_units(
    units: Sequence[JudgedRanks], measures: Sequence[Measure]
) -> dict[str, NDArray[np.float64]]:
    """One value per unit and measure, keyed by measure name.

    A document's name does not matter to a measure, so ranks stand for names, and units with the same
    pattern share one computation: 85,000 units of XQuAD have some hundred patterns. A measure without a
    cutoff (MRR) takes the ranks as they are, even beyond `n_retrieved`: exact search knows them.
    """
    if not units:
        return {m.name: np.empty(0) for m in measures}
    deepest = max((m.cutoff for m in measures if m.cutoff), default=0)
    patterns: dict[JudgedRanks, int] = {}
    index = np.array([patterns.setdefault(_cut(u, deepest), len(patterns)) for u in units])
    values = _measure_patterns(list(patterns), [m for m in measures if m.cutoff])
    result = {name: column[index] for name, column in values.items()}
    if any(m.cutoff is None for m in measures):
        result["MRR"] = np.array(
            [1.0 / min(found) if (found := [r for r in u.ranks if r]) else 0.0 for u in units]
        )
    return {m.name: result[m.name] for m in measures}


def _cut(unit: JudgedRanks, deepest: int) -> JudgedRanks:
    """The part of a unit that measures with cutoffs can see, in one canonical order."""
    pairs = sorted((r if r <= deepest else 0, g) for r, g in zip(unit.ranks, unit.grades, strict=True))
    return JudgedRanks(min(unit.n_retrieved, deepest), tuple(r for r, _ in pairs), tuple(g for _, g in pairs))


def _measure_patterns(
    patterns: Sequence[JudgedRanks], measures: Sequence[Measure]
) -> dict[str, NDArray[np.float64]]:
    values = {m.name: np.zeros(len(patterns)) for m in measures}
    if not measures:
        return values
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for i, pattern in enumerate(patterns):
        judged = enumerate(zip(pattern.ranks, pattern.grades, strict=True))
        qrels[str(i)] = {f"rank {r}" if r else f"missed {j}": g for j, (r, g) in judged}
        # score = -rank: distinct in float32, so no engine of ir_measures has a tie to break its own way
        run[str(i)] = {f"rank {r}": -float(r) for r in range(1, pattern.n_retrieved + 1)}
    names = {m.ir: m.name for m in measures}
    for metric in ir_measures.iter_calc(list(names), qrels, run):
        values[names[metric.measure]][int(metric.query_id)] = metric.value
    return values
