"""Tables of a user: row by row with the line each row begins in, and OURS=THEIRS for their columns."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xlembed.data.checks import Place, Problems
from xlembed.data.lines import read_lines
from xlembed.data.row import Row
from xlembed.words import UserError, near_miss

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Table:
    """A file of rows being read.

    Attributes:
        header: names of the columns; none when they are numbered from 1, or rows name their own fields.
        rows: values by column, with the place where the row begins; to be gone through once.
        is_text: every value is a text, and every row has every column.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    is_text: bool = True


def read_cells(
    file: Path, problems: Problems, numbered: bool, *, delimiter: str, quoting: Literal[0, 3]
) -> Table:
    """The header (none if `numbered`) at once, the rows as they are asked for.

    What cannot be read is told, and rows that have more or fewer cells than the header.
    """
    records = _records(file, problems, delimiter, quoting)
    if numbered:
        return Table(
            (),
            (
                Row({str(i): cell for i, cell in enumerate(cells, 1)}, place, problems)
                for place, cells in records
            ),
        )
    _, cells = next(records, (None, []))
    header = tuple(cell.strip() for cell in cells)
    return Table(header, _named(header, records, problems))


def listed_columns(header: Collection[str]) -> str:
    """The columns in words, with what is odd about them."""
    if not header:
        return "the file has no header"
    (first, *more) = header
    odd = next(
        (word for sign, word in ((";", "semicolons"), ("\t", "tabs")) if not more and sign in first), ""
    )
    return f"the first line has {', '.join(header)}" + (
        f"; it seems to be separated by {odd}: write commas (.csv) or tabs (.tsv)" if odd else ""
    )


def parse_columns(text: str, known: Collection[str], example: str) -> dict[str, str]:
    """``anchor=question,positive=answer`` -> a mapping of ours to theirs; empty for an empty text.

    Args:
        text: as typed.
        known: our names.
        example: of the right form, for the message.

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


def _named(
    header: tuple[str, ...], records: Iterator[tuple[Place, list[str]]], problems: Problems
) -> Iterator[Row]:
    for place, cells in records:
        if len(cells) == len(header):
            yield Row(dict(zip(header, cells, strict=True)), place, problems)
        else:
            message = f"{len(cells)} columns, the header has {len(header)}"
            problems.error(place, "", "number of columns", message, "correct the line, or quote its text")


def _records(
    file: Path, problems: Problems, delimiter: str, quoting: Literal[0, 3]
) -> Iterator[tuple[Place, list[str]]]:
    """Cells of each row, with the place of its first line."""
    taken: list[Place] = []
    lines = _taken_lines(file, problems, taken)
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
    while True:
        taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            message = f"this row cannot be read, nor what follows it: {str(error).partition(' - ')[0]}"
            fix = 'close every quotation; a quotation mark inside a quoted cell is written twice ("")'
            problems.error(taken[0] if taken else Place(str(file)), "", "broken row", message, fix)
            return
        if cells is None:
            return
        if cells:
            yield taken[0], cells
        else:
            problems.warn(taken[0], "", "blank line", "the line is blank", "skipped")


def _taken_lines(file: Path, problems: Problems, taken: list[Place]) -> Iterator[str]:
    """Lines with one kind of end; `taken` notes which ones the reader asked for."""
    for place, line in read_lines(file, problems):
        taken.append(place)
        yield f"{line}\n"
