"""A JSON object per line, or an array of them, in UTF-8."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlembed.data.checks import Problems
from xlembed.data.objects import NESTED, read_objects
from xlembed.data.tables import Table


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """Rows may have different fields; there are no columns to number."""
    rows = (row.renamed(_spread(row.values)) for row in read_objects(file, problems))
    return [Table((), rows, is_text=False, name=str(file))]


def _spread(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands in `{"translation": {"en": ..., "de": ...}}`, as in sets of the Hub, as columns of the row."""
    texts = values.get(NESTED)
    return (
        {**{k: v for k, v in values.items() if k != NESTED}, **texts} if isinstance(texts, dict) else values
    )
