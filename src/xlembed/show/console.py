"""A table on the console: names stay whole and intervals are never torn, whatever the width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from xlembed.show.cells import LABELLED
from xlembed.show.content import Cell, Grid, Row

NAME_SHARE, LEAST_NAME = 0.36, 18
"""Of the width for a name, where names cannot stay whole."""
WORDS_WIDTH = 18
"""Of a column of words that are folded."""
LABEL = "label"
"""Head of a last column that becomes notes where there is no room."""


@dataclass(frozen=True)
class GridTable:
    """A grid for rich: a narrow console costs space, then the column of labels, then whole names.

    Columns that still do not fit come below, again with the first column.

    Attributes:
        grid: what is shown.
    """

    grid: Grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        layout = _layout(self.grid, options.max_width)
        for i, columns in enumerate(layout.pieces()):
            if i:
                yield Text("")
            yield Text(self.grid.title + " (continued)" * bool(i), style="bold")
            yield layout.table(columns)
        yield from map(Text, _notes(layout.grid))


@dataclass(frozen=True)
class _Layout:
    """Widths of columns in characters; `between`: after each column."""

    grid: Grid
    width: int
    name: int
    between: int

    def needed(self, columns: Sequence[int]) -> int:
        """Characters of a piece in which intervals stand below their values."""
        return self.name + sum(self.least(c) for c in columns[1:]) + self.between * len(columns) - 1

    def least(self, column: int) -> int:
        head = self.grid.heads[column]
        if not head.numeric:
            return min(self.longest(column), WORDS_WIDTH)
        parts = [part for cell in self.grid.column(column) for part in (*_unbroken(cell), cell.interval)]
        return max(map(len, [*head.text.split(), *parts]), default=0)

    def longest(self, column: int) -> int:
        """Characters of a column in which nothing is broken but its head."""
        head = self.grid.heads[column]
        texts = [f"{_shown(cell)} {cell.interval}".rstrip() for cell in self.grid.column(column)]
        parts = head.text.split(", " if ", " in head.text else None) if head.numeric else [head.text]
        return max(map(len, [*texts, *parts]), default=0)

    def pieces(self) -> list[list[int]]:
        """Columns of each piece, of about equal number where these fit; the first column is in all of them."""
        pieces: list[list[int]] = [[0]]
        for c in range(1, len(self.grid.heads)):
            if len(pieces[-1]) > 1 and self.needed([*pieces[-1], c]) > self.width:
                pieces.append([0])
            pieces[-1].append(c)
        size = -(-(len(self.grid.heads) - 1) // len(pieces)) or 1
        every = list(range(1, len(self.grid.heads)))
        even = [[0, *every[i : i + size]] for i in range(0, len(every), size)]
        return (
            even if len(even) == len(pieces) and all(self.needed(p) <= self.width for p in even) else pieces
        )

    def widths(self, columns: Sequence[int]) -> list[int]:
        """What each column needs; what is left over goes to longer names, then to intervals, then to words."""
        found = {c: self.least(c) if c else self.name for c in columns}
        numbers = [c for c in columns[1:] if self.grid.heads[c].numeric]
        spare = self.width - self.needed(columns)
        for group in ([0], numbers, *([c] for c in columns[1:] if c not in numbers)):
            more = {c: max(0, self.longest(c) - found[c]) for c in group}
            if group is numbers and sum(more.values()) > spare:
                continue  # all intervals beside their values, or all below
            for c in group:
                granted = min(more[c], max(0, spare))
                found[c] += granted
                spare -= granted
        return list(found.values())

    def table(self, columns: Sequence[int]) -> Table:
        """One piece."""
        table = Table(box=box.SIMPLE_HEAD, padding=(0, self.between - 1, 0, 0), show_edge=False)
        widths = self.widths(columns)
        for c, wide in zip(columns, widths, strict=True):
            head = self.grid.heads[c]
            text = head.text if len(head.text) <= wide else head.text.replace(", ", ",\n")
            table.add_column(
                Text(text), justify="right" if head.numeric else "left", overflow="fold", width=wide
            )
        rows = self.grid.lines
        for i, row in enumerate(rows):
            ends = i + 1 < len(rows) and (rows[i + 1].apart or i + 1 == len(self.grid.rows))
            cells = [_cell(row.cells[c], wide) for c, wide in zip(columns, widths, strict=True)]
            table.add_row(*cells, style="bold" if row.strong else None, end_section=ends)
        return table


def _layout(grid: Grid, width: int) -> _Layout:
    below = _labels_below(grid)
    names = [below.heads[0].text, *map(_shown, below.column(0))]
    whole = max(map(len, names))
    words = max(len(word) for name in names for word in [*name.split(), ""])
    short = min(whole, max(LEAST_NAME, int(NAME_SHARE * width)))
    for shown, name, between in ((grid, whole, 2), (grid, whole, 1), (below, whole, 1), (below, words, 1)):
        layout = _Layout(shown, width, name, between)
        if layout.needed(range(len(shown.heads))) <= width:
            return layout
    narrow = _Layout(below, width, short, 1)
    return narrow if narrow.needed(range(len(below.heads))) <= width else replace(narrow, between=2)


def _labels_below(grid: Grid) -> Grid:
    """A last column of labels becomes notes, one per name; names that have a label get a mark."""
    if grid.heads[-1].text != LABEL:
        return grid
    notes: dict[str, None] = {}

    def kept(row: Row) -> Row:
        name, *others, label = row.cells
        if not label.text:
            return replace(row, cells=row.cells[:-1])
        notes[f"* {name.text}: {label.text}"] = None
        return replace(row, cells=(replace(name, text=f"{name.text}*"), *others))

    rows = tuple(map(kept, grid.rows))
    return replace(grid, heads=grid.heads[:-1], rows=rows, notes=(*grid.notes, *notes))


def _cell(cell: Cell, width: int) -> Text:
    whole = f"{_shown(cell)} {cell.interval}".rstrip()
    return Text(whole if len(whole) <= width else f"{_shown(cell)}\n{cell.interval}".rstrip())


def _shown(cell: Cell) -> str:
    """With an asterisk for a label, which a note explains."""
    return f"{cell.text}*" if cell.label else cell.text


def _unbroken(cell: Cell) -> list[str]:
    """Parts of a cell in a column of numbers that stay on one line: numbers whole, words one by one."""
    text = _shown(cell)
    return [text] if any(letter.isdigit() for letter in text) else text.split()


def _notes(grid: Grid) -> list[str]:
    notes = [note for note in grid.notes if note and note != LABELLED]
    return [*notes, *(f"* {label}: invalid for a decision." for label in grid.labels)]
