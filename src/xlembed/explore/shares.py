"""How often each kind of error occurs, with intervals, and whether two models differ in it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xlembed.explore.kinds import ErrorKind, Flag
from xlembed.explore.result import Crossed, Share
from xlembed.stats.bootstrap import cluster_seed
from xlembed.stats.compared import Paired
from xlembed.stats.comparison import Evaluated, Uncorrected, align, corrected, supported
from xlembed.stats.evaluation import cell_layout, labelled, scored
from xlembed.stats.paired import difference_cells
from xlembed.stats.signflip import N_FLIPS, cluster_contributions, flips_needed, sign_flip_tests
from xlembed.words import Lang

RIGHT = "right"
ERRORS = (*map(str, ErrorKind), *map(str, Flag))
MEASURES = (RIGHT, *ERRORS)
"""Columns of 0 and 1. A flag counts units that fail and have it; right and the kinds add up to 1."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one unit; `kind` is None where the first document is right, and then there are no flags."""

    kind: ErrorKind | None
    flags: frozenset[Flag] = frozenset()


def outcome_table(units: pd.DataFrame, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """The identity of every unit, and its outcome in the columns `MEASURES`."""
    table = units[["query_id", "need_id", "cluster", "query_lang", "doc_lang", "mode", "pool"]].copy()
    for name in MEASURES:
        table[name] = [
            float(name == (o.kind or RIGHT) or (o.kind is not None and name in o.flags)) for o in outcomes
        ]
    return table


def error_shares(
    model: str,
    table: pd.DataFrame,
    task_clusters: Collection[str],
    unsupported: Mapping[Lang, str],
    n_resamples: int,
) -> list[Share]:
    """Shares of one model's units, of every pair of languages and macro average.

    Args:
        model: its name.
        table: from `outcome_table`.
        task_clusters: all clusters of the task.
        unsupported: task languages that are not on the model's card, with their label.
        n_resamples: of the cluster bootstrap.
    """
    columns = dict(zip(MEASURES, MEASURES, strict=True))
    found = scored(table, columns, [True] * len(MEASURES), task_clusters, n_resamples)
    return [Share.model_validate({"model": model, **labelled(row, unsupported).to_json()}) for row in found]


def crossed(model: str, table: pd.DataFrame) -> Iterator[Crossed]:
    """Counts of units by mode, pool and kind of error, those with a flag beside all."""
    for (mode, pool), part in table.groupby(["mode", "pool"], sort=True):
        for kind in ErrorKind:
            mine = part[part[kind] == 1]
            if len(mine):
                yield Crossed(
                    model=model,
                    kind=str(mode),
                    pool=str(pool),
                    error=str(kind),
                    units=len(mine),
                    truncated=int(mine[Flag.TRUNCATED].sum()),
                    not_understood=int(mine[Flag.NOT_UNDERSTOOD].sum()),
                )


def compare_errors(
    models: Sequence[Evaluated], task_clusters: Collection[str], alpha: float, n_resamples: int
) -> tuple[list[Paired], list[str]]:
    """All pairs of models in every macro average: A - B of each kind and flag, and the pairs that share no language.

    Sign-flip tests on cluster sums, Holm over pairs of models and pools within each measure and mode; all exploratory.
    Units in a language that one of the two does not support are left out.

    Args:
        models: `units` holds their tables of outcomes.
        task_clusters: all clusters of the task.
        alpha: level of the tests.
        n_resamples: of the bootstrap.
    """
    tested: list[Uncorrected] = []
    untested = []
    pairs = list(itertools.combinations(align(models, intersect=False)[0], 2)) if len(models) > 1 else []
    n_flips = max(N_FLIPS, flips_needed(max(2 * len(pairs), 1), alpha))
    for a, b in pairs:
        unsupported = {**b.unsupported, **a.unsupported}
        keep = supported(a.units, unsupported)
        if keep.any():
            tested += _compare_pair(a, b, keep, task_clusters, n_flips, n_resamples)
        else:
            reasons = ", ".join(f"{lang}: {label}" for lang, label in sorted(unsupported.items()))
            untested.append(f"{a.name} and {b.name}: no language that both support ({reasons})")
    rows = [Paired.model_validate(row.to_json()) for row in corrected(tested, "", alpha)]
    return rows, untested


def _compare_pair(
    a: Evaluated,
    b: Evaluated,
    keep: np.ndarray[tuple[int], np.dtype[np.bool_]],
    task_clusters: Collection[str],
    n_flips: int,
    n_resamples: int,
) -> Iterator[Uncorrected]:
    cells = cell_layout(a.units[keep], task_clusters)
    first, second = (m.units.loc[keep, list(ERRORS)].to_numpy(dtype=np.float64) for m in (a, b))
    table = difference_cells(cells.layout, first, second, cells.macros, n_resamples)
    rng = np.random.default_rng(cluster_seed(sorted(task_clusters)) + 1)  # + 1: not the bootstrap's stream
    for macro, line in table.macros.items():
        mode, _, pool = macro.partition("/")
        members = cells.pairs(table.macro_cells[macro])
        parts = cluster_contributions(cells.layout, first - second, cells.macros[macro])
        tests = sign_flip_tests(parts, rng, n_flips)
        for measure, difference, test in zip(ERRORS, line, tests, strict=True):
            if difference is not None:
                about = (a.name, b.name, mode, pool, measure, difference, test.p_value)
                yield Uncorrected(*about, cells=members, more="higher")
