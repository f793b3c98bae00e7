"""A row per question, its judged passages beside it, right and wrong: MIRACL's and Mr. TyDi's own rows."""

from __future__ import annotations

from xlembed.data.importers.trec import add_passages
from xlembed.data.public.entry import Part
from xlembed.data.public.source import Source
from xlembed.data.reading import Rows

FIELDS = ("query_id", "query", "positive_passages", "negative_passages")
ROWS = Part(config=("{subset}",), columns={"query_id": ("query_id", "id"), "query": ("query", "text")})


def read(source: Source) -> Rows:
    """Judged passages are the documents; one that several questions judge is one document."""
    rows = Rows(source.card(), source.problems)
    part = source.entry.part("rows", ROWS)
    for lang, subset in source.chosen.items():
        add_passages(source.rows(part, FIELDS, subset=subset), rows, lang, f"{lang}-")
    return rows
