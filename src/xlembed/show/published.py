"""Published figures of others, which stand in a table of their own and decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from xlembed.files import read_yaml
from xlembed.show.content import Cell, Grid, heads, row

PUBLISHED_NOTE = "Published elsewhere, on other data; not comparable with ours, and never mixed with it."


def published_grid(topic: str | None = None) -> Grid:
    """Figures of others on a topic (default: all), with their labels, in a table of their own."""
    rows = [
        row(entry["source"], Cell(entry["model"], label=entry.get("label", "")), entry["figures"])
        for entry in published()
        if topic in (None, entry.get("topic"))
    ]
    columns = heads("source", "model", "figures", words=("model", "figures"))
    return Grid("published", "Published figures", columns, tuple(rows), notes=(PUBLISHED_NOTE,), marked=True)


@cache
def published() -> tuple[Mapping[str, Any], ...]:
    """Entries of published.yaml."""
    path = Path(__file__).with_name("published.yaml")
    return tuple(read_yaml(path))
