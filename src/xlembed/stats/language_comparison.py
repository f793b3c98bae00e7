"""Paired tests of the language-aware measures between models, all of them exploratory."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from xlembed.search.kinds import KIND_OF, OF_TRANSLATIONS
from xlembed.search.language_measures import IDENTITY
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed
from xlembed.stats.compared import Paired
from xlembed.stats.comparison import Evaluated, Uncorrected, corrected
from xlembed.stats.evaluation import query_layout
from xlembed.stats.language_scores import MACRO, members, scored_together
from xlembed.stats.paired import difference_cells
from xlembed.stats.signflip import N_FLIPS, cluster_contributions, flips_needed, sign_flip_tests
from xlembed.words import Pool

BETTER = frozenset({"any_language", "lang_ndcg"})
"""Kinds of which more is better; of the others more is only more."""


def compare_queries(
    models: Sequence[Evaluated], *, alpha: float = 0.05, n_resamples: int = N_RESAMPLES
) -> tuple[Paired, ...]:
    """All pairs of models in the macro averages over query languages, on the queries where both have a value.

    `models` are on the same task and settings, their `units` the tables of queries. Sign-flip tests on cluster sums,
    Holm over the pairs within each measure. Queries in a language that one of the two does not support are left out,
    and with them what compares translations.
    """
    pairs = list(itertools.combinations(models, 2))
    n_flips = max(N_FLIPS, flips_needed(max(len(pairs), 1), alpha))
    tested = [one for a, b in pairs for one in _compare_pair(a, b, n_flips, n_resamples)]
    return corrected(tested, "", alpha)


def differences(a: Evaluated, b: Evaluated) -> pd.DataFrame:
    """The queries of two models with A - B in place of every measure that both have; NaN where one has no value."""
    first, second = (model.units.set_index("query_id", drop=False) for model in (a, b))
    common = first.index.intersection(second.index).sort_values()
    first, second = first.loc[common], second.loc[common]
    shared = [name for name in KIND_OF if name in first and name in second]
    table = first[[*IDENTITY, "n_right", "n_right_own"]].copy()
    table[shared] = first[shared].to_numpy(dtype=float) - second[shared].to_numpy(dtype=float)
    unsupported = {*a.unsupported, *b.unsupported}
    if unsupported & set(table["query_lang"]):  # a translation would be compared that one of them cannot read
        table = table.drop(columns=[name for name in shared if KIND_OF[name] in OF_TRANSLATIONS])
    return table[~table["query_lang"].isin(unsupported)]


def _compare_pair(a: Evaluated, b: Evaluated, n_flips: int, n_resamples: int) -> list[Uncorrected]:
    clusters = sorted({*a.units["cluster"], *b.units["cluster"]})
    rng = np.random.default_rng(cluster_seed(clusters) + 1)  # + 1: not the stream of the bootstrap weights
    tested = []
    for measures, part in scored_together(differences(a, b)):
        layout, langs = query_layout(part, clusters)
        delta = part[[name for _, name in measures]].to_numpy(dtype=float)
        cells = range(len(langs))
        table = difference_cells(layout, delta, np.zeros_like(delta), {MACRO: cells}, n_resamples)
        tests = sign_flip_tests(cluster_contributions(layout, delta, cells), rng, n_flips)
        for (kind, name), difference, test in zip(measures, table.macros[MACRO], tests, strict=True):
            if difference is not None:
                about = (a.name, b.name, kind, str(Pool.ALL), name, difference, test.p_value)
                more = "better" if kind in BETTER else "higher"
                tested.append(Uncorrected(*about, cells=members(langs), more=more))
    order = list(KIND_OF)
    return sorted(tested, key=lambda one: order.index(one.measure))
