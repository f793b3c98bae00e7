"""A JSON object per line, or an array of them, in UTF-8."""

from __future__ import annotations

from pathlib import Path

from xlembed.data.checks import Problems
from xlembed.data.objects import read_objects
from xlembed.data.tables import Table


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """Rows may have different fields; there are no columns to number."""
    return [Table((), read_objects(file, problems), is_text=False, name=str(file))]
