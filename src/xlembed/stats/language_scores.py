"""Scores of the language-aware measures: per query language and their macro average, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from xlembed.search.kinds import BINARY, KIND_OF
from xlembed.search.language_measures import NO_PREFERENCE
from xlembed.search.units import ANY_LANGUAGE
from xlembed.stats.bootstrap import N_RESAMPLES, score_cells
from xlembed.stats.evaluation import estimate, query_layout
from xlembed.stats.score_rows import Estimate
from xlembed.words import Lang, Pool

MACRO = "macro"
NEEDS_BOTH = frozenset({"preference", "lang_ndcg", "peer"})
"""Kinds that say nothing where no query has right documents in two languages."""


def scored_together(table: pd.DataFrame) -> list[tuple[list[tuple[str, str]], pd.DataFrame]]:
    """The measures (kind, name) that a table has, with the queries that have values of them.

    Measures of the same queries stand together, so that their resamples are drawn once.
    """
    mixed = bool(((table["n_right_own"] > 0) & (table["n_right_own"] < table["n_right"])).any())
    groups: dict[bytes, list[tuple[str, str]]] = {}
    for name, kind in KIND_OF.items():
        if name in table and (mixed or kind not in NEEDS_BOTH):
            has_value = table[name].notna().to_numpy()
            if has_value.any():
                groups.setdefault(has_value.tobytes(), []).append((kind, name))
    return [(measures, table[table[measures[0][1]].notna()]) for measures in groups.values()]


def members(langs: Collection[Lang]) -> tuple[str, ...]:
    """Cells of a macro average over query languages, as they are stored."""
    return tuple(f"{lang}->{ANY_LANGUAGE}" for lang in langs)


def language_rows(
    table: pd.DataFrame,
    task_clusters: Collection[str],
    unsupported: Mapping[Lang, str],
    n_resamples: int = N_RESAMPLES,
) -> list[Estimate]:
    """Every language-aware measure, rows per query language before their macro average.

    `table` is from `language_measures.language_table`; all parts of a task share the weight matrix of all its clusters;
    `unsupported` are the languages that are not on the model's card, with their label.
    """
    # Right documents are of all languages, and so every number rests on all of them.
    label = "; ".join(sorted(set(unsupported.values())))
    found: dict[str, list[Estimate]] = {}
    for measures, part in scored_together(table):
        layout, langs = query_layout(part, task_clusters)
        binary = [kind in BINARY for kind, _ in measures]
        values = part[[name for _, name in measures]].to_numpy(dtype=float)
        scores = score_cells(layout, values, binary, {MACRO: range(len(langs))}, n_resamples)
        for i, (kind, name) in enumerate(measures):
            rows = [
                estimate(kind, Pool.ALL, lang, ANY_LANGUAGE, name, score, label=label)
                for lang, line in zip(langs, scores.cells, strict=True)
                if (score := line[i]) is not None
            ]
            if (score := scores.macros[MACRO][i]) is not None:
                about = (kind, Pool.ALL, None, None, name, score)
                rows.append(estimate(*about, cells=members(langs), label=label))
            found[name] = rows
    return [row for name in KIND_OF for row in found.get(name, ())]


def no_preference(table: pd.DataFrame) -> dict[Lang, float]:
    """Query language -> value of `preference` under none, over the queries that `preference` counts."""
    counted = table[table["preference"].notna()]
    return {str(lang): float(v) for lang, v in counted.groupby("query_lang")[NO_PREFERENCE].mean().items()}


def left_out(table: pd.DataFrame) -> dict[Lang, int]:
    """Query language -> queries that `preference` leaves out because no right document was retrieved."""
    asked = table[(table["n_right_own"] > 0) & (table["n_right_own"] < table["n_right"])]
    nothing = asked["n_right_retrieved"] == 0
    return {str(lang): int(n) for lang, n in nothing.groupby(asked["query_lang"]).sum().items()}
