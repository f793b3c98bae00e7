"""Tables by the suffix of their file: the readers are found in row_files/, so that a new one is one new file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlembed.data import row_files
from xlembed.data.checks import Problems
from xlembed.data.lines import unpacked_name
from xlembed.data.tables import Table
from xlembed.registry import entries, load_entry
from xlembed.words import UserError


def read_tables(
    file: Path, problems: Problems, *, numbered: bool = False, encoding: str = "", also: Sequence[str] = ()
) -> list[Table]:
    """The tables of a file, by its suffix: one, or each filled sheet of a workbook; none where errors were told.

    Columns that are `numbered` have numbers, from 1, in place of a header. An empty encoding is found out, and
    told. `also` are other files that are taken, for the message.

    Raises:
        UserError: no module of row_files/ is called like the suffix, or what it needs is not installed.
    """
    forms = entries(row_files)
    name = unpacked_name(file)
    form = name.suffix.lower().removeprefix(".")
    if form not in forms:
        # JSON lines first: they say most about a row.
        known = sorted([*(f".{name}" for name in forms), *also], key=lambda name: (name != ".jsonl", name))
        listed = f"{', '.join(known[:-1])} or {known[-1]}"
        raise UserError(f"{file}: expected {listed}, found {name.suffix or 'no suffix'}")
    tables: list[Table] = load_entry(row_files, form).read(file, problems, numbered, encoding)
    return tables


def read_rows(
    file: Path, problems: Problems, *, numbered: bool = False, encoding: str = "", also: Sequence[str] = ()
) -> Table:
    """The only table of a file, an empty one where errors were told.

    Raises:
        UserError: as `read_tables`, and for a workbook with several filled sheets.
    """
    tables = read_tables(file, problems, numbered=numbered, encoding=encoding, also=also)
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise UserError(f"{file}: expected one filled sheet, found {names}; keep one in the file")
    return tables[0] if tables else Table((), iter(()))
