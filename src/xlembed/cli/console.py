"""Where tables and messages are printed: names and paths stay on one line where there is room."""

from __future__ import annotations

import os

from rich.console import Console

from xlembed.show.console import GridTable
from xlembed.show.content import Grid

FILE_WIDTH = 120
"""Columns in a file or a pipe, where rich would assume 80."""


def open_console(stderr: bool = False) -> Console:
    """A console as wide as the terminal; COLUMNS decides where it is set."""
    console = Console(stderr=stderr)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = FILE_WIDTH
    return console


def print_table(console: Console, grid: Grid) -> None:
    """A table as wide as the console."""
    console.print(GridTable(grid))


def print_line(console: Console, text: str, style: str | None = None) -> None:
    """A message as it is: a path in it is never broken."""
    console.print(text, style=style, highlight=False, markup=False, emoji=False, soft_wrap=True)
