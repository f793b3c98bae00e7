"""Training rows of ids: questions, passages and judgements (or triples) apart, joined here."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from xlembed.data.checks import Row
from xlembed.data.pairs import COLUMNS, Kind
from xlembed.data.public.layouts.std import DOCUMENTS, JUDGEMENTS, QUERIES
from xlembed.data.public.source import Source
from xlembed.data.sampling import drawn
from xlembed.words import Lang, counted


def read(source: Source) -> Iterator[Row]:
    """A row per right judgement, or per triple; of the passages only those that are named are kept."""
    for lang, subset in source.chosen.items():
        yield from _joined(source, lang, subset)


def _joined(source: Source, lang: Lang, subset: str) -> Iterator[Row]:
    texts = COLUMNS[source.entry.kind or Kind.PAIRS]
    needed = ("query", "document", "negative")[: len(texts)]
    part = source.entry.part("judgements", JUDGEMENTS)
    every = source.rows(part, needed, ("grade",), subset=subset)
    rows = list(islice((row for row in every if _taken(row, source)), source.options.limit))
    ids = [[str(row.values[name]) for name in needed] for row in rows]
    asked = {query for query, *_ in ids}
    named = {doc_id for _, *documents in ids for doc_id in documents}
    found = [
        {
            own: str(row.values["text"])
            for row in source.rows(source.entry.part(name, fallback), ("id", "text"), subset=subset)
            if (own := str(row.values["id"])) in wanted
        }
        for name, fallback, wanted in (("queries", QUERIES, asked), ("documents", DOCUMENTS, named))
    ]
    n_lost = 0
    for row, (query, *documents) in zip(rows, ids, strict=True):
        joined = [found[0].get(query), *(found[1].get(doc_id) for doc_id in documents)]
        if None in joined:
            n_lost += 1
            continue
        values = dict(zip(texts, joined, strict=True))
        yield row.renamed({**values, **{f"{name}_lang": lang for name in texts}})
    if n_lost:
        message = f"{counted(n_lost, 'row names', 'rows name')} a question or passage that is not there"
        rows[0].warn("", "lost rows", message, "left out")


def _taken(row: Row, source: Source) -> bool:
    """Whether a row is right, and its question in the wanted split."""
    grade = row.values.get("grade", 1)
    if isinstance(grade, int | float) and grade < 1:
        return False
    share = source.entry.held_out
    place = int.from_bytes(drawn(0)(str(row.values["query"]))[:8]) / 2**64
    return not share or (place < share) == (source.split == "dev")
