"""Where tables and messages are printed: as wide as the terminal, with nothing cut and no word broken."""

from __future__ import annotations

import os

from rich.console import Console

from xlembed.show.console import GridTable
from xlembed.show.content import Grid
from xlembed.show.folding import fold

FILE_WIDTH = 80
"""Columns in a file or a pipe."""


def open_console(stderr: bool = False) -> Console:
    """A console as wide as the terminal; COLUMNS decides where it is set."""
    console = Console(stderr=stderr)
    if console.width < 1 or (not console.is_terminal and "COLUMNS" not in os.environ):  # COLUMNS=0: not known
        console.width = FILE_WIDTH
    return console


def print_table(console: Console, grid: Grid) -> None:
    """A table as wide as the console."""
    console.print(GridTable(grid), crop=False)


def print_line(console: Console, text: str, style: str | None = None) -> None:
    """A message, folded between words: a path in it is never broken."""
    for line in fold(text, console.width):
        console.print(line, style=style, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(text: str, err: bool = False) -> None:
    """One message on stdout or stderr."""
    print_line(open_console(stderr=err), text)


def print_warning(console: Console, text: str) -> None:
    """A message that says what it is."""
    print_line(console, f"Warning: {text}", style="yellow")
