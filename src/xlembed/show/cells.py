"""Scores and differences as cells, with everything that hovering tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlembed.show.content import Cell
from xlembed.show.text import count_text, ends, interval_text, p_text, percent, plain, plain_interval, points
from xlembed.stats.compared import Paired
from xlembed.stats.score_rows import Estimate
from xlembed.words import Lang, counted

NONE = Cell("n/a", details=("no units",))
NO_INTERVAL = "no interval: fewer than 10 clusters"
METHODS = {
    "wilson_effective_n": "Wilson's interval, effective n and skewness from the cluster bootstrap",
    "wilson_n_clusters": "Wilson's interval over the clusters",
    "wilson_sparse: few clusters carry the score": "few clusters carry this score: Wilson's interval over the "
    "clusters, and no method is sure here",
    "skewed_t": "Student's t, widened for skewness, from the cluster bootstrap",
    "cluster_percentile": "percentiles of the cluster bootstrap",
    "rule_of_three": "rule of three, all clusters alike",
}
"""ci_method -> in words."""


def score_cell(found: Estimate | None, label: str = "", langs: Sequence[Lang] = ()) -> Cell:
    """A share in percent with its interval."""
    if found is None:
        return replace(NONE, langs=tuple(langs))
    numbers = ((found.n_units, "unit"), (found.n_needs, "need"), (found.n_clusters, "cluster"))
    counts = ", ".join(counted(n, noun) for n, noun in numbers)
    method = method_line(found.ci_low, found.ci_method)
    return Cell(
        *(percent(found.value), interval_text(found.interval), label, found.value, (counts, method)),
        tuple(langs),
    )


def method_line(ci_low: float | None, method: str) -> str:
    """How an interval was made."""
    if ci_low is None:
        return NO_INTERVAL
    known = METHODS.get(method, method)
    return f"95 % CI, unadjusted: {known}" if known else "95 % CI, unadjusted"


def difference_cell(row: Paired) -> Cell:
    """A difference in points with its interval."""
    counts = f"{counted(row.n_units, 'unit')}, {counted(row.n_clusters, 'cluster')}"
    lines = [counts, method_line(row.ci_low, row.ci_method)]
    if row.n_discordant is not None:
        lines.append(f"{counted(row.n_discordant, 'unit differs', 'units differ')} between the two models")
    if row.detectable is not None:
        lines.append(f"smallest difference found with 80 %: {percent(row.detectable)} points")
    interval = interval_text(row.interval, signed=True)
    return Cell(points(row.difference), interval, sort=row.difference, details=tuple(lines))


def p_cell(p: float | None, details: tuple[str, ...] = ()) -> Cell:
    """A p-value."""
    return Cell(p_text(p), sort=p, details=details)


def counts_cell(found: Iterable[Estimate | None]) -> Cell:
    """Units and clusters of several scores."""
    known = [e for e in found if e is not None]
    if not known:
        return NONE
    text = f"{count_text(e.n_units for e in known)} / {count_text(e.n_clusters for e in known)}"
    return Cell(text, sort=float(known[0].n_units))


def number_cell(value: Any) -> Cell:
    """A plain number; n/a for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell("n/a")
    text = f"{value:,}" if isinstance(value, int) else f"{value:.3f}".replace("-", "−")
    return Cell(text, sort=float(value))


def share_cell(row: Any, signed: bool = False, key: str = "value") -> Cell:
    """A share (`key` of the row) in %, or a difference in points, with its interval; n/a where there is none.

    The row has perhaps ci_low, ci_high, n_units and n_clusters.
    """
    value = row.get(key) if isinstance(row, Mapping) else None
    if not isinstance(value, int | float):
        return Cell("n/a")
    details = (f"{row['n_units']:,} units, {row['n_clusters']:,} clusters",) if "n_units" in row else ()
    text = points(value) if signed else percent(value)
    return Cell(text, interval_text(ends(row), signed), sort=value, details=details)


def plain_estimate(row: Any, digits: int = 3, langs: Sequence[Lang] = (), label: str = "") -> Cell:
    """A number of any unit with its interval; `row` has value, ci_low, ci_high, and perhaps n and n_clusters."""
    if not isinstance(row, Mapping) or not isinstance(row.get("value"), int | float):
        return Cell("n/a", langs=tuple(langs))
    counts = [
        f"{row[key]:,} {name}" for key, name in (("n", "values"), ("n_clusters", "groups")) if key in row
    ]
    method = method_line(row.get("ci_low"), str(row.get("ci_method", "")))
    return Cell(
        plain(row["value"], digits),
        plain_interval(ends(row), digits),
        label,
        float(row["value"]),
        tuple(line for line in (", ".join(counts), method) if line),
        tuple(langs),
    )
