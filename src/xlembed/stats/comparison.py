"""Paired comparison of models on the same units: differences, tests, families, power."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlembed.measures import Measure
from xlembed.search.units import KEY
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed
from xlembed.stats.compared import EXPLORATORY, PRIMARY, Paired
from xlembed.stats.evaluation import cell_layout, numbers
from xlembed.stats.holm import holm, primary_size
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
    cells: bool = True,
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
        cells: False: macros alone.

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
    wanted = [*(itertools.combinations(named, 2) if pairs is None else pairs)]
    chosen = [(named[a], named[b]) for a, b in wanted]
    every = list(dict.fromkeys([primary, *measures]))
    unknown = [{**b.unsupported, **a.unsupported} for a, b in chosen]
    keeps = [supported(a.units, of) for (a, _), of in zip(chosen, unknown, strict=True)]
    alike: dict[bytes, list[int]] = {}
    for i, keep in enumerate(keeps):
        alike.setdefault(keep.tobytes(), []).append(i)
    found: dict[tuple[str, str], list[Uncorrected]] = {pair: [] for pair in wanted}
    for group in alike.values():
        keep = keeps[group[0]]
        same = _Alike([chosen[i] for i in group], keep if keep.any() else ~keep, every, n_resamples)
        n_cells = len(same.cells.cells) if cells else 0
        n_flips = max(N_FLIPS, flips_needed(len(chosen) * max(primary_size(2), n_cells), alpha))
        for one in (*same.macros(n_flips), *(same.single_cells(primary, n_flips) if cells else ())):
            found[one.a, one.b].append(one)
    for pair, keep, unsupported in zip(wanted, keeps, unknown, strict=True):
        if keep.any():
            rows += found[pair]
        else:
            reasons = ", ".join(f"{lang}: {label}" for lang, label in sorted(unsupported.items()))
            untested.append(f"{' and '.join(pair)}: no cell in languages that both support ({reasons})")
            labelled += [replace(one, more="higher") for one in found[pair]]
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


def supported(units: pd.DataFrame, unsupported: Collection[Lang]) -> NDArray[np.bool_]:
    """Which units touch none of these languages."""
    touched = units["query_lang"].isin(unsupported) | units["doc_lang"].isin(unsupported)
    return ~touched.to_numpy(dtype=np.bool_)


class _Alike:
    """Pairs of models that are compared on the same units: all share the random signs, which are drawn once."""

    def __init__(
        self,
        pairs: Sequence[tuple[Evaluated, Evaluated]],
        keep: NDArray[np.bool_],
        measures: Sequence[Measure],
        n_resamples: int,
    ) -> None:
        clusters = sorted(set(pairs[0][0].units["cluster"]))
        columns = [m.column for m in measures]
        models = {m.name: m.units for pair in pairs for m in pair}
        self.values = {of: u.loc[keep, columns].to_numpy(dtype=np.float64) for of, u in models.items()}
        self.measures = measures
        self.cells = cell_layout(pairs[0][0].units[keep], clusters)
        self.tables = {
            (a.name, b.name): difference_cells(
                self.cells.layout, self.values[a.name], self.values[b.name], self.cells.macros, n_resamples
            )
            for a, b in pairs
        }
        self.rng = np.random.default_rng(cluster_seed(clusters) + 1)  # + 1: not the bootstrap's stream

    def macros(self, n_flips: int) -> Iterator[Uncorrected]:
        """Every measure of every macro."""
        for macro in next(iter(self.tables.values())).macros:
            mode, _, pool = macro.partition("/")
            tests = self._p_values(slice(None), self.cells.macros[macro], n_flips)
            for (pair, table), p_values in zip(self.tables.items(), tests, strict=True):
                members = self.cells.pairs(table.macro_cells[macro])
                line = zip(self.measures, table.macros[macro], p_values, strict=True)
                for measure, difference, p_value in line:
                    if difference is not None:
                        yield Uncorrected(*pair, mode, pool, measure.name, difference, p_value, members)

    def single_cells(self, primary: Measure, n_flips: int) -> Iterator[Uncorrected]:
        """The primary measure of every cell: McNemar's test where a cluster is one answer, right or wrong."""
        column = self.measures.index(primary)
        for i, (mode, pool, *langs) in enumerate(self.cells.cells):
            known = {pair: d for pair, of in self.tables.items() if (d := of.cells[i][column]) is not None}
            inside = self.cells.layout.cells == i
            clusters = self.cells.layout.clusters[inside]
            if not known:
                continue
            exact: dict[tuple[str, str], McNemar] = {}
            if primary.family == "accuracy" and has_one_unit_per_cluster(clusters):
                for a, b in known:
                    first, second = (self.values[model][inside, column] for model in (a, b))
                    exact[a, b] = mcnemar_test(first, second, clusters)
                p_values = {pair: found.p_value for pair, found in exact.items()}
            else:
                tests = self._p_values(slice(column, column + 1), [i], n_flips)
                p_values = {pair: p for pair, (p,) in zip(self.tables, tests, strict=True)}
            for pair, difference in known.items():
                yield Uncorrected(
                    *pair,
                    mode,
                    pool,
                    primary.name,
                    difference,
                    p_values[pair],
                    langs=(langs[0], langs[1]),
                    test="McNemar exact" if exact else "sign-flip",
                    mcnemar=exact.get(pair),
                )

    def _p_values(self, columns: slice, cells: Sequence[int], n_flips: int) -> Iterator[list[float]]:
        """Of sign-flip tests: per pair, one of each column."""
        differences = [self.values[a][:, columns] - self.values[b][:, columns] for a, b in self.tables]
        parts = [cluster_contributions(self.cells.layout, of, cells) for of in differences]
        found = iter(sign_flip_tests(np.hstack(parts), self.rng, n_flips))
        for part in parts:
            yield [test.p_value for test in itertools.islice(found, part.shape[1])]


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
