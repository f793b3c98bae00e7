"""Rows as objects: JSON lines, an array of objects, or parquet, told by what a file holds, perhaps packed."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems, Row
from xlembed.data.lines import (
    DAMAGED,
    begins_array,
    existing,
    find_file,
    read_json,
    read_json_lines,
    tell_damaged,
    unpacked,
)

PARQUET = b"PAR1"
IDS = ("_id", "id", "docid", "doc_id", "docno", "pid", "query_id", "qid")
TEXTS = ("text", "contents", "content", "passage", "body", "query")
"""What ids and texts are called, the likeliest first."""
SUFFIXES = (".jsonl", ".json", ".ndjson", ".parquet")
"""Of files that hold such rows, the likeliest first."""
NESTED = "translation"
"""A column that holds others, each called by its language."""


def read_objects(path: Path, problems: Problems, whole: bool = False) -> Iterator[Row]:
    """The objects of a file, each with its place; values as they are typed there.

    With `whole` a JSON document over several lines is one object.
    """
    start = first_bytes(path)
    if start.startswith(PARQUET):
        yield from read_parquet(path, problems)
    elif start.startswith(b"[") and begins_array(start.partition(b"\n")[0].decode(errors="replace")):
        items = read_json(path, problems)
        yield from in_list(items if isinstance(items, list) else [], Place(str(path)), problems)
    elif whole and start.startswith(b"{") and not _is_object(start.partition(b"\n")[0]):
        if isinstance(value := read_json(path, problems), dict):
            yield Row(value, Place(str(path)), problems)
    else:
        yield from read_json_lines(path, problems)


def by_id(found: Iterable[Row]) -> Iterator[Row]:
    """Rows as they are; a single object of objects, or of texts, by id as one row each: `{"d1": {"text": ...}}`."""
    rows = iter(found)
    first = list(itertools.islice(rows, 1))
    named = not first or {*IDS, *TEXTS} & first[0].values.keys()
    second = [] if named else list(itertools.islice(rows, 1))
    if not named and not second:
        for row_id, value in first[0].values.items():
            yield first[0].renamed({"_id": row_id, **(value if isinstance(value, dict) else {"text": value})})
    else:
        yield from itertools.chain(first, second, rows)


def _is_object(line: bytes) -> bool:
    """Whether a line is a whole object, or too long to be seen whole."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return len(line) >= 4000


def name_of(row: Row, names: Sequence[str]) -> str:
    """The first of some names that the row has; the first of all if it has none."""
    return next((name for name in names if row.values.get(name) is not None), names[0])


def in_list(items: list[Any], place: Place, problems: Problems) -> Iterator[Row]:
    """The objects of a list, which stands at a place; what is none is told."""
    for index, item in enumerate(items):
        at = Place(place.file, place.line, f"{place.path}[{index}]")
        if isinstance(item, dict):
            yield Row(item, at, problems)
        else:
            problems.error(
                at, "", "mistyped field", "expected an object {...}", "see the format in docs/data.md"
            )


def first_bytes(path: Path, size: int = 4096) -> bytes:
    """How the file begins, unpacked, without a byte order mark and white space; nothing for one that cannot be read."""
    try:
        if (there := existing(path)) is None:
            return b""
        with unpacked(there) as stream:
            return stream.read(size).removeprefix(b"\xef\xbb\xbf").lstrip()
    except DAMAGED:
        return b""


def read_parquet(path: Path, problems: Problems) -> Iterator[Row]:
    """The rows of a parquet file, counted from 1."""
    number = 0
    for names, batch in parquet_batches(path, problems):
        for values in batch:
            number += 1
            yield Row(
                dict(zip(names, values, strict=True)), Place(str(path), number, in_table=True), problems
            )


def parquet_batches(path: Path, problems: Problems) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """The columns' names with the rows of one batch after the other; the first is there for an empty file too."""
    from pyarrow import ArrowException, types
    from pyarrow.parquet import ParquetFile

    if (there := find_file(path, problems)) is None:
        return
    try:
        with unpacked(there) as stream:
            plain = stream if isinstance(stream.raw, io.FileIO) else io.BytesIO(stream.read())
            with ParquetFile(plain) as file:
                nested = [f.name == NESTED and types.is_struct(f.type) for f in file.schema_arrow]
                fields = zip(file.schema_arrow, nested, strict=True)
                names = [
                    each.name for field, spread in fields for each in (field.type if spread else [field])
                ]
                yield names, iter(())
                for batch in file.iter_batches():
                    found = zip(batch.columns, nested, strict=True)
                    columns = [
                        c for column, spread in found for c in (column.flatten() if spread else [column])
                    ]
                    yield names, zip(*(column.to_pylist() for column in columns), strict=True)
    except (*DAMAGED, ArrowException) as error:
        tell_damaged(there, str(path), error, problems)
