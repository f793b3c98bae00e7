"""All scores of one evaluated model: every mode, pool, cell and macro, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from xlembed.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES, score_cells
from xlembed.stats.layout import Floats, UnitLayout, unit_layout
from xlembed.stats.paired import difference_cells
from xlembed.stats.scores import Score, Table
from xlembed.words import Lang, Mode, Pool

PAIR_KEY = ["query_id", "need_id", "cluster", "query_lang", "doc_lang"]
PAIRED: dict[str, tuple[str, str, str, str, str]] = {
    "pool_gap": (Mode.TRUE_CROSS_LINGUAL, Pool.TARGET, "query_id", Pool.ALL, ""),
    "loss_weak": (Mode.MONOLINGUAL, Pool.TARGET, "need_id", Pool.TARGET, str(Pool.TARGET)),
    "loss_strong": (Mode.CROSS_LINGUAL, Pool.ALL, "need_id", Pool.ALL, str(Pool.ALL)),
}
"""Differences of two modes: mode and pool of the first side, what pairs them, pool of the second, pool as stored."""
SHARE_CUTS = (1, 5, 10)
"""Depths of the retrieval language matrix that are always stored."""


@dataclass(frozen=True)
class ScoreRow:
    """One score as stored in scores.json.

    `kind` is a mode or pool_gap, loss_weak, loss_strong, language_bias, retrieved_language, a kind of
    `language_measures.MEASURES`, or one of `judged`. A macro has neither
    query_lang nor doc_lang; `cells` then lists the cells it is the mean of. `label` must be shown with the number.
    """

    kind: str
    pool: str | None
    query_lang: Lang | None
    doc_lang: Lang | None
    measure: str
    score: Score
    label: str | None = None
    cells: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Flat, with floats rounded to 1e-6."""
        row: dict[str, Any] = {
            **{key: getattr(self, key) for key in ("kind", "pool", "query_lang", "doc_lang", "measure")},
            **number_json(self.score),
        }
        if self.label:
            row["label"] = self.label
        if self.cells:
            row["cells"] = list(self.cells)
        return row


def number_json(s: Score) -> dict[str, Any]:
    """A score's value, interval and counts."""
    return {
        "value": round(s.value, 6),
        "ci_low": None if s.ci_low is None else round(s.ci_low, 6),
        "ci_high": None if s.ci_high is None else round(s.ci_high, 6),
        "ci_method": str(s.ci_method),
        "n_units": s.n_units,
        "n_needs": s.n_needs,
        "n_clusters": s.n_clusters,
    }


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
) -> list[ScoreRow]:
    """Score a table of units in every way the product defines.

    Args:
        units: from `metrics.table.units_table`.
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


def cell_layout(
    units: pd.DataFrame, task_clusters: Collection[str], columns: Sequence[str] = ("mode", "pool")
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


def score_rows(table: Table[Any], cells: CellLayout, names: Sequence[str]) -> list[ScoreRow]:
    """A table of scores as rows: cells first, then macros; missing ones are left out."""
    rows = []

    def add(
        kind: str, pool: str, pair: tuple[Lang | None, Lang | None], line: Any, members: tuple[str, ...]
    ) -> None:
        for name, score in zip(names, line, strict=True):
            if score is not None:
                rows.append(ScoreRow(kind, pool or None, *pair, name, score, cells=members))

    for (kind, pool, query_lang, doc_lang), line in zip(cells.cells, table.cells, strict=True):
        add(kind, pool, (query_lang, doc_lang), line, ())
    for macro, line in table.macros.items():
        kind, _, pool = macro.partition("/")
        members = tuple("->".join(cells.cells[i][2:]) for i in table.macro_cells[macro])
        add(kind, pool, (None, None), line, members)
    return rows


def mode_rows(
    units: pd.DataFrame, measures: Sequence[Measure], clusters: Collection[str], n: int
) -> list[ScoreRow]:
    """Every mode and pool of the units: cells, then macro averages."""
    cells = cell_layout(units, clusters)
    one_each = bool((units["n_relevant"] == 1).all())
    values = units[[m.column for m in measures]].to_numpy(dtype=np.float64)
    table = score_cells(cells.layout, values, [m.is_binary(one_each) for m in measures], cells.macros, n)
    return score_rows(table, cells, [m.name for m in measures])


def _difference_rows(
    units: pd.DataFrame, measures: Sequence[Measure], clusters: Collection[str], n: int
) -> list[ScoreRow]:
    """pool_gap per pair of languages, and the two losses."""
    columns = [m.column for m in measures]
    parts = [paired_units(units, columns, kind) for kind in PAIRED]
    pairs = pd.concat(parts, ignore_index=True)
    if pairs.empty:
        return []
    cells = cell_layout(pairs, clusters, ("kind", "pool"))
    a, b = (
        pairs[[f"{c}_{side}" for c in columns]].to_numpy(dtype=np.float64) for side in ("first", "second")
    )
    return score_rows(
        difference_cells(cells.layout, a, b, cells.macros, n), cells, [m.name for m in measures]
    )


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


def _bias_rows(units: pd.DataFrame, clusters: Collection[str], n: int) -> list[ScoreRow]:
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
    cells = cell_layout(wrong, clusters, ("kind", "pool"))
    own = (wrong["first_lang"] == wrong["query_lang"]).to_numpy(dtype=np.float64)
    excess = own - wrong["wrong_share"].to_numpy(dtype=np.float64)
    return score_rows(
        score_cells(cells.layout, excess[:, None], [False], cells.macros, n), cells, ["language_bias"]
    )


def _share_rows(table: pd.DataFrame, k: int, clusters: Collection[str], n: int) -> list[ScoreRow]:
    """Retrieval language matrix: share of each language in the top k, per query language."""
    languages = [c for c in table.columns if c not in PAIR_KEY]
    if table.empty:
        return []
    query_langs = sorted(set(table["query_lang"]))
    layout = unit_layout(
        [query_langs.index(lang) for lang in table["query_lang"]],
        list(table["need_id"]),
        list(table["cluster"]),
        len(query_langs),
        clusters,
    )
    values: Floats = table[languages].to_numpy(dtype=np.float64)
    scored = score_cells(layout, values, [k == 1] * len(languages), None, n)
    return [
        ScoreRow("retrieved_language", str(Pool.ALL), query_lang, doc_lang, f"share@{k}", score)
        for query_lang, line in zip(query_langs, scored.cells, strict=True)
        for doc_lang, score in zip(languages, line, strict=True)
        if score is not None
    ]


def labelled(row: ScoreRow, unsupported: Mapping[Lang, str]) -> ScoreRow:
    """The label of the languages that a number rests on, if the model's card lacks one of them."""
    involved = {lang for lang in (row.query_lang, row.doc_lang) if lang is not None}
    involved |= {lang for cell in row.cells for lang in cell.split("->")}
    labels = sorted({unsupported[lang] for lang in involved if lang in unsupported})
    return replace(row, label="; ".join(labels)) if labels else row
