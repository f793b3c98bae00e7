"""All scores of one evaluated model: every mode, pool, cell and macro, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from xlembed.files import rounded
from xlembed.measures import Measure
from xlembed.search.units import KEY
from xlembed.stats.bootstrap import N_RESAMPLES, score_cells
from xlembed.stats.layout import UnitLayout, unit_layout
from xlembed.stats.paired import difference_cells
from xlembed.stats.score_rows import Estimate
from xlembed.stats.scores import Score, Table
from xlembed.words import Lang, Mode, Pool

PAIR_KEY = ["query_id", "need_id", "cluster", "query_lang", "doc_lang"]
PAIRED: dict[str, tuple[str, str, str, str, str]] = {
    "pool_gap": (Mode.TRUE_CROSS_LINGUAL, Pool.TARGET, "query_id", Pool.ALL, ""),
    "loss_weak": (Mode.MONOLINGUAL, Pool.TARGET, "need_id", Pool.TARGET, str(Pool.TARGET)),
    "loss_strong": (Mode.CROSS_LINGUAL, Pool.ALL, "need_id", Pool.ALL, str(Pool.ALL)),
}
"""Differences of two modes: mode and pool of the first side, what pairs them, pool of the second, pool as stored."""
MODES, KINDS = ("mode", "pool"), ("kind", "pool")
"""Columns that name a cell of units, and of pairs of units, beside its languages."""
SHARE_CUTS = (1, 5, 10)
"""Depths of the retrieval language matrix that are always stored."""


def numbers(score: Score) -> dict[str, Any]:
    """A score's value, interval and counts, as they are stored beside each other."""
    names = ("value", "ci_low", "ci_high", "n_units", "n_needs", "n_clusters")
    return {**{name: getattr(score, name) for name in names}, "ci_method": str(score.ci_method)}


def number_json(score: Score) -> dict[str, Any]:
    """The same, rounded to 1e-6."""
    return dict(rounded(numbers(score), 6))


def estimate(
    kind: str,
    pool: str | None,
    query_lang: Lang | None,
    doc_lang: Lang | None,
    measure: str,
    score: Score,
    *,
    cells: tuple[str, ...] = (),
    label: str = "",
) -> Estimate:
    """A score as it is stored.

    Its `kind` is a mode or pool_gap, loss_weak, loss_strong, language_bias, retrieved_language, a kind of
    `language_measures.MEASURES`, or one of `judged`. A macro has neither query_lang nor doc_lang; `cells` then lists
    the cells it is the mean of. `label` must be shown with the number.
    """
    told: dict[str, Any] = {"cells": cells, "label": label}
    return Estimate(
        kind=str(kind),
        pool=str(pool) if pool else None,
        query_lang=query_lang,
        doc_lang=doc_lang,
        measure=measure,
        **numbers(score),
        **{name: value for name, value in told.items() if value},
    )


def difference_json(d: Score) -> dict[str, Any]:
    """The same of a difference."""
    row = number_json(d)
    return {"difference": row.pop("value"), **row}


def score_run(
    units: pd.DataFrame,
    shares: Mapping[int, pd.DataFrame],
    measures: Sequence[Measure],
    task_clusters: Collection[str],
    unsupported: Mapping[Lang, str],
    n_resamples: int = N_RESAMPLES,
) -> list[Estimate]:
    """Score a table of units in every way the product defines.

    Args:
        units: from `search.table.units_table`.
        shares: cut k -> one row per query (`query_id`, `need_id`, `cluster`, `query_lang`) with a column per language:
            shares of the first k documents retrieved; queries that retrieved nothing left out.
        measures: columns of `units` to score.
        task_clusters: all clusters of the task, so that every part shares one weight matrix.
        unsupported: task languages that are not on the model's card, with their label.
        n_resamples: of the cluster bootstrap.
    """
    rows = mode_rows(units, measures, task_clusters, n_resamples)
    rows += _difference_rows(units, measures, task_clusters, n_resamples)
    rows += _bias_rows(units, task_clusters, n_resamples)
    for k, table in shares.items():
        rows += _share_rows(table, k, task_clusters, n_resamples)
    return [labelled(row, unsupported) for row in rows]


@dataclass(frozen=True)
class CellLayout:
    """Units numbered by cell, with the macros over those cells."""

    layout: UnitLayout
    cells: list[tuple[str, str, Lang, Lang]]
    macros: dict[str, list[int]]

    def pairs(self, members: Iterable[int]) -> tuple[str, ...]:
        """``b->a`` of cells, as a macro over them lists them."""
        return tuple("->".join(self.cells[i][2:]) for i in members)


def cell_layout(
    units: pd.DataFrame, task_clusters: Collection[str], columns: Sequence[str] = MODES
) -> CellLayout:
    """Number the cells of a table with the columns kind, pool (names in `columns`), query_lang and doc_lang."""
    kind, pool = columns
    keys = list(zip(units[kind], units[pool], units["query_lang"], units["doc_lang"], strict=True))
    cells = sorted(set(keys))
    number = {cell: i for i, cell in enumerate(cells)}
    macros: dict[str, list[int]] = {}
    for i, (k, p, _, _) in enumerate(cells):
        macros.setdefault(f"{k}/{p}", []).append(i)
    layout = unit_layout(
        [number[key] for key in keys],
        list(units["need_id"]),
        list(units["cluster"]),
        len(cells),
        task_clusters,
    )
    return CellLayout(layout, cells, macros)


def score_rows(table: Table[Any], cells: CellLayout, names: Sequence[str]) -> list[Estimate]:
    """A table of scores as rows: cells first, then macros; missing ones are left out."""
    lines: list[tuple[Any, ...]] = [
        (*cell, (), line) for cell, line in zip(cells.cells, table.cells, strict=True)
    ]
    for macro, line in table.macros.items():
        kind, _, pool = macro.partition("/")
        lines.append((kind, pool, None, None, cells.pairs(table.macro_cells[macro]), line))
    return [
        estimate(kind, pool, query_lang, doc_lang, name, score, cells=members)
        for kind, pool, query_lang, doc_lang, members, line in lines
        for name, score in zip(names, line, strict=True)
        if score is not None
    ]


def scored(
    units: pd.DataFrame,
    columns: Mapping[str, str],
    binary: Sequence[bool],
    clusters: Collection[str],
    n: int,
    place: Sequence[str] = MODES,
) -> list[Estimate]:
    """Scores of the columns of a table (column -> measure), cells and macros."""
    cells = cell_layout(units, clusters, place)
    values = units[list(columns)].to_numpy(dtype=np.float64)
    return score_rows(
        score_cells(cells.layout, values, binary, cells.macros, n), cells, list(columns.values())
    )


def mode_rows(
    units: pd.DataFrame, measures: Sequence[Measure], clusters: Collection[str], n: int
) -> list[Estimate]:
    """Every mode and pool of the units: cells, then macro averages."""
    one_each = bool((units["n_relevant"] == 1).all())
    columns = {m.column: m.name for m in measures}
    return scored(units, columns, [m.is_binary(one_each) for m in measures], clusters, n)


def _difference_rows(
    units: pd.DataFrame, measures: Sequence[Measure], clusters: Collection[str], n: int
) -> list[Estimate]:
    """pool_gap per pair of languages, and the two losses."""
    columns = [m.column for m in measures]
    pairs = pd.concat([paired_units(units, columns, kind) for kind in PAIRED], ignore_index=True)
    if pairs.empty:
        return []
    first, second = (pairs[[f"{c}_{side}" for c in columns]].to_numpy() for side in ("first", "second"))
    return difference_rows(pairs, first, second, measures, clusters, n, KINDS)


def difference_rows(
    units: pd.DataFrame,
    first: ArrayLike,
    second: ArrayLike,
    measures: Sequence[Measure],
    clusters: Collection[str],
    n: int,
    place: Sequence[str] = MODES,
) -> list[Estimate]:
    """First - second, both of shape (n_units, n_measures), paired by unit, with unadjusted intervals."""
    cells = cell_layout(units, clusters, place)
    table = difference_cells(cells.layout, first, second, cells.macros, n)
    return score_rows(table, cells, [m.name for m in measures])


def loss_rows(
    exact: pd.DataFrame,
    approximate: pd.DataFrame,
    measures: Sequence[Measure],
    task_clusters: Collection[str],
    n_resamples: int = N_RESAMPLES,
) -> list[Estimate]:
    """What an index takes away: exact minus approximate per cell and macro, paired by unit.

    Positive is what the index costs; the model is the same on both sides.

    Raises:
        ValueError: if the units differ.
    """
    a, b = (table.sort_values(KEY, kind="stable").reset_index(drop=True) for table in (exact, approximate))
    if not a[KEY].equals(b[KEY]):
        raise ValueError("exact and approximate units are not the same")
    columns = [m.column for m in measures]
    return difference_rows(
        a, a[columns].to_numpy(), b[columns].to_numpy(), measures, task_clusters, n_resamples
    )


def recall_rows(
    recalls: pd.DataFrame, cuts: Sequence[int], task_clusters: Collection[str], n_resamples: int = N_RESAMPLES
) -> list[Estimate]:
    """Mean recall of the exact neighbours per pool, query and document language, with intervals.

    `recalls` has one row per search: query_id, need_id, cluster, kind, pool, query_lang, doc_lang (``*`` in the
    pool of all documents) and a column `recall@k` per cut.
    """
    columns = {name: name for name in (f"recall@{k}" for k in cuts)}
    return scored(recalls, columns, [False] * len(cuts), task_clusters, n_resamples, KINDS)


def paired_units(units: pd.DataFrame, columns: Sequence[str], kind: str) -> pd.DataFrame:
    """What a difference of two modes compares: each true_cross_lingual unit beside what the other side scored.

    `pool_gap` sets pool = target against pool = all for the same query and document language; the losses set what the
    document's own language scored for the same need against what another language's query scored. A need asked twice
    in the document's language counts with the mean of the two.

    Returns:
        One row per pair: PAIR_KEY, `kind`, `pool`, and per measure `COLUMN_first` (what is taken away from) and
        `COLUMN_second`, in the order of the units; empty if a mode is missing.
    """
    mode, pool, by, second_pool, shown = PAIRED[kind]
    first = units[(units["mode"] == mode) & (units["pool"] == pool)]
    second = units[(units["mode"] == Mode.TRUE_CROSS_LINGUAL) & (units["pool"] == second_pool)]
    wanted = list(columns)
    mean = first.groupby([by, "doc_lang"], sort=False)[wanted].mean().add_suffix("_first").reset_index()
    pairs = second[[*PAIR_KEY, *wanted]].rename(columns={c: f"{c}_second" for c in wanted})
    return pairs.merge(mean, on=[by, "doc_lang"], how="inner").assign(kind=kind, pool=shown)


def _bias_rows(units: pd.DataFrame, clusters: Collection[str], n: int) -> list[Estimate]:
    """language_bias: is a wrong first document in the query's language more often than by chance?"""
    wrong = units[
        (units["mode"] == Mode.TRUE_CROSS_LINGUAL)
        & (units["pool"] == Pool.ALL)
        & ~units["first_correct"]
        & units["first_lang"].notna()
        & units["wrong_share"].notna()
    ].assign(kind="language_bias")
    if wrong.empty:
        return []
    own = (wrong["first_lang"] == wrong["query_lang"]).astype(np.float64)
    wrong["language_bias"] = own - wrong["wrong_share"]
    return scored(wrong, {"language_bias": "language_bias"}, [False], clusters, n, KINDS)


def query_layout(table: pd.DataFrame, task_clusters: Collection[str]) -> tuple[UnitLayout, list[Lang]]:
    """Queries numbered by their language."""
    langs = sorted(set(table["query_lang"]))
    number = {lang: i for i, lang in enumerate(langs)}
    cells = [number[lang] for lang in table["query_lang"]]
    clusters = list(table["cluster"])
    return unit_layout(cells, list(table["need_id"]), clusters, len(langs), task_clusters), langs


def _share_rows(table: pd.DataFrame, k: int, clusters: Collection[str], n: int) -> list[Estimate]:
    """Retrieval language matrix: share of each language in the top k, per query language."""
    languages = [c for c in table.columns if c not in PAIR_KEY]
    if table.empty:
        return []
    layout, query_langs = query_layout(table, clusters)
    values = table[languages].to_numpy(dtype=np.float64)
    shares = score_cells(layout, values, [k == 1] * len(languages), None, n)
    return [
        estimate("retrieved_language", Pool.ALL, query_lang, doc_lang, f"share@{k}", score)
        for query_lang, line in zip(query_langs, shares.cells, strict=True)
        for doc_lang, score in zip(languages, line, strict=True)
        if score is not None
    ]


def labelled(row: Estimate, unsupported: Mapping[Lang, str]) -> Estimate:
    """The label of the languages that a number rests on, if the model's card lacks one of them."""
    involved = {lang for lang in (row.query_lang, row.doc_lang) if lang is not None}
    involved |= {lang for cell in row.cells for lang in cell.split("->")}
    labels = sorted({unsupported[lang] for lang in involved if lang in unsupported})
    return row.model_copy(update={"label": "; ".join(labels)}) if labels else row
