"""Parquet: rows count from 1, since there is no row of headers; every value as text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems
from xlembed.data.lines import find_file, tell_damaged
from xlembed.data.packed import DAMAGED, unpacked, unpacked_name
from xlembed.data.row import Row
from xlembed.data.tables import Table, as_text


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """The columns' names at once, the rows as they are asked for; the items of a list stand on lines of their own."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    if (there := find_file(file, problems)) is None:
        return []
    try:
        with unpacked(there) as stream:
            table = ParquetFile(there if unpacked_name(there) == there else io.BytesIO(stream.read()))
    except (*DAMAGED, ArrowException, OSError) as error:
        tell_damaged(there, str(file), error, problems)
        return []
    columns = table.schema_arrow.names
    names = [str(i) for i in range(1, len(columns) + 1)] if numbered else columns
    rows = _rows(table, names, there, str(file), problems)
    return [Table(() if numbered else tuple(names), rows, name=str(file))]


def _rows(table: Any, names: Sequence[str], there: Path, name: str, problems: Problems) -> Iterator[Row]:
    """Some thousand rows at a time are in memory."""
    number = 0
    try:
        for batch in table.iter_batches(batch_size=10_000):
            for row in batch.to_pylist():
                number += 1
                texts = dict(zip(names, map(as_text, row.values()), strict=True))
                yield Row(texts, Place(name, number, columns={}), problems)
    except (ValueError, OSError) as error:  # those of pyarrow are such
        tell_damaged(there, name, error, problems)
