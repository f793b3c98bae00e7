"""Parquet: rows count from 1, since there is no row of headers; every value as text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems
from xlembed.data.lines import find_file, tell_damaged
from xlembed.data.packed import DAMAGED, unpacked
from xlembed.data.row import Row
from xlembed.data.tables import Table, as_text


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """The columns' names at once, the rows as they are asked for; the items of a list stand on lines of their own."""
    from pyarrow import ArrowException
    from pyarrow.parquet import read_table

    if (there := find_file(file, problems)) is None:
        return []
    try:
        with unpacked(there) as stream:
            table = read_table(io.BytesIO(stream.read()))
    except (*DAMAGED, ArrowException, OSError) as error:
        tell_damaged(there, str(file), error, problems)
        return []
    names = [str(i) for i in range(1, table.num_columns + 1)] if numbered else table.column_names
    rows = (dict(zip(names, row.values(), strict=True)) for b in table.to_batches() for row in b.to_pylist())
    return [Table(() if numbered else tuple(names), _rows(rows, str(file), problems), name=str(file))]


def _rows(rows: Iterator[Mapping[str, Any]], name: str, problems: Problems) -> Iterator[Row]:
    for number, values in enumerate(rows, 1):
        texts = {column: as_text(value) for column, value in values.items()}
        yield Row(texts, Place(name, number, columns={}), problems)
