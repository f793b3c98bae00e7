"""Published figures beside ours, and the recipes, as tables."""

from __future__ import annotations

from collections.abc import Iterable

from xlembed.reproduce.recipe import Claim
from xlembed.reproduce.result import Reproduced
from xlembed.show.content import Cell, Grid, Row, heads, row
from xlembed.show.published import published


def reproduced_grid(found: Reproduced) -> Grid:
    """A row per measure, in percent."""
    rows = []
    for f in found.figures:
        interval = (
            "" if f.ci_low is None or f.ci_high is None else f"[{100 * f.ci_low:.2f}, {100 * f.ci_high:.2f}]"
        )
        ours = Cell(f"{100 * f.value:.2f}", interval, found.label)
        rows.append(row(f.measure, f"{100 * f.published:.2f}", ours, f"{f.n_clusters:,}", str(f.agreement)))
    columns = heads(
        "measure", "published, %", "ours, %", "clusters", "published value", words=("published value",)
    )
    title = f"{found.published_by}: {found.model} on {found.task}"
    return Grid("reproduced", title, columns, tuple(rows), notes=(f"Data: {found.data}",))


def claims_grid(claims: Iterable[Claim]) -> Grid:
    """A row per recipe, then what cannot be measured again, and why."""
    rows: list[Row] = [
        row(c.name, Cell(c.model, label=c.label), c.task, ", ".join(c.expected), c.source) for c in claims
    ]
    rows += [
        row("-", entry["model"], f"not possible: {why}", "", entry["source"])
        for entry in published()
        if (why := entry.get("not_reproduced"))
    ]
    words = ("model", "task", "measures", "published by")
    return Grid("claims", "Published figures", heads("recipe", *words, words=words), tuple(rows))
