"""Tables of two tasks' rankings of the same models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.evaluate.tables import heading, to_markdown
from xlembed.show.content import Cell, Grid, Row, heads, row
from xlembed.show.text import MINUS, percent
from xlembed.stats.scorebook import MACROS
from xlembed.words import counted

Report = Mapping[str, Any]
"""Content of across.json."""
TITLES = {(str(m.kind), str(m.pool)): m.title for m in MACROS}


def agreement_table(report: Report) -> Grid:
    """Kendall's tau per macro."""
    first, second = report["tasks"]
    rows = tuple(
        row(
            TITLES.get((of["kind"], of["pool"]), of["kind"]),
            _tau_cell(of),
            *(f"{u:,} / {c:,}" for u, c in zip(of["n_units"], of["n_clusters"], strict=True)),
        )
        for of in report["agreement"]
    )
    note = (
        f"Kendall's tau-b over {counted(len(report['models']), 'model')}: 1 the same order, 0 no relation, "
        f"{MINUS}1 the opposite. Brackets: 95 % CI, clusters of each task resampled independently; noise pulls it "
        "towards 0." + (f" {report['note'].capitalize()}." if report["note"] else "")
    )
    title = f"{first} and {second}: do rankings by {report['measure']} carry over?"
    columns = heads("macro", "tau", f"units / clusters of {first}", f"of {second}")
    return Grid("agreement", title, columns, rows, notes=(note,))


def ranks_table(report: Report) -> Grid:
    """Score and rank of every model on both tasks, per macro."""
    rows: list[Row] = []
    for of in report["agreement"]:
        rows.append(heading(TITLES.get((of["kind"], of["pool"]), of["kind"]), 2, apart=bool(rows)))
        for i, model in enumerate(report["models"]):
            cells = [
                f"{percent(of['scores'][t][i])} ({of['ranks'][t][i]:g}){' ≈' * bool(of['with_best'][t][i])}"
                for t in range(2)
            ]
            rows.append(row(model, *cells))
    note = (
        f"{report['measure']} in % (rank); equal scores share the mean of their ranks. ≈: not told apart from the best "
        "of the task (paired tests, Holm over the models)."
    )
    title = f"{report['tasks'][0]} and {report['tasks'][1]}: scores and ranks"
    return Grid("ranks", title, heads("model", *report["tasks"]), tuple(rows), notes=(note,))


def rankings_markdown(report: Report) -> str:
    """Both tables and what was left out."""
    parts = [f"# Rankings on {' and '.join(report['tasks'])}"]
    parts += [to_markdown(table).rstrip("\n") for table in (agreement_table(report), ranks_table(report))]
    parts += ["\n".join(f"- {line}" for line in left_out_lines(report))]
    return "\n\n".join(part for part in parts if part) + "\n"


def left_out_lines(report: Report) -> list[str]:
    """One line per model that could not be ranked."""
    return [f"Not ranked: {row['model']}: {row['reason']}." for row in report["left_out"]]


def _tau_cell(of: Mapping[str, Any]) -> Cell:
    if of["tau"] is None:
        return Cell("n/a: all equal")
    ends = "(no CI)" if of["ci_low"] is None else f"[{_signed(of['ci_low'])}, {_signed(of['ci_high'])}]"
    return Cell(_signed(of["tau"]), ends)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)
