"""Tables of probes for the console: those of the report, cut into as many pieces as the width asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from xlembed.report.document.content import Cell, Grid
from xlembed.report.document.probe_advice import advise
from xlembed.report.document.probe_grids import (
    INVALID,
    dimension_grid,
    key_test_grid,
    language_grid,
    system_grid,
    truncation_grid,
    verdict_grid,
)
from xlembed.report.probes import COLUMNS, FLOOR, RIVAL, ProbeBook, read_probes
from xlembed.report.tables import Interval, framed

NAME_SHARE, LEAST_NAME = 0.36, 18
"""Of the width for a name, in tables of many columns."""
WORDS_WIDTH = 26
"""Of a column of words that are folded."""
BETWEEN = 2
"""Characters after each column."""


@dataclass(frozen=True)
class GridTable:
    """A table of a report on the console: columns that do not fit come below, again with the first column.

    Attributes:
        grid: what is shown.
    """

    grid: Grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        pieces = column_pieces(self.grid, options.max_width)
        for i, columns in enumerate(pieces):
            title = self.grid.title if i == 0 else f"{self.grid.title} (continued)"
            yield _table(self.grid, columns, title, options.max_width)
            if i < len(pieces) - 1:
                yield Text("")
        for note in _notes(self.grid):
            yield Text(note)


def probe_tables(
    report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None = None
) -> list[GridTable]:
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
    return [GridTable(grid) for grid in (*grids, *(grid for grid in others if grid is not None))]


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


def column_pieces(grid: Grid, width: int) -> list[tuple[int, ...]]:
    """Columns of each piece; the first column is in all of them.

    Args:
        grid: the table.
        width: characters of the console.
    """
    name = _name_width(grid, width)
    pieces: list[list[int]] = [[]]
    used = name + BETWEEN
    for c in range(1, len(grid.heads)):
        needed = _least(grid, c) + BETWEEN
        if pieces[-1] and used + needed > width:
            pieces.append([])
            used = name + BETWEEN
        pieces[-1].append(c)
        used += needed
    return [(0, *piece) for piece in _even(grid, pieces, width - name - BETWEEN)]


def _even(grid: Grid, pieces: list[list[int]], room: int) -> list[list[int]]:
    """The same columns in as many pieces of about equal number, where these fit."""
    every = [c for piece in pieces for c in piece]
    size = -(-len(every) // len(pieces))
    even = [every[i : i + size] for i in range(0, len(every), size)]
    fits = all(sum(_least(grid, c) + BETWEEN for c in piece) <= room for piece in even)
    return even if fits and len(even) == len(pieces) else pieces


def column_widths(grid: Grid, columns: Sequence[int], width: int) -> list[int]:
    """Characters of each column of a piece: what it needs, then longer names, then intervals beside their values."""
    found = [_name_width(grid, width), *(_least(grid, c) for c in columns[1:])]
    spare = width - sum(found) - BETWEEN * len(found)
    for i, c in enumerate(columns):
        more = max(0, _longest(grid, c) - found[i])
        if i and more > spare:
            continue  # half of it would still break the line
        granted = min(more, max(0, spare))
        found[i] += granted
        spare -= granted
    return found


def _book(report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None) -> ProbeBook:
    """Tables need no predictions."""
    return read_probes(report, pd.DataFrame(columns=list(COLUMNS)), timings)


def _name_width(grid: Grid, width: int) -> int:
    """What the first column takes: its longest name, or its share of the width."""
    return min(_longest(grid, 0), max(LEAST_NAME, int(NAME_SHARE * width)))


def _longest(grid: Grid, column: int) -> int:
    """Characters of a column in which nothing is broken but its head."""
    cells = [row.cells[column] for row in (*grid.rows, *grid.foot)]
    texts = [f"{_shown(cell)} {cell.interval}".strip() for cell in cells]
    head = grid.heads[column].text
    return max([len(head) if column == 0 else 0, *map(len, texts), *map(len, head.split())])


def _least(grid: Grid, column: int) -> int:
    """Characters of a column whose intervals stand below their values."""
    head = grid.heads[column]
    words = head.text.split() if head.numeric else [head.text]
    widest = max(map(len, words), default=0)
    for row in (*grid.rows, *grid.foot):
        cell = row.cells[column]
        widest = max(widest, len(_shown(cell)), len(cell.interval))
    return widest if head.numeric else min(widest, WORDS_WIDTH)


def _table(grid: Grid, columns: Sequence[int], title: str, width: int) -> Table:
    table = framed(title)
    for c, wide in zip(columns, column_widths(grid, columns, width), strict=True):
        head = grid.heads[c]
        table.add_column(head.text, justify="right" if head.numeric else "left", overflow="fold", width=wide)
    rows = (*grid.rows, *grid.foot)
    for i, row in enumerate(rows):
        following = rows[i + 1] if i + 1 < len(rows) else None
        ends = following is not None and (following.apart or i + 1 == len(grid.rows))
        cells = [_cell(row.cells[c]) for c in columns]
        table.add_row(*cells, style="bold" if row.strong else None, end_section=ends)
    return table


def _cell(cell: Cell) -> Text | Interval:
    text = _shown(cell)
    return Interval(text, cell.interval) if cell.interval else Text(text)


def _shown(cell: Cell) -> str:
    """With an asterisk for a label, which a note explains."""
    return f"{cell.text}*" if cell.label else cell.text


def _notes(grid: Grid) -> list[str]:
    labels = dict.fromkeys(cell.label for row in grid.rows for cell in row.cells if cell.label)
    notes = [note for note in grid.notes if note != INVALID]
    return [*notes, *(f"* {label}: invalid for a decision." for label in labels)]
