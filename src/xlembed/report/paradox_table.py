"""Tables of the paradox test, and its report in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from xlembed.report.document.paradox_grids import verdict_grids, verdict_lines
from xlembed.report.notes import note_lines
from xlembed.report.tables import Interval, comparison_table, framed, grid_table, to_markdown
from xlembed.report.text import base_models, interval_text, p_text, percent, points

Report = Mapping[str, Any]
"""Content of paradox.json."""
COLUMNS = (
    ("monolingual", "monolingual", False),
    ("true_cross_all", "true cross,\npool all", False),
    ("loss_weak", "loss_weak", True),
    ("loss_strong", "loss_strong", True),
)
"""Scores of a model: key, head, whether it is a difference."""


def paradox_tables(report: Report) -> list[Table]:
    """Scores, correlations, who is judged and how, and each variant before and after, as far as there are any."""
    found = [models_table(report)]
    if report["correlations"] and report["correlations"][0]["n"]:
        found.append(correlations_table(report))
    found += map(grid_table, verdict_grids(report))
    if report["before_after"]:
        labels = {row["model"]: row["labels"] for row in report["models"] if row["labels"]}
        whole = {"task": report["task"], "primary": report["before_after"], "labels": labels}
        whole["model_notes"] = model_notes(report)
        found.append(comparison_table({**whole, "primary_measure": report["measure"]}))
    if report["loss_changes"]:
        found.append(_losses_table(report))
    return found


def model_notes(report: Report) -> dict[str, list[str]]:
    """Model -> what must stand beside its numbers."""
    return {row["model"]: row["notes"] for row in report["models"] if row.get("notes")}


def models_table(report: Report) -> Table:
    """Every model evaluated: S and macro scores with their intervals."""
    separation = report["separation"]
    table = framed(
        f"{report['task']}: separation of languages and {report['measure']}",
        "Scores in %, losses in points. Brackets: 95 % CI, unadjusted. S: neighbourhood purity@"
        f"{separation['k']} minus its expected value; {_documents(report)}. Bold: base models in the test.",
        *note_lines(model_notes(report)),
    )
    table.add_column("model", overflow="fold", min_width=12)
    table.add_column("S", justify="right")
    for _, head, _ in COLUMNS:
        table.add_column(Text(head, justify="right"), justify="right")
    table.add_column("label", overflow="fold")
    for row in report["models"]:
        cells = [_score_cell(row[key], signed) for key, _, signed in COLUMNS]
        table.add_row(
            Text(row["model"]),
            _separation_cell(row["separation"]),
            *cells,
            Text(row["label"]),
            style="bold" if row["enters"] else None,
        )
    units = [
        "n/a" if (counts := _counts(report, key)) is None else counts
        for key in ("separation", *(c[0] for c in COLUMNS))
    ]
    table.add_row("units / clusters", *units, "", style="dim")
    return table


def correlations_table(report: Report) -> Table:
    """The three rank correlations with S."""
    n = report["correlations"][0]["n"]
    how = "every order counted" if report["correlations"][0]["exact"] else "99,999 orders drawn"
    table = framed(
        f"{report['task']}: does separation go along with it?",
        f"Spearman's rho over {base_models(n)}, midranks; one-sided p of rho > 0 ({how}), Holm over the three. The "
        f"paradox has all three above 0. In short: {report['correlation_text']}.",
    )
    for head in ("S with", "rho", "p", "adj. p", ""):
        table.add_column(head, justify="left" if head in ("S with", "") else "right")
    for row in report["correlations"]:
        tested = row["p_adjusted"] is not None
        rho = "n/a" if row["rho"] is None else f"{row['rho']:+.2f}".replace("-", "−")
        said = "" if not tested else "shown" if row["shown"] else "not shown"
        table.add_row(row["against"], rho, p_text(row["p_value"]), p_text(row["p_adjusted"]), said)
    return table


def _losses_table(report: Report) -> Table:
    table = framed(
        f"{report['task']}: losses across languages before and after",
        "In points, variant minus base: below 0 the variant loses less. Brackets: 95 % CI, unadjusted; sign-flip "
        "tests, Holm over variants and losses; exploratory. A loss also shrinks when "
        "the score within languages falls: read it beside that change.",
    )
    table.add_column("variant − base", overflow="fold", min_width=12)
    table.add_column("loss")
    for head in ("change", "p", "adj. p"):
        table.add_column(head, justify="right")
    table.add_column("verdict")
    for row in report["loss_changes"]:
        table.add_row(
            Text(f"{row['variant']} − {row['base']}"),
            row["kind"],
            Interval(points(row["difference"]), interval_text(_ends(row), signed=True)),
            p_text(row["p_value"]),
            p_text(row["p_adjusted"]),
            row["verdict"],
        )
    return table


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
        "`figures/` holds each as PNG and PDF: `separation` (S against scores and losses), `variants` (before "
        "and after).",
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def _documents(report: Report) -> str:
    sizes = {row["separation"]["per_language"] for row in report["models"] if row["separation"]}
    return (
        f"{' or '.join(f'{n:,}' for n in sorted(sizes))} documents of each language"
        if sizes
        else "no vectors"
    )


def _counts(report: Report, key: str) -> str | None:
    found = [row[key] for row in report["models"] if row[key] is not None]
    if not found:
        return None
    return f"{found[0]['n_units']:,} / {found[0]['n_clusters']:,}"


def _separation_cell(row: Mapping[str, Any] | None) -> Interval | str:
    if row is None:
        return "n/a"
    ends = _ends(row)
    return Interval(
        f"{row['value']:.3f}",
        "(no CI)" if ends is None else f"[{ends[0]:.3f}, {ends[1]:.3f}]".replace("-", "−"),
    )


def _score_cell(row: Mapping[str, Any] | None, signed: bool) -> Interval | str:
    if row is None:
        return "n/a"
    show = points if signed else percent
    return Interval(show(row["value"]), interval_text(_ends(row), signed))


def _ends(row: Mapping[str, Any]) -> tuple[float, float] | None:
    return None if row["ci_low"] is None or row["ci_high"] is None else (row["ci_low"], row["ci_high"])
