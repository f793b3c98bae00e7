"""Tables of the paradox test, and its report in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.evaluate.tables import comparison_table, to_markdown
from xlembed.paradox.grids import (
    correlations_grid,
    model_notes,
    models_grid,
    verdict_grids,
    verdict_lines,
)
from xlembed.show.cells import share_cell
from xlembed.show.content import Grid, heads, row
from xlembed.show.text import MINUS, p_text

Report = Mapping[str, Any]
"""Content of paradox.json."""


def paradox_tables(report: Report) -> list[Grid]:
    """Scores, correlations, who is judged and how, and each variant before and after, as far as there are any."""
    found = [models_grid(report)]
    if report["correlations"] and report["correlations"][0]["n"]:
        found.append(correlations_grid(report))
    found += verdict_grids(report)
    if report["before_after"]:
        labels = {row["model"]: row["labels"] for row in report["models"] if row["labels"]}
        whole = {"task": report["task"], "primary": report["before_after"], "labels": labels}
        whole["model_notes"] = model_notes(report)
        found.append(comparison_table({**whole, "primary_measure": report["measure"]}))
    if report["loss_changes"]:
        found.append(_losses_table(report))
    return found


def _losses_table(report: Report) -> Grid:
    rows = tuple(
        row(
            *(f"{of['variant']} {MINUS} {of['base']}", of["kind"]),
            share_cell(of, signed=True, key="difference"),
            *(p_text(of["p_value"]), p_text(of["p_adjusted"]), of["verdict"]),
        )
        for of in report["loss_changes"]
    )
    note = (
        "In points, variant minus base: below 0 the variant loses less. Brackets: 95 % CI, unadjusted; sign-flip "
        "tests, Holm over variants and losses; exploratory. A loss also shrinks when "
        "the score within languages falls: read it beside that change."
    )
    columns = heads(
        *(f"variant {MINUS} base", "loss", "change", "p", "adj. p", "verdict"), words=("loss", "verdict")
    )
    title = f"{report['task']}: losses across languages before and after"
    return Grid("paradox-losses", title, columns, rows, notes=(note,))


def paradox_markdown(report: Report) -> str:
    """The report: verdict and its rule first, then the tables and the figures."""
    first, *others = verdict_lines(report)
    parts = [
        f"# The language separation paradox on {report['task']}",
        f"**{first}**",
        "\n".join(f"- {line}" for line in others),
        "## The rule",
        "\n".join(f"- {line}" for line in report["rule"]),
        "## Numbers",
        *(to_markdown(table) for table in paradox_tables(report)),
        "## Figures",
        "`figures/` holds each as PNG: `separation` (S against scores and losses), `variants` (before "
        "and after).",
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"
