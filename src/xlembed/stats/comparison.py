"""Paired comparison of models on the same units: differences, tests, families, power."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from xlembed.measures import Measure
from xlembed.search.table import KEY
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed
from xlembed.stats.evaluation import cell_layout, number_json
from xlembed.stats.holm import Adjusted, Comparison, adjust, primary_size
from xlembed.stats.layout import Floats
from xlembed.stats.mcnemar import McNemar, has_one_unit_per_cluster, mcnemar_test
from xlembed.stats.paired import difference_cells
from xlembed.stats.power import Power, detectable_difference, discordant_needed
from xlembed.stats.scores import Difference
from xlembed.stats.signflip import N_FLIPS, cluster_contributions, flips_needed, sign_flip_tests
from xlembed.words import Lang, UserError


@dataclass(frozen=True)
class Evaluated:
    """One model's units, ready to be compared.

    Attributes:
        name: as shown in tables.
        units: from units.parquet.
        unsupported: task languages not on the model's card, with their label; cells that touch one are not tested.
    """

    name: str
    units: pd.DataFrame
    unsupported: Mapping[Lang, str]


@dataclass(frozen=True)
class ComparisonRow:
    """One tested difference A - B in a cell or macro; `more`: what a model of a higher value is called."""

    adjusted: Adjusted
    difference: Difference
    cells: tuple[str, ...]
    test: str
    power: Power | None
    mcnemar: McNemar | None = None
    more: str = "better"

    def verdict(self, alpha: float) -> str:
        """In words; "better" comes from the adjusted p only."""
        c = self.adjusted.comparison
        if self.difference.n_discordant_clusters < discordant_needed(alpha):
            return "this test cannot reject"
        if self.adjusted.p_adjusted >= alpha:
            return "no difference shown"
        return f"{c.model_a if self.difference.value > 0 else c.model_b} {self.more}"

    def to_json(self, alpha: float) -> dict[str, Any]:
        """Flat, with floats rounded to 1e-6 (p-values to 8 digits)."""
        c, f = self.adjusted.comparison, self.adjusted.family
        query_lang, _, doc_lang = (c.cell or "").partition("->")
        row = {
            "a": c.model_a,
            "b": c.model_b,
            "kind": c.mode,
            "pool": c.pool,
            "query_lang": query_lang or None,
            "doc_lang": doc_lang or None,
            "measure": c.measure,
            **number_json(self.difference),
            "p_value": round(c.p_value, 8),
            "p_adjusted": round(self.adjusted.p_adjusted, 8),
            "family": str(f.kind),
            "family_name": f.name,
            "family_size": f.size,
            "test": self.test,
            "n_discordant": self.difference.n_discordant,
            "verdict": self.verdict(alpha),
        }
        row["difference"] = row.pop("value")
        if self.cells:
            row["cells"] = list(self.cells)
        if self.power is not None:
            row["detectable"] = round(self.power.detectable, 6)
            row["detectable_unadjusted"] = round(self.power.detectable_unadjusted, 6)
        if self.mcnemar is not None:
            table = asdict(self.mcnemar)
            del table["p_value"]
            row["table"] = table
        return row


@dataclass(frozen=True)
class Comparisons:
    """Outcome of `compare_models`.

    Attributes:
        rows: every tested difference.
        untested: pairs of models that share no supported cell, with the reason.
        dropped: units left out by `intersect`, per model.
        labelled: exploratory tests of these pairs over all cells, languages on no card included.
    """

    rows: tuple[ComparisonRow, ...]
    untested: tuple[str, ...]
    dropped: Mapping[str, int]
    labelled: tuple[ComparisonRow, ...] = ()


def compare_models(
    models: Sequence[Evaluated],
    measures: Sequence[Measure],
    primary: Measure,
    *,
    alpha: float = 0.05,
    intersect: bool = False,
    n_resamples: int = N_RESAMPLES,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> Comparisons:
    """Pairs of models: every measure on the macros, the primary measure on every cell.

    Macros and clustered cells use the sign-flip test, cells with one unit per cluster McNemar's on hit@1.

    Args:
        models: at least two, on the same task and settings (the caller checks digests).
        measures: to compare; each must be a column of every model's units.
        primary: the measure of the primary family.
        alpha: level of the tests and of the power.
        intersect: compare the common units instead of refusing unequal sets.
        n_resamples: of the bootstrap.
        pairs: names of A and B of the comparisons wanted, fixed before results are seen; None: all pairs.

    Raises:
        UserError: fewer than two models, a measure is missing, or the sets of units differ.
    """
    if len(models) < 2:
        raise UserError(f"a comparison needs at least two models, found {len(models)}")
    for model in models:
        if lacking := sorted({m.name for m in (*measures, primary) if m.column not in model.units}):
            raise UserError(
                f"{model.name} was evaluated without {', '.join(lacking)}: evaluate it again or compare other measures"
            )
    aligned, dropped = align(models, intersect)
    rows: list[_Tested] = []
    labelled: list[_Tested] = []
    untested = []
    named = {m.name: m for m in aligned}
    wanted = itertools.combinations(named, 2) if pairs is None else pairs
    chosen = [(named[a], named[b]) for a, b in wanted]
    every = list(dict.fromkeys([primary, *measures]))
    for a, b in chosen:
        unsupported = {**b.unsupported, **a.unsupported}
        keep = ~(a.units["query_lang"].isin(unsupported) | a.units["doc_lang"].isin(unsupported)).to_numpy()
        if not keep.any():
            reasons = ", ".join(f"{lang}: {label}" for lang, label in sorted(unsupported.items()))
            untested.append(f"{a.name} and {b.name}: no cell in languages that both support ({reasons})")
            labelled += _compare_pair(a, b, ~keep, every, primary, len(chosen), alpha, n_resamples)
            continue
        rows += _compare_pair(a, b, keep, every, primary, len(chosen), alpha, n_resamples)
    found = _adjusted(rows, primary.name, alpha)
    return Comparisons(found, tuple(untested), dropped, _adjusted(labelled, "", alpha, more="higher"))


def _adjusted(
    rows: Sequence[_Tested], primary: str, alpha: float, more: str = "better"
) -> tuple[ComparisonRow, ...]:
    """Tests with their families and power."""
    found = []
    for adjusted, (_, difference, cells, test, mcnemar) in zip(
        adjust([comparison for comparison, *_ in rows], primary), rows, strict=True
    ):
        power = detectable_difference(difference, adjusted.family.size, alpha)
        found.append(ComparisonRow(adjusted, difference, cells, test, power, mcnemar, more))
    return tuple(found)


_Tested = tuple[Comparison, Difference, tuple[str, ...], str, McNemar | None]
"""Not adjusted yet; cells, name of the test, and its table, as in `ComparisonRow`."""


def _compare_pair(
    a: Evaluated,
    b: Evaluated,
    keep: np.ndarray[Any, np.dtype[np.bool_]],
    measures: Sequence[Measure],
    primary: Measure,
    n_pairs: int,
    alpha: float,
    n_resamples: int,
) -> list[_Tested]:
    columns = [m.column for m in measures]
    clusters = sorted(set(a.units["cluster"]))
    cells = cell_layout(a.units[keep], clusters)
    first = a.units.loc[keep, columns].to_numpy(dtype=np.float64)
    second = b.units.loc[keep, columns].to_numpy(dtype=np.float64)
    table = difference_cells(cells.layout, first, second, cells.macros, n_resamples)
    n_flips = max(N_FLIPS, flips_needed(max(primary_size(2) * n_pairs, n_pairs * len(cells.cells)), alpha))
    rng = np.random.default_rng(cluster_seed(clusters) + 1)  # + 1: not the stream of the bootstrap weights
    tested: list[_Tested] = []

    def p_values(columns: Floats, members: Sequence[int]) -> list[float]:
        found = sign_flip_tests(cluster_contributions(cells.layout, columns, members), rng, n_flips)
        return [test.p_value for test in found]

    for macro, line in table.macros.items():
        mode, _, pool = macro.partition("/")
        members = tuple("->".join(cells.cells[i][2:]) for i in table.macro_cells[macro])
        tests = p_values(first - second, cells.macros[macro])
        for measure, difference, p_value in zip(measures, line, tests, strict=True):
            if difference is not None:
                comparison = Comparison(a.name, b.name, measure.name, mode, p_value, pool)
                tested.append((comparison, difference, members, "sign-flip", None))
    column = measures.index(primary)
    for i, (mode, pool, query_lang, doc_lang) in enumerate(cells.cells):
        difference = table.cells[i][column]
        if difference is None:
            continue
        inside = cells.layout.cells == i
        own, mcnemar = cells.layout.clusters[inside], None
        if primary.family == "accuracy" and has_one_unit_per_cluster(own):
            mcnemar = mcnemar_test(first[inside, column], second[inside, column], own)
            p_value, name = mcnemar.p_value, "McNemar exact"
        else:
            (p_value,), name = p_values((first - second)[:, [column]], [i]), "sign-flip"
        pair = f"{query_lang}->{doc_lang}"
        comparison = Comparison(a.name, b.name, primary.name, mode, p_value, pool, pair)
        tested.append((comparison, difference, (), name, mcnemar))
    return tested


def align(models: Sequence[Evaluated], intersect: bool) -> tuple[list[Evaluated], dict[str, int]]:
    """The same units in the same order for every model; also what was dropped per model.

    Raises:
        UserError: the sets of units differ and are not to be intersected, or share nothing.
    """
    indexed = [m.units.set_index(KEY, drop=False) for m in models]
    for model, table in zip(models, indexed, strict=True):
        if table.index.has_duplicates:
            raise UserError(f"{model.name}: a unit stands twice in its table; evaluate the model again")
    common = indexed[0].index
    for table in indexed[1:]:
        common = common.intersection(table.index)
    dropped = {m.name: len(t) - len(common) for m, t in zip(models, indexed, strict=True)}
    if any(dropped.values()) and not intersect:
        counts = ", ".join(f"{name} has {n} units the others lack" for name, n in dropped.items() if n)
        raise UserError(
            f"the models were not evaluated on the same units ({counts}); --intersect compares the common ones"
        )
    if not len(common):
        raise UserError("the models share no unit: they were evaluated on different tasks or modes")
    common = common.sort_values()
    return [
        Evaluated(m.name, t.loc[common].reset_index(drop=True), m.unsupported)
        for m, t in zip(models, indexed, strict=True)
    ], dropped
