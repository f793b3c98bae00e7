"""Paired comparison of models on the same units: differences, tests, families, power."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from xlembed.measures import Measure
from xlembed.search.units import KEY
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed
from xlembed.stats.compared import EXPLORATORY, PRIMARY, Paired
from xlembed.stats.evaluation import cell_layout, numbers
from xlembed.stats.holm import holm, primary_size
from xlembed.stats.layout import Floats
from xlembed.stats.mcnemar import McNemar, has_one_unit_per_cluster, mcnemar_test
from xlembed.stats.paired import difference_cells
from xlembed.stats.power import detectable_difference, discordant_needed
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
class Uncorrected:
    """A difference A - B and the p-value of its test, before correction; names as in `Paired`.

    `langs` are those of queries and documents, of a single cell; `more` is what a model of a higher value is called.
    """

    a: str
    b: str
    kind: str
    pool: str
    measure: str
    difference: Difference
    p_value: float
    cells: tuple[str, ...] = ()
    langs: tuple[Lang, Lang] | None = None
    test: str = "sign-flip"
    mcnemar: McNemar | None = None
    more: str = "better"


@dataclass(frozen=True)
class Comparisons:
    """Outcome of `compare_models`.

    Attributes:
        rows: every tested difference.
        untested: pairs of models that share no supported cell, with the reason.
        dropped: units left out by `intersect`, per model.
        labelled: exploratory tests of these pairs over all cells, languages on no card included.
    """

    rows: tuple[Paired, ...]
    untested: tuple[str, ...]
    dropped: Mapping[str, int]
    labelled: tuple[Paired, ...] = ()


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
    rows: list[Uncorrected] = []
    labelled: list[Uncorrected] = []
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
        kept = keep if keep.any() else ~keep
        found = _compare_pair(a, b, kept, every, primary, len(chosen), alpha, n_resamples)
        if keep.any():
            rows += found
        else:
            labelled += [replace(one, more="higher") for one in found]
    return Comparisons(
        corrected(rows, primary.name, alpha), tuple(untested), dropped, corrected(labelled, "", alpha)
    )


def corrected(tested: Sequence[Uncorrected], primary: str, alpha: float) -> tuple[Paired, ...]:
    """Tests with Holm's correction within their families, and their power, in the order given.

    The primary family is every macro of the primary measure, over all pairs of models and all modes. All else is
    exploratory: one family per measure and mode (both pools, macros and cells of all pairs).

    Raises:
        ValueError: two are about the same thing (A against B is also B against A).
    """
    seen: set[tuple[object, ...]] = set()
    families: dict[tuple[str, str], list[int]] = {}
    for i, t in enumerate(tested):
        topic = (frozenset((t.a, t.b)), t.measure, t.kind, t.pool, t.langs)
        if topic in seen or t.a == t.b:
            raise ValueError(f"expected each pair of models once per measure and cell, found again: {t}")
        seen.add(topic)
        is_primary = t.langs is None and t.measure == primary
        family = (PRIMARY, t.measure) if is_primary else (EXPLORATORY, f"{t.measure}, {t.kind}")
        families.setdefault(family, []).append(i)
    found: dict[int, Paired] = {}
    for family, rows in families.items():
        for i, p in zip(rows, holm([tested[i].p_value for i in rows]), strict=True):
            found[i] = _paired(tested[i], float(p), family, len(rows), alpha)
    return tuple(found[i] for i in range(len(tested)))


def _paired(t: Uncorrected, p_adjusted: float, family: tuple[str, str], size: int, alpha: float) -> Paired:
    d, power = t.difference, detectable_difference(t.difference, size, alpha)
    query_lang, doc_lang = t.langs or (None, None)
    if d.n_discordant_clusters < discordant_needed(alpha):
        verdict = "this test cannot reject"
    elif p_adjusted >= alpha:
        verdict = "no difference shown"
    else:
        verdict = f"{t.a if d.value > 0 else t.b} {t.more}"
    known = numbers(d) | ({"cells": t.cells} if t.cells else {})
    if power is not None:
        known |= asdict(power)
    if t.mcnemar is not None:
        known["table"] = {name: n for name, n in asdict(t.mcnemar).items() if name != "p_value"}
    return Paired(
        **{name: getattr(t, name) for name in ("a", "b", "kind", "pool", "measure", "p_value", "test")},
        query_lang=query_lang,
        doc_lang=doc_lang,
        difference=known.pop("value"),
        n_discordant=d.n_discordant,
        p_adjusted=p_adjusted,
        family=family[0],
        family_name=family[1],
        family_size=size,
        verdict=verdict,
        **known,
    )


def _compare_pair(
    a: Evaluated,
    b: Evaluated,
    keep: np.ndarray[Any, np.dtype[np.bool_]],
    measures: Sequence[Measure],
    primary: Measure,
    n_pairs: int,
    alpha: float,
    n_resamples: int,
) -> list[Uncorrected]:
    columns = [m.column for m in measures]
    clusters = sorted(set(a.units["cluster"]))
    cells = cell_layout(a.units[keep], clusters)
    first = a.units.loc[keep, columns].to_numpy(dtype=np.float64)
    second = b.units.loc[keep, columns].to_numpy(dtype=np.float64)
    table = difference_cells(cells.layout, first, second, cells.macros, n_resamples)
    n_flips = max(N_FLIPS, flips_needed(max(primary_size(2) * n_pairs, n_pairs * len(cells.cells)), alpha))
    rng = np.random.default_rng(cluster_seed(clusters) + 1)  # + 1: not the stream of the bootstrap weights
    tested: list[Uncorrected] = []

    def p_values(columns: Floats, members: Sequence[int]) -> list[float]:
        found = sign_flip_tests(cluster_contributions(cells.layout, columns, members), rng, n_flips)
        return [test.p_value for test in found]

    for macro, line in table.macros.items():
        mode, _, pool = macro.partition("/")
        members = cells.pairs(table.macro_cells[macro])
        tests = p_values(first - second, cells.macros[macro])
        for measure, difference, p_value in zip(measures, line, tests, strict=True):
            if difference is not None:
                tested.append(
                    Uncorrected(a.name, b.name, mode, pool, measure.name, difference, p_value, members)
                )
    column = measures.index(primary)
    for i, (mode, pool, *langs) in enumerate(cells.cells):
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
        about = (a.name, b.name, mode, pool, primary.name, difference, p_value)
        tested.append(Uncorrected(*about, langs=(langs[0], langs[1]), test=name, mcnemar=mcnemar))
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
