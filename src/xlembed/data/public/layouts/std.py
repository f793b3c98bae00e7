"""Documents, queries and judgements apart: how MTEB keeps retrieval tasks on the Hub, and its relatives."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from xlembed.data.checks import Place, Row
from xlembed.data.public.entry import Part
from xlembed.data.public.source import Source
from xlembed.data.reading import Rows
from xlembed.data.sampling import drawn
from xlembed.data.task import Alignment, Document, Query
from xlembed.words import Lang, UserError

DOCUMENTS = Part(config=("{subset}-corpus", "corpus"), columns={"id": ("_id", "id"), "text": ("text",)})
QUERIES = Part(
    config=("{subset}-queries", "queries", "query"), columns={"id": ("_id", "id"), "text": ("text",)}
)
JUDGEMENTS = Part(
    config=("{subset}-qrels", "default", "qrels"),
    columns={"query": ("query-id",), "document": ("corpus-id",), "grade": ("score",)},
)


class Cell(NamedTuple):
    """A subset: the languages of its documents and its queries."""

    subset: str
    documents: Lang
    queries: Lang


class Judgement(NamedTuple):
    """A grade as a row gives it."""

    query: str
    document: str
    grade: int
    place: Place


class _Documents:
    """Ids of documents in the task, of the ids that they have in a subset.

    Subsets of one document language may repeat a corpus, or give one id to different documents.
    """

    def __init__(self, apart: bool) -> None:
        self._apart = apart
        self._texts: dict[str, str] = {}
        self._moved: dict[tuple[str, str], str] = {}

    def id(self, cell: Cell, own: str) -> str:
        """In the task."""
        return self._moved.get((cell.subset, own), f"{cell.documents}-{own}")

    def take(self, cell: Cell, own: str, text: str) -> str | None:
        """The id of a new document; None for one that an earlier subset had."""
        doc_id = f"{cell.documents}-{own}"
        if self._apart:  # of one corpus per language nothing is kept: it may be large
            if (known := self._texts.setdefault(doc_id, text)) is not text and known != text:
                doc_id = self._moved[cell.subset, own] = f"{cell.subset}-{own}"
            elif known is not text:
                return None
        return doc_id


def read(source: Source) -> Rows:
    """A task of one language, of several apart, or of pairs of languages (`pair` among the entry's parts).

    Ids get their language in front: those of different languages are different rows. Where the entry calls the set
    parallel, equal ids in several languages are translations, unless the judgements disagree.
    """
    cells = cells_of(source)
    judged = {cell: list(judgements(source, cell)) for cell in cells}
    parallel = source.entry.alignment is Alignment.PARALLEL and len(cells) > 1
    first, *others = [{(j.query, j.document) for j in found if j.grade >= 1} for found in judged.values()]
    agree = parallel and bool(first) and all(first == other for other in others)
    card = source.card(Alignment.PARALLEL if agree else Alignment.COMPARABLE)
    rows = Rows(card, source.problems, drop_unknown=True)  # nobody here could mend them
    if parallel and not agree:
        rows.excluded.append(
            "equal ids are judged differently in some language, so they are not translations"
        )
    documents = _Documents(apart="pair" in source.entry.parts)
    for cell in cells:
        wanted = {judgement.document for judgement in judged[cell]}
        for row in _kept(source, cell, wanted, rows):
            own, text, title = row.required_id("id"), row.text("text"), row.optional("title") or ""
            if own is None or text is None or (doc_id := documents.take(cell, own, text)) is None:
                continue
            document = Document(doc_id, text, cell.documents, title, group=own if agree else None)
            rows.add_document(document, row.place)
    _add_queries(source, judged, documents, agree, rows)
    return rows


def cells_of(source: Source) -> list[Cell]:
    """The subsets to read."""
    if not (pair := source.entry.parts.get("pair")):
        return [Cell(subset, lang, lang) for lang, subset in source.chosen.items()]
    configs = source.repository().configs
    cells = []
    for documents, theirs in source.chosen.items():
        for queries, ours in source.chosen.items():
            subset = pair.config[0].format(documents=theirs, queries=ours)
            if not configs or f"{subset}-corpus" in configs:
                cells.append(Cell(subset, documents, queries))
    if not cells:
        names = ", ".join(
            sorted(name.removesuffix("-corpus") for name in configs if name.endswith("-corpus"))
        )
        raise UserError(
            f"{source.entry.name} ({', '.join(source.chosen)}) has none of its pairs; it has {names}"
        )
    return cells


def judgements(source: Source, cell: Cell) -> Iterator[Judgement]:
    """Those of a subset; what is no grade is told."""
    part = source.entry.part("judgements", JUDGEMENTS)
    for row in source.rows(part, ("query", "document"), ("grade",), subset=cell.subset):
        query, document = row.required_id("query"), row.required_id("document")
        grade = row.values.get("grade", 1)
        if not isinstance(grade, int | float) or grade != int(grade):
            message = f"expected a whole number, found {grade!r}"
            row.error("score", "no grade", message, "take another revision")
        elif query is not None and document is not None:
            yield Judgement(query, document, int(grade), row.place)


def _kept(source: Source, cell: Cell, judged: set[str], rows: Rows) -> Iterator[Row]:
    """Rows of documents: all, or with a limit the judged ones and those of the smallest hash, as `sample_documents`."""
    part = source.entry.part("documents", DOCUMENTS)
    every = source.rows(part, ("id", "text"), ("title",), subset=cell.subset)
    if (limit := source.options.limit) is None:
        yield from every
        return
    must: list[tuple[int, Row]] = []
    n_others = 0

    def others() -> Iterator[tuple[int, Row]]:
        nonlocal n_others
        for found in enumerate(every):
            if str(found[1].values["id"]) in judged:
                must.append(found)
            else:
                n_others += 1
                yield found

    key = drawn(0)
    sample = heapq.nsmallest(
        limit, others(), key=lambda found: key(f"{cell.documents}-{found[1].values['id']}")
    )
    chosen = sorted([*must, *sample[: max(0, limit - len(must))]], key=lambda found: found[0])
    if len(chosen) < (n := len(must) + n_others):
        rows.excluded.append(
            f"{cell.subset or cell.documents}: {len(chosen):,} of {n:,} documents sampled, all {len(must):,} judged "
            "ones among them: scores are higher than with all documents, and not comparable with published ones"
        )
    yield from (row for _, row in chosen)


def _add_queries(
    source: Source, judged: dict[Cell, list[Judgement]], documents: _Documents, parallel: bool, rows: Rows
) -> None:
    """Queries with their judgements, those of rows that are nowhere left out and counted."""
    found: dict[str, tuple[Query, Place]] = {}
    ids: dict[tuple[Cell, str], str] = {}
    part = source.entry.part("queries", QUERIES)
    for cell in judged:
        for row in source.rows(part, ("id", "text"), subset=cell.subset):
            own, text = row.required_id("id"), row.text("text")
            if own is None or text is None:
                continue
            query_id = f"{cell.queries}-{own}"
            if query_id in found and found[query_id][0].text != text:
                query_id = f"{cell.subset}-{own}"
            need = own if parallel else query_id
            found.setdefault(query_id, (Query(query_id, text, cell.queries, need), row.place))
            ids[cell, own] = query_id
    right: dict[str, list[tuple[str, Judgement]]] = defaultdict(list)
    for cell, several in judged.items():
        for judgement in several:
            query_id = ids.get((cell, judgement.query), f"{cell.queries}-{judgement.query}")
            right[query_id].append((documents.id(cell, judgement.document), judgement))
    if not parallel:
        _unite(found, {q: {doc_id for doc_id, j in docs if j.grade >= 1} for q, docs in right.items()})
    for query, place in found.values():
        rows.add_query(query, place)
    for query_id, docs in right.items():
        for doc_id, judgement in docs:
            rows.add_judgement(query_id, doc_id, judgement.grade, judgement.place)


def _unite(found: dict[str, tuple[Query, Place]], right: dict[str, set[str]]) -> None:
    """One need for queries of several languages that have one id and are judged right for a common document."""
    first: dict[str, Query] = {}
    for query_id, (query, place) in found.items():
        own = query_id.partition("-")[2]
        other = first.setdefault(own, query)
        if other.lang != query.lang and right.get(other.query_id, set()) & right.get(query_id, set()):
            found[other.query_id] = (replace(other, need_id=own), found[other.query_id][1])
            found[query_id] = (replace(query, need_id=own), place)
