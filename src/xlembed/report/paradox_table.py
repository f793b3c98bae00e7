"""Tables of the paradox test, and its report in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.report.document.cells import plain_estimate, share_cell
from xlembed.report.document.content import Grid, heads, row
from xlembed.report.document.paradox_grids import verdict_grids, verdict_lines
from xlembed.report.notes import note_lines
from xlembed.report.tables import comparison_table, to_markdown
from xlembed.report.text import MINUS, base_models, p_text

Report = Mapping[str, Any]
"""Content of paradox.json."""
COLUMNS = (
    ("monolingual", "monolingual", False),
    ("true_cross_all", "true cross, pool all", False),
    ("loss_weak", "loss_weak", True),
    ("loss_strong", "loss_strong", True),
)
"""Scores of a model: key, head, whether it is a difference."""


def paradox_tables(report: Report) -> list[Grid]:
    """Scores, correlations, who is judged and how, and each variant before and after, as far as there are any."""
    found = [models_table(report)]
    if report["correlations"] and report["correlations"][0]["n"]:
        found.append(correlations_table(report))
    found += verdict_grids(report)
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


def models_table(report: Report) -> Grid:
    """Every model evaluated: S and macro scores with their intervals."""
    rows = [
        row(
            of["model"],
            plain_estimate(of["separation"]),
            *(share_cell(of[key], signed) for key, _, signed in COLUMNS),
            of["label"],
            strong=bool(of["enters"]),
        )
        for of in report["models"]
    ]
    units = [_counts(report, key) for key in ("separation", *(c[0] for c in COLUMNS))]
    return Grid(
        "paradox",
        f"{report['task']}: separation of languages and {report['measure']}",
        heads("model", "S", *(head for _, head, _ in COLUMNS), "label", words=("label",)),
        (*rows, row("units / clusters", *units, "")),
        notes=(
            "Scores in %, losses in points. Brackets: 95 % CI, unadjusted. S: neighbourhood purity@"
            f"{report['separation']['k']} minus its expected value; {_documents(report)}. Bold: base models in the "
            "test.",
            *note_lines(model_notes(report)),
        ),
    )


def correlations_table(report: Report) -> Grid:
    """The three rank correlations with S."""
    n = report["correlations"][0]["n"]
    how = "every order counted" if report["correlations"][0]["exact"] else "99,999 orders drawn"
    rows = []
    for of in report["correlations"]:
        rho = "n/a" if of["rho"] is None else f"{of['rho']:+.2f}".replace("-", MINUS)
        said = "" if of["p_adjusted"] is None else "shown" if of["shown"] else "not shown"
        rows.append(row(of["against"], rho, p_text(of["p_value"]), p_text(of["p_adjusted"]), said))
    note = (
        f"Spearman's rho over {base_models(n)}, midranks; one-sided p of rho > 0 ({how}), Holm over the three. The "
        f"paradox has all three above 0. In short: {report['correlation_text']}."
    )
    title = f"{report['task']}: does separation go along with it?"
    columns = heads("S with", "rho", "p", "adj. p", "", words=("",))
    return Grid("paradox-correlations", title, columns, tuple(rows), notes=(note,))


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


def _counts(report: Report, key: str) -> str:
    found = [of[key] for of in report["models"] if of[key] is not None]
    return f"{found[0]['n_units']:,} / {found[0]['n_clusters']:,}" if found else "n/a"
