"""Tables of a user: row by row with the line each row begins in, and OURS=THEIRS for their columns."""

from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from xlembed.data.checks import Place, Problems, Row
from xlembed.data.lines import read_lines
from xlembed.words import UserError, near_miss

csv.field_size_limit(2**31 - 1)  # Python's own limit, 131,072 characters, is one of long documents
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Table:
    """A file of rows being read.

    Attributes:
        header: names of the columns; none when they are numbered from 1, or rows name their own fields.
        rows: values by column, with the place where the row begins; to be gone through once.
        is_text: every value is a text, and every row has every column.
        name: what its rows' places call it: the file, and a workbook's sheet.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    is_text: bool = True
    name: str = ""


class DateText(str):
    """A cell that a workbook holds as a date, in ISO form."""

    __slots__ = ()


class ListText(str):
    """A cell that holds a list; as a text its items stand on lines of their own."""

    items: tuple[str, ...] = ()


DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
HEAD = 50
"""Lines by which a delimiter is told."""


def read_cells(
    file: Path,
    problems: Problems,
    numbered: bool,
    *,
    delimiter: str | None,
    quoting: Literal[0, 3],
    encoding: str = "",
) -> Table:
    """The header (none if `numbered`) at once, the rows as they are asked for.

    What cannot be read is told, and rows that have more or fewer cells than the header. A `delimiter` that is None is
    the one by which the first rows have equally many cells; other than commas, it is told.
    """
    lines = read_lines(file, problems, encoding)
    if delimiter is None:
        head = list(itertools.islice(lines, HEAD))
        if head and (said := re.fullmatch(r'"?sep=(.)"?', head[0][1])):
            delimiter, head[0] = said[1], (head[0][0], "")  # Excel's own line; its row counts
        delimiter = delimiter or find_delimiter([line for _, line in head])
        if delimiter != ",":
            message = f"{DELIMITERS.get(delimiter, repr(delimiter))} separate the columns"
            problems.warn(Place(str(file)), "", "delimiter", message, "read so")
        lines = itertools.chain(head, lines)
    return table_of(str(file), _records(str(file), lines, problems, delimiter, quoting), problems, numbered)


def table_of(
    name: str, records: Iterator[tuple[int, Sequence[str]]], problems: Problems, numbered: bool
) -> Table:
    """The table of numbered rows of cells: the first that is not blank is the header, unless columns are `numbered`."""
    filled = _filled(name, records, problems)
    if numbered:
        places = ((Place(name, row, in_table=True), cells) for row, cells in filled)
        rows = (Row({str(i): c for i, c in enumerate(cells, 1)}, place, problems) for place, cells in places)
        return Table((), rows, name=name)
    number, cells = next(filled, (1, ()))
    header = [cell.strip() for cell in cells]
    while header and not header[-1]:
        header.pop()  # what a spreadsheet writes behind the last column
    place = Place(name, number, in_table=True)
    for twice in sorted({h for h in header if h and header.count(h) > 1}):
        where = " and ".join(column_letters(i) for i, h in enumerate(header) if h == twice)
        message = f"two columns are called {twice!r}: {where}"
        problems.error(place, "", "repeated column", message, "give every column a name of its own")
    return Table(tuple(header), _named(name, header, filled, problems), name=name)


def column_letters(index: int) -> str:
    """What a spreadsheet calls a column, counted from 0.

    >>> column_letters(0), column_letters(25), column_letters(26)
    ('A', 'Z', 'AA')
    """
    letters = ""
    while index >= 0:
        letters = chr(ord("A") + index % 26) + letters
        index = index // 26 - 1
    return letters


def find_delimiter(lines: Sequence[str]) -> str:
    """The sign that cuts most of the first lines into as many cells as the first one; a comma if none does.

    >>> find_delimiter(["a;b, c;d", "1;2,5;3"])
    ';'
    """
    best, most = ",", (0.0, 1)
    for sign in DELIMITERS:
        reader = csv.reader([line.replace("\r", " ") + "\n" for line in lines], delimiter=sign)
        sizes = [len(cells) for cells in reader if cells]
        if sizes and sizes[0] > 1 and (found := (sizes.count(sizes[0]) / len(sizes), sizes[0])) > most:
            best, most = sign, found
    return best


def listed_columns(header: Collection[str]) -> str:
    """The columns in words."""
    return f"the first line has {', '.join(header)}" if header else "the file has no header"


def parse_columns(text: str, known: Collection[str], example: str) -> dict[str, str]:
    """``anchor=question,positive=answer`` -> a mapping of ours to theirs; empty for an empty text.

    Raises:
        UserError: for anything else.
    """
    found: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        ours, equals, theirs = (word.strip() for word in part.partition("="))
        if not equals or not theirs:
            raise UserError(f"--columns: expected OURS=THEIRS, found {part!r}, for example {example}")
        if ours not in known:
            raise UserError(f"--columns: {ours!r} is none of {', '.join(known)}.{near_miss(ours, known)}")
        if ours in found:
            raise UserError(f"--columns: {ours!r} is said twice, as {found[ours]!r} and {theirs!r}")
        found[ours] = theirs
    return found


def number_or_text(cell: str) -> float | str:
    """The finite number that a cell holds, or the cell as it is.

    >>> number_or_text(" 3.50 "), number_or_text("3,5"), number_or_text("1_000")
    (3.5, '3,5', '1_000')
    """
    if not NUMBER.fullmatch(cell.strip()):
        return cell
    value = float(cell)
    return value if math.isfinite(value) else cell


def as_text(value: Any) -> str:
    """What a typed cell shows: nothing for null, whole numbers without decimals, dates in ISO form."""
    match value:
        case None:
            return ""
        case str():
            return value
        case datetime() | date():
            return DateText(str(value).removesuffix(" 00:00:00"))
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case list():
            items = tuple(map(as_text, value))
            found = ListText("\n".join(items))
            found.items = items
            return found
        case bytes():
            return value.decode(errors="replace")
        case _:
            return str(value)


def whole_number(cell: str) -> int | None:
    """The whole number that a cell holds, perhaps with decimals that are zero; None for anything else.

    >>> whole_number("2.0"), whole_number("-1"), whole_number("0.5")
    (2, -1, None)
    """
    return int(cell.partition(".")[0]) if re.fullmatch(r"[+-]?[0-9]{1,9}(\.0*)?", cell) else None


def _filled(
    name: str, records: Iterator[tuple[int, Sequence[str]]], problems: Problems
) -> Iterator[tuple[int, Sequence[str]]]:
    for number, cells in records:
        if any(cell.strip() for cell in cells):
            yield number, cells
        else:
            place = Place(name, number, in_table=True)
            problems.warn(place, "", "blank row", "the row is blank", "skipped")


def _named(
    name: str, header: Sequence[str], records: Iterator[tuple[int, Sequence[str]]], problems: Problems
) -> Iterator[Row]:
    for number, cells in records:
        place = Place(name, number, in_table=True)
        beyond = any(cell.strip() for cell in cells[len(header) :])
        if len(cells) < len(header) or beyond:
            message = f"{len(cells)} columns, the header has {len(header)}"
            problems.error(
                place,
                "",
                "number of columns",
                message,
                "correct the row, or quote its text; headers stand in the first row",
            )
        else:
            yield Row(dict(zip(header, cells, strict=False)), place, problems)


def _records(
    name: str, lines: Iterator[tuple[Place, str]], problems: Problems, delimiter: str, quoting: Literal[0, 3]
) -> Iterator[tuple[int, list[str]]]:
    """Cells of each row with its number, which line breaks in quoted cells do not change."""
    ended = (f"{line}\n" for _, line in lines)
    reader = csv.reader(ended, delimiter=delimiter, quoting=quoting, strict=True)
    for number in itertools.count(1):
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if name in problems.unread_files:
                return  # its end is missing, which is told
            message = f"this row cannot be read, nor what follows it: {str(error).partition(' - ')[0]}"
            fix = 'close every quotation; a quotation mark inside a quoted cell is written twice ("")'
            if "new-line" in str(error):  # of old Macs, which Excel still writes as "CSV (Macintosh)"
                fix = "end lines with LF or CRLF, not with CR alone (in Excel: save as CSV UTF-8)"
            problems.error(Place(name, number, in_table=True), "", "broken row", message, fix)
            return
        if cells is None:
            return
        yield number, cells
