"""What a language model wrote, in numbers."""

from __future__ import annotations

from xlembed.generate.job import Written
from xlembed.show.content import Grid, heads, row

FEWEST_EXAMPLES = 5
"""Kinds of failure that are told, at most."""


def written_grid(written: Written, what: str) -> Grid:
    """A row per language: requests and what came of them."""
    rows = [row(lang, f"{n:,}", f"{written.queries.get(lang, 0):,}") for lang, n in written.asked.items()]
    worst = list(written.failures.items())[:FEWEST_EXAMPLES]
    notes = tuple(f"Without a usable answer: {n:,}, {reason}." for reason, n in worst)
    title = f"{what} by {written.model}: {written.source} to {written.task}"
    return Grid("written", title, heads("language", "requests", what.lower()), tuple(rows), notes=notes)
