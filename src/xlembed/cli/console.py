"""Where tables and messages are printed: names and paths stay on one line where there is room."""

from __future__ import annotations

import os

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

FILE_WIDTH = 120
"""Columns in a file or a pipe, where rich would assume 80."""
MARK = "*"


def open_console(stderr: bool = False) -> Console:
    """A console as wide as the terminal; COLUMNS decides where it is set."""
    console = Console(stderr=stderr)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = FILE_WIDTH
    return console


def print_table(console: Console, table: Table) -> None:
    """A table whose names (first column) stay whole: a narrow terminal costs space, then the column of labels."""
    names = table.columns[0]
    before, names.no_wrap = (names.no_wrap, table.padding), True
    if not _fits(console, table):
        table.padding = (0, 0, 0, 0)
    if not _fits(console, table) and str(table.columns[-1].header) == "label":
        _labels_below(table)
    if not _fits(console, table):
        names.no_wrap, table.padding = before
    console.print(table)


def print_line(console: Console, text: str, style: str | None = None) -> None:
    """A message as it is: a path in it is never broken."""
    console.print(text, style=style, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _fits(console: Console, table: Table) -> bool:
    wide = console.options.update(width=10_000)
    return Measurement.get(console, wide, table).minimum <= console.width


def _labels_below(table: Table) -> None:
    """The last column becomes lines under the table, one per name; names that have a label get a mark."""
    labels = table.columns.pop()
    below: dict[str, None] = {}
    for name, label in zip(table.columns[0].cells, labels.cells, strict=True):
        if isinstance(name, Text) and str(label):
            below[f"{MARK} {name}: {label}"] = None
            name.append(MARK)
    table.caption = Text("\n".join([str(table.caption or ""), *below]))
