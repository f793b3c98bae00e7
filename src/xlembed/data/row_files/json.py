"""An array of JSON objects, or one per line."""

from __future__ import annotations

from xlembed.data.row_files.jsonl import read

__all__ = ["read"]
