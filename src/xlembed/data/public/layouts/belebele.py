"""Belebele: a row per question, its passage beside it; passages and questions are translations in every language."""

from __future__ import annotations

from collections import defaultdict

from xlembed.data.public.entry import Part
from xlembed.data.public.source import Source
from xlembed.data.reading import Rows
from xlembed.data.task import Alignment, Document, Query
from xlembed.words import counted

ROWS = Part(config=("{subset}",), columns={"passage": ("flores_passage",), "number": ("question_number",)})


def read(source: Source) -> Rows:
    """Passages (one per link) are documents, questions are queries; link and number of the question make the need."""
    alignment = Alignment.PARALLEL if len(source.chosen) > 1 else Alignment.COMPARABLE
    part = source.entry.part("rows", ROWS)
    links: dict[str, str] = {}
    found = []
    for lang, subset in source.chosen.items():
        for row in source.rows(part, ("link", "passage", "question", "number"), subset=subset):
            link, passage, question = (row.text(name) or "" for name in ("link", "passage", "question"))
            if link and passage and question:
                found.append((row, lang, links.setdefault(link, f"c{len(links):04d}"), passage, question))
    rows = Rows(source.card(alignment), source.problems)
    texts: dict[str, str] = {}
    of_group: dict[str, list[str]] = defaultdict(list)
    n_other = 0
    for row, lang, group, passage, _ in found:
        doc_id = f"{lang}-{group}"
        n_other += texts.get(doc_id, passage) != passage
        if doc_id not in texts:
            texts[doc_id] = passage
            shared = group if alignment is Alignment.PARALLEL else None
            rows.add_document(Document(doc_id, passage, lang, group=shared), row.place)
            of_group[group].append(doc_id)
    if n_other:
        subject = counted(n_other, "row has", "rows have")
        rows.excluded.append(f"{subject} another passage for a link: the first counts")
    for row, lang, group, _, question in found:
        need = f"{group}-q{row.values['number']}"
        query = Query(f"{lang}-{need}", question, lang, need)
        if rows.add_query(query, row.place):
            for doc_id in of_group[group]:
                rows.add_judgement(query.query_id, doc_id, 1, row.place)
    return rows
