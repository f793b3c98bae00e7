"""A retrieval task: documents, queries, judgements and languages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from xlembed.data.text_digest import text_digest
from xlembed.words import Choice, Lang


class Alignment(Choice):
    """Whether each document exists in one language (comparable) or in every language (parallel)."""

    COMPARABLE = "comparable"
    PARALLEL = "parallel"


@dataclass(frozen=True, slots=True)
class Document:
    """One document; `group` names what counts as the same answer (a product, a paragraph's translations)."""

    doc_id: str
    text: str
    lang: Lang
    title: str = ""
    group: str | None = None

    @property
    def whole(self) -> str:
        """Title and text, a line each."""
        return "\n".join(filter(None, (self.title, self.text)))


@dataclass(frozen=True, slots=True)
class Query:
    """One query; all translations of one question share `need_id`.

    `doc_id` names the document it was written for, where the corpus tells; `relevance = own` keeps only that.
    `native` is false for a translation of a question first asked in another language.
    """

    query_id: str
    text: str
    lang: Lang
    need_id: str
    cluster: str | None = None
    doc_id: str | None = None
    native: bool = True


@dataclass(frozen=True, slots=True)
class Merge:
    """An identical document that was united with the one kept."""

    doc_id: str
    kept: str


@dataclass(frozen=True)
class Task:
    """Everything an evaluation needs to know about a corpus; documents and queries keep the file's order.

    `qrels` maps query id -> document id -> grade and is complete: judgements of a need have been
    united over its queries already, so every translation of a question carries the same judgements.
    """

    name: str
    languages: tuple[Lang, ...]
    alignment: Alignment
    documents: tuple[Document, ...]
    queries: tuple[Query, ...]
    qrels: Mapping[str, Mapping[str, int]]
    source: str = ""
    licence: str = ""
    citation: str = ""
    """Key of references.bib, or an address."""
    description: str = ""
    demonstration: bool = False
    """Whether it is for trying commands only, so that nothing general may be concluded from it."""
    merged: tuple[Merge, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What was excluded or changed while reading, in words; shown to the user, never silent."""
    leave_out_self: bool = False
    """Whether a query's own copy among the documents is taken out of its ranking."""
    unjudged: bool = False
    """Whether nobody has said which documents are right: a log of queries, to be searched for and looked at."""
    machine_judged: bool = False
    """Whether a language model judged it, and no person."""

    @cached_property
    def documents_digest(self) -> str:
        """sha256 over the documents in order."""
        return _digest([d.doc_id, d.lang, d.title, d.text, d.group] for d in self.documents)

    @cached_property
    def queries_digest(self) -> str:
        """sha256 over the queries in order."""
        return _digest([q.query_id, q.lang, q.text, q.need_id, q.cluster] for q in self.queries)

    @cached_property
    def digest(self) -> str:
        """sha256 over languages, documents, queries and judgements: what results depend on."""
        judged = sorted((q, d, grade) for q, docs in self.qrels.items() for d, grade in docs.items())
        head = [list(self.languages), self.documents_digest, self.queries_digest]
        return _digest([[*head, "leave_out_self"] if self.leave_out_self else head, *map(list, judged)])

    @cached_property
    def self_documents(self) -> Mapping[str, tuple[str, ...]]:
        """Query id -> documents that have the query's text, where none of them is relevant for it.

        Case, spacing and Unicode form do not count; equal ids mean nothing. The text is compared with and without
        the document's title.
        """
        asked = {query.query_id: text_digest(query.text) for query in self.queries}
        wanted = set(asked.values())
        # Normalising changes a text's length little: most documents need no digest.
        longest = 2 * max((len(query.text) for query in self.queries), default=0)
        copies: dict[str, dict[str, None]] = {}
        for document in self.documents:
            for text in (document.text, f"{document.title} {document.text}"):
                if len(text) <= longest and (digest := text_digest(text)) in wanted:
                    copies.setdefault(digest, {})[document.doc_id] = None
        found = {}
        for query_id, digest in asked.items():
            grades = self.qrels.get(query_id, {})
            own = tuple(copies.get(digest, ()))
            if own and all(grades.get(doc_id, 0) < 1 for doc_id in own):
                found[query_id] = own
        return found

    @cached_property
    def separate_questions(self) -> bool:
        """Whether languages have different questions, each judged on documents of its own language only (MIRACL).

        What other languages have on them nobody knows then.
        """
        langs: dict[str, set[Lang]] = {}
        for query in self.queries:
            langs.setdefault(query.need_id, set()).add(query.lang)
        if len(set().union(*langs.values())) < 2 or any(len(of) > 1 for of in langs.values()):
            return False
        lang_of = {d.doc_id: d.lang for d in self.documents}
        return all(lang_of[d] == q.lang for q in self.queries for d in self.qrels.get(q.query_id, ()))

    @cached_property
    def originals(self) -> Mapping[str, Query]:
        """Need id -> the query that its others translate: its first native one, else its first."""
        first: dict[str, Query] = {}
        for query in sorted(self.queries, key=lambda q: not q.native):
            first.setdefault(query.need_id, query)
        return first

    @cached_property
    def needs(self) -> Mapping[str, Mapping[str, int]]:
        """Need id -> document id -> grade, over the need's queries (they differ under `relevance = own`)."""
        needs: dict[str, dict[str, int]] = {}
        for query in self.queries:
            needs.setdefault(query.need_id, {}).update(self.qrels.get(query.query_id, {}))
        return needs


def _digest(rows: Iterable[object]) -> str:
    hasher = hashlib.sha256()
    for row in rows:
        hasher.update(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode())
        hasher.update(b"\n")
    return hasher.hexdigest()
