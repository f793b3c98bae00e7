"""Questions with their paragraph in a row each, as `datasets` keeps SQuAD; or articles, as SQuAD's own files do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from xlembed.data.checks import Row
from xlembed.data.importers.squad import read_parts
from xlembed.data.paragraphs import Part as Items
from xlembed.data.public.entry import Part
from xlembed.data.public.source import Source
from xlembed.data.reading import Rows

ROWS = Part(config=("{subset}", "plain_text", "default"))
FIELDS = ("context", "question", "answers", "id", "qas", "paragraphs", "data")


def read(source: Source) -> Rows:
    """As `xlembed import squad` reads a file per language: equal question ids are translations."""
    part = source.entry.part("rows", ROWS)
    parts = [
        Items(subset or lang, lang, lang, _items(source.rows(part, (), FIELDS, subset=subset)))
        for lang, subset in source.chosen.items()
    ]
    options = replace(source.options, believe=True)
    rows = read_parts(parts, source.card(), options, source.problems)
    rows.card = replace(rows.card, languages=source.languages)
    return rows


def _items(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows without the columns that are empty in them; those of a whole file that is one row (`data`) apart."""
    for row in rows:
        values = {name: value for name, value in row.values.items() if value is not None}
        if "data" in values:
            yield from _items(row.renamed(article) for article in values["data"])
        else:
            yield row.renamed(values)
