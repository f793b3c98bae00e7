"""Tables of probes for the console: those of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from xlembed.probe.figures_data import COLUMNS, FLOOR, RIVAL, ProbeBook, read_probes
from xlembed.probe.probe_advice import advise
from xlembed.probe.probe_grids import (
    dimension_grid,
    key_test_grid,
    language_grid,
    system_grid,
    truncation_grid,
    verdict_grid,
)
from xlembed.show.content import Grid


def probe_tables(
    report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Grid]:
    """What `xlembed probe` prints: systems, dimensions, languages, truncation, verdicts, tests.

    Args:
        report: content of report.json.
        timings: content of timings.json.

    Raises:
        UserError: if a field of the report is missing.
    """
    book = _book(report, timings)
    grids = [_without_kinds(system_grid(book), book)]
    grids += [dimension_grid(book)] if len(book.dimensions) > 1 else []
    grids += [language_grid(book)] if len(book.languages) > 1 else []
    others = (truncation_grid(book), verdict_grid(book), key_test_grid(book))
    return [*grids, *(grid for grid in others if grid is not None)]


def verdict_lines(
    report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """Which system to take, whether it replaces fine-tuning, how sure that is, what it costs; a line each."""
    advice = advise(_book(report, timings))
    return [line for line in (advice.choice, advice.replaces, advice.sure, advice.cost) if line]


def _without_kinds(grid: Grid, book: ProbeBook) -> Grid:
    """The main table with a note instead of its second column: a console is narrow."""
    rivals = ", ".join(s.name for s in book.of_kind(RIVAL))
    floors = ", ".join(s.name for s in book.of_kind(FLOOR))
    note = " ".join(
        f"{what}: {names}." for what, names in (("Fine-tuned", rivals), ("Floor", floors)) if names
    )
    rows = tuple(replace(row, cells=(row.cells[0], *row.cells[2:])) for row in grid.rows)
    return replace(grid, heads=(grid.heads[0], *grid.heads[2:]), rows=rows, notes=(note, *grid.notes))


def _book(report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None) -> ProbeBook:
    """Tables need no predictions."""
    return read_probes(report, pd.DataFrame(columns=list(COLUMNS)), timings)
