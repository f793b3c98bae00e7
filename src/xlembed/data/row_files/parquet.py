"""Parquet: rows count from 1, since there is no row of headers; every value as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems, Row
from xlembed.data.objects import parquet_batches
from xlembed.data.tables import Table, as_text


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """The columns' names at once, the rows as they are asked for; the items of a list stand on lines of their own."""
    batches = parquet_batches(file, problems)
    if (first := next(batches, None)) is None:
        return []
    names = [str(i) for i in range(1, len(first[0]) + 1)] if numbered else first[0]
    values = (row for _, batch in batches for row in batch)
    return [
        Table(() if numbered else tuple(names), _rows(names, values, str(file), problems), name=str(file))
    ]


def _rows(names: list[str], rows: Iterator[tuple[Any, ...]], name: str, problems: Problems) -> Iterator[Row]:
    for number, values in enumerate(rows, 1):
        texts = dict(zip(names, map(as_text, values), strict=True))
        yield Row(texts, Place(name, number, in_table=True), problems)
