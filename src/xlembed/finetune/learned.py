"""What a model gained in languages that the model before it did not know: differences described, never tested."""

from __future__ import annotations

from typing import Any

import numpy as np

from xlembed.measures import Measure
from xlembed.stats.bootstrap import N_RESAMPLES
from xlembed.stats.comparison import Evaluated, align
from xlembed.stats.evaluation import cell_layout, number_json
from xlembed.stats.paired import difference_cells


def learned_differences(
    before: Evaluated, after: Evaluated, measure: Measure, n_resamples: int = N_RESAMPLES
) -> list[dict[str, Any]]:
    """Paired differences after - before in every cell that only `after` supports.

    A test against a model that was never made for a language shows nothing about a method, so these rows carry the
    label of the model before, an unadjusted 95 % cluster bootstrap interval, and no p.

    Args:
        before: its `unsupported` languages hold the label.
        after: cells in languages that it does not support either are left out.
        measure: a column of both tables of units.
        n_resamples: of the bootstrap.

    Returns:
        Rows with `kind`, `pool`, `query_lang`, `doc_lang`, `measure`, `before`, `after`, `difference`, its interval and
        counts, and `label`.

    Raises:
        UserError: the two were evaluated on different units.
    """
    (first, second), _ = align([after, before], intersect=False)
    languages = first.units[["query_lang", "doc_lang"]]
    known = ~languages.isin(list(after.unsupported)).any(axis=1)
    new = languages.isin(list(before.unsupported)).any(axis=1)
    keep = (known & new).to_numpy()
    if not keep.any():
        return []
    cells = cell_layout(first.units[keep], sorted(set(first.units["cluster"])))
    values_after = first.units.loc[keep, [measure.column]].to_numpy(dtype=np.float64)
    values_before = second.units.loc[keep, [measure.column]].to_numpy(dtype=np.float64)
    differences = difference_cells(cells.layout, values_after, values_before, n_resamples=n_resamples)
    rows = []
    for i, (kind, pool, query_lang, doc_lang) in enumerate(cells.cells):
        difference = differences.cells[i][0]
        if difference is None:
            continue
        inside = cells.layout.cells == i
        row = number_json(difference)
        rows.append(
            {
                "kind": kind,
                "pool": pool,
                "query_lang": query_lang,
                "doc_lang": doc_lang,
                "measure": measure.name,
                "before": round(float(values_before[inside].mean()), 6),
                "after": round(float(values_after[inside].mean()), 6),
                "difference": row.pop("value"),
                **row,
                "label": "; ".join(
                    sorted({before.unsupported[x] for x in (query_lang, doc_lang) if x in before.unsupported})
                ),
            }
        )
    return rows
