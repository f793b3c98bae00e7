"""Cells with commas, semicolons or tabs between; a cell may be quoted and span lines."""

from __future__ import annotations

from csv import QUOTE_MINIMAL
from pathlib import Path

from xlembed.data.checks import Problems
from xlembed.data.tables import Table, read_cells


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """The header at once, the rows as they are asked for."""
    return [read_cells(file, problems, numbered, delimiter=None, quoting=QUOTE_MINIMAL, encoding=encoding)]
