"""Workbooks: each filled sheet is a table; every cell as the text that it shows."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems, first_of
from xlembed.data.lines import find_file, tell_damaged, unpacked
from xlembed.data.tables import Table, as_text, table_of
from xlembed.words import UserError, counted

OLD = b"\xd0\xcf\x11\xe0"
"""How a workbook of before 2007 begins, and one with a password."""


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """Its visible, filled sheets; hidden ones are told, and merged cells, whose value counts for each of their rows.

    Raises:
        UserError: openpyxl is not installed.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UserError(
            f"{file}: workbooks are read with openpyxl, which is not installed: pip install 'xlembed[xlsx]', or save "
            "each sheet as CSV UTF-8"
        ) from None
    if (there := find_file(file, problems)) is None:
        return []
    try:
        with unpacked(there) as stream:
            raw = stream.read()
        if raw.startswith(OLD):
            message = "the file is a workbook with a password, or one of before 2007"
            problems.error(Place(str(file)), "", "unreadable file", message, "save it as .xlsx without one")
            return []
        book = load_workbook(io.BytesIO(raw), data_only=True)
        formulas = load_workbook(io.BytesIO(raw)) if _has_formulas(raw) else None
    except Exception as error:  # openpyxl raises what its parsers raise
        tell_damaged(there, str(file), error, problems)
        return []
    filled = [sheet for sheet in book.worksheets if any(_cells(sheet, {}))]
    for sheet in filled:
        if sheet.sheet_state != "visible":
            name = f"{file} [{sheet.title}]"
            problems.warn(Place(name), "", "hidden sheet", "the sheet is hidden", "not read")
    for sheet in book.worksheets:
        if formulas and sheet.sheet_state == "visible":
            _tell_unsaved(formulas[sheet.title], sheet, f"{file} [{sheet.title}]", problems)
    visible = [sheet for sheet in filled if sheet.sheet_state == "visible"]
    return [_table(sheet, f"{file} [{sheet.title}]", problems, numbered) for sheet in visible]


def _has_formulas(raw: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(raw)) as parts:
        sheets = (name for name in parts.namelist() if name.startswith("xl/worksheets/"))
        return any(re.search(rb"<(\w+:)?f[ />]", parts.read(name)) for name in sheets)


def _tell_unsaved(sheet: Any, values: Any, name: str, problems: Problems) -> None:
    """Formulas whose value nobody saved, as programs write them, would be read as empty cells."""
    cells = [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    # The empty text that a formula gave is saved as such ("str").
    unsaved = [at for at in cells if values[at].value is None and values[at].data_type == "n"]
    if unsaved:
        message = f"{counted(len(unsaved), 'formula')} without a saved value: {first_of(unsaved)}"
        fix = "open the workbook in a spreadsheet program and save it, or write values"
        problems.error(Place(name), "", "formulas without values", message, fix)


def _table(sheet: Any, name: str, problems: Problems, numbered: bool) -> Table:
    merged: dict[tuple[int, int], str] = {}
    if hidden := [str(row) for row, format in sheet.row_dimensions.items() if format.hidden]:
        message = f"{counted(len(hidden), 'row')} hidden, perhaps by a filter: {first_of(hidden)}"
        done = "read all the same; delete what shall not count"
        problems.warn(Place(name), "", "hidden rows", message, done)
    for area in sheet.merged_cells.ranges:
        value = _text(sheet.cell(area.min_row, area.min_col))
        if area.max_row > area.min_row and value:
            merged |= {(row, area.min_col): value for row in range(area.min_row, area.max_row + 1)}
            place = Place(name, area.min_row, in_table=True)
            message = f"the cells {area.coord} are merged"
            problems.warn(place, "", "merged cells", message, "their value is taken for each of their rows")
    return table_of(name, _cells(sheet, merged), problems, numbered)


def _cells(sheet: Any, merged: dict[tuple[int, int], str]) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number; rows behind the last filled one are not there."""
    waiting: list[tuple[int, list[str]]] = []
    for cells in sheet.iter_rows():
        number = cells[0].row
        texts = [merged.get((number, i)) or _text(cell) for i, cell in enumerate(cells, 1)]
        waiting.append((number, texts))
        if any(text.strip() for text in texts):
            yield from waiting
            waiting.clear()


def _text(cell: Any) -> str:
    """What the cell shows: a number format of zeros (an id such as 00123) keeps them."""
    value = cell.value
    if isinstance(value, int) and re.fullmatch("0+", cell.number_format):
        return f"{value:0{len(cell.number_format)}d}"
    if isinstance(value, str) and "_x" in value:
        # openpyxl leaves control characters as the format writes them: _x000D_
        from openpyxl.utils.escape import unescape

        value = unescape(value).replace("\r\n", "\n")
    return as_text(value)
