"""Files of rows by their suffix: the readers are found in row_files/, so that a new one is one new file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlembed.data import row_files
from xlembed.data.checks import Problems
from xlembed.data.tables import Table
from xlembed.registry import entries, load_entry
from xlembed.words import UserError


def read_rows(file: Path, problems: Problems, *, numbered: bool = False, also: Sequence[str] = ()) -> Table:
    """A file of rows, by its suffix; `also` names other files that are taken.

    Raises:
        UserError: no module of row_files/ is called like the suffix.
    """
    forms = entries(row_files)
    form = file.suffix.lower().removeprefix(".")
    if form not in forms:
        # JSON lines first: they say most about a row.
        known = [*sorted((f".{name}" for name in forms), key=lambda name: (name != ".jsonl", name)), *also]
        listed = f"{', '.join(known[:-1])} or {known[-1]}"
        raise UserError(f"{file}: expected {listed}, found {file.suffix or 'no suffix'}")
    table: Table = load_entry(row_files, form).read(file, problems, numbered)
    return table
