"""Parquet: rows count from 1, since there is no row of headers; every value as text."""

from __future__ import annotations

import itertools
from pathlib import Path

from xlembed.data.checks import Place, Problems, Row
from xlembed.data.objects import parquet_batches
from xlembed.data.tables import Table, as_text


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """The columns' names at once, the rows as they are asked for; the items of a list stand on lines of their own."""
    batches = parquet_batches(file, problems)
    if (first := next(batches, None)) is None:
        return []
    names = [str(i) for i in range(1, len(first[0]) + 1)] if numbered else first[0]
    values = itertools.chain.from_iterable(batch for _, batch in batches)
    rows = (
        Row(dict(zip(names, map(as_text, of), strict=True)), Place(str(file), n, in_table=True), problems)
        for n, of in enumerate(values, 1)
    )
    return [Table(() if numbered else tuple(names), rows, name=str(file))]
