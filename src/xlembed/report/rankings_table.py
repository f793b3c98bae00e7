"""Tables of two tasks' rankings of the same models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from xlembed.report.scorebook import MACROS
from xlembed.report.tables import Interval, framed, to_markdown
from xlembed.report.text import MINUS, percent

Report = Mapping[str, Any]
"""Content of across.json."""
TITLES = {(str(m.kind), str(m.pool)): m.title for m in MACROS}


def agreement_table(report: Report) -> Table:
    """Kendall's tau per macro."""
    first, second = report["tasks"]
    note = f" {report['note'].capitalize()}." if report["note"] else ""
    table = framed(
        f"{first} and {second}: do rankings by {report['measure']} carry over?",
        f"Kendall's tau-b over {len(report['models'])} models: 1 the same order, 0 no relation, {MINUS}1 the opposite. "
        "Brackets: 95 % CI, clusters of each task resampled independently; noise pulls it towards 0." + note,
    )
    for head in ("macro", "tau", f"units / clusters of {first}", f"of {second}"):
        table.add_column(head, justify="left" if head == "macro" else "right", overflow="fold")
    for row in report["agreement"]:
        counts = [f"{u:,} / {c:,}" for u, c in zip(row["n_units"], row["n_clusters"], strict=True)]
        table.add_row(TITLES.get((row["kind"], row["pool"]), row["kind"]), _tau_cell(row), *counts)
    return table


def ranks_table(report: Report) -> Table:
    """Score and rank of every model on both tasks, per macro."""
    table = framed(
        f"{report['tasks'][0]} and {report['tasks'][1]}: scores and ranks",
        f"{report['measure']} in % (rank); equal scores share the mean of their ranks. ≈: not told apart from the best "
        "of the task (paired tests, Holm over the models).",
    )
    table.add_column("model", overflow="fold", min_width=12)
    for task in report["tasks"]:
        table.add_column(task, justify="right", overflow="fold")
    for row in report["agreement"]:
        table.add_row(TITLES.get((row["kind"], row["pool"]), row["kind"]), "", "", style="bold")
        for i, model in enumerate(report["models"]):
            cells = [
                f"{percent(row['scores'][t][i])} ({row['ranks'][t][i]:g}){' ≈' * bool(row['with_best'][t][i])}"
                for t in range(2)
            ]
            table.add_row(Text(model), *cells)
    return table


def rankings_markdown(report: Report) -> str:
    """Both tables and what was left out."""
    parts = [f"# Rankings on {' and '.join(report['tasks'])}"]
    parts += [to_markdown(table).rstrip("\n") for table in (agreement_table(report), ranks_table(report))]
    parts += ["\n".join(f"- {line}" for line in left_out_lines(report))]
    return "\n\n".join(part for part in parts if part) + "\n"


def left_out_lines(report: Report) -> list[str]:
    """One line per model that could not be ranked."""
    return [f"Not ranked: {row['model']}: {row['reason']}." for row in report["left_out"]]


def _tau_cell(row: Mapping[str, Any]) -> Interval | str:
    if row["tau"] is None:
        return "n/a: all equal"
    ends = "(no CI)" if row["ci_low"] is None else f"[{_signed(row['ci_low'])}, {_signed(row['ci_high'])}]"
    return Interval(_signed(row["tau"]), ends)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)
