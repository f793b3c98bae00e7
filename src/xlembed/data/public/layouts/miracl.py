"""A row per question, its judged passages beside it, right and wrong: MIRACL's and Mr. TyDi's own rows."""

from __future__ import annotations

from xlembed.data.public.entry import Part
from xlembed.data.public.source import Source
from xlembed.data.rows import Rows
from xlembed.data.task import Document, Query

ROWS = Part(config=("{subset}",), columns={"id": ("query_id", "id"), "text": ("query", "text")})
SIDES = {"positive_passages": 1, "negative_passages": 0}


def read(source: Source) -> Rows:
    """Judged passages are the documents; one that several questions judge is one document."""
    part = source.entry.part("rows", ROWS)
    found = [
        (row, lang)
        for lang, subset in source.chosen.items()
        for row in source.rows(part, ("id", "text", *SIDES), subset=subset)
    ]
    rows = Rows(source.card(), source.problems)
    judged: list[dict[str, int]] = []
    for row, lang in found:
        grades: dict[str, int] = {}
        for side, grade in SIDES.items():
            for passage in row.values[side] or ():
                doc_id = f"{lang}-{passage['docid']}"
                grades.setdefault(doc_id, grade)
                if doc_id not in rows.document_places:
                    title = passage.get("title") or ""
                    rows.add_document(Document(doc_id, passage["text"], lang, title), row.place)
        judged.append(grades)
    for (row, lang), grades in zip(found, judged, strict=True):
        own, text = row.required_id("id"), row.text("text")
        if own is None or text is None:
            continue
        query_id = f"{lang}-{own}"
        if rows.add_query(Query(query_id, text, lang, query_id), row.place):
            for doc_id, grade in grades.items():
                rows.add_judgement(query_id, doc_id, grade, row.place)
    return rows
