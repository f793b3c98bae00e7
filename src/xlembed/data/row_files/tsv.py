"""Tab-separated values; those of this field do not quote: a quotation mark is one."""

from __future__ import annotations

from csv import QUOTE_NONE
from pathlib import Path

from xlembed.data.checks import Problems
from xlembed.data.tables import Table, read_cells


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """The header at once, the rows as they are asked for."""
    return [read_cells(file, problems, numbered, delimiter="\t", quoting=QUOTE_NONE, encoding=encoding)]
