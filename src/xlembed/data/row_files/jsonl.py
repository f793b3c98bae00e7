"""A JSON object per line, in UTF-8."""

from __future__ import annotations

from pathlib import Path

from xlembed.data.checks import Problems
from xlembed.data.lines import read_json_lines
from xlembed.data.tables import Table


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """Rows may have different fields; there are no columns to number."""
    return [Table((), read_json_lines(file, problems), is_text=False, name=str(file))]
