"""Training rows: texts, and perhaps a score, in columns."""

from __future__ import annotations

from collections.abc import Iterator

from xlembed.data.checks import Row
from xlembed.data.pairs import COLUMNS, Kind
from xlembed.data.public.entry import Part
from xlembed.data.public.source import Source
from xlembed.data.tables import number_or_text


def read(source: Source) -> Iterator[Row]:
    """Rows as pair sets have them; with a pivot the first text is in it, and the second in the subset's language."""
    kind = source.entry.kind or Kind.PAIRS
    texts = COLUMNS[kind]
    needed = (*texts, "score") if kind is Kind.SCORED else texts
    part = source.entry.part("rows", Part(config=("{subset}", "default")))
    for lang, subset in source.chosen.items():
        langs = dict.fromkeys(texts, lang) | ({texts[0]: source.entry.pivot} if source.entry.pivot else {})
        for row in source.rows(part, needed, subset=subset):
            values = dict(row.values)
            if isinstance(values.get("score"), str):
                values["score"] = number_or_text(values["score"])
            yield row.renamed({**values, **{f"{name}_lang": langs[name] for name in texts}})
