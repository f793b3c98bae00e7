"""What the user said beside the files that are read; light, because the help of `xlembed import` is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set

import pydantic
from pydantic import ConfigDict, Field

from xlembed.data.patterns import Pattern
from xlembed.words import Choice, Lang

ANY = "*"
Where = Mapping[str, Set[str] | Sequence[str]]
"""Column -> the values that are taken; `ANY` takes all of them."""


class DocumentUnit(Choice):
    """What becomes a document: of questions with paragraphs and answers, or of reviews of products."""

    CONTEXTS = "contexts"
    ANSWERS = "answers"
    REVIEWS = "reviews"
    PRODUCTS = "products"


class EqualIds(Choice):
    """What equal ids in files of different languages mean."""

    TRANSLATIONS = "translations"
    APART = "apart"


@pydantic.dataclasses.dataclass(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class ReadOptions:
    """What the user said beside the files.

    What stands below a field is the help of its option of `xlembed import`, and `json_schema_extra` what click is told
    beside it; an empty `option`: there is none.
    """

    name: str = Field(default="", json_schema_extra={"option": ""})
    langs: tuple[Lang, ...] = Field(default=(), json_schema_extra={"option": "lang", "multiple": True})
    """Language (en, ceb, zh-Hant), or one per file. [default: from the file's name]"""
    documents: DocumentUnit | None = Field(default=None, json_schema_extra={"metavar": "UNIT"})
    """What a document is. squad: contexts or answers; reviews: reviews or products. [default: the first]"""
    kind: str | None = None
    """pairs: pairs, triplets, translations or scored; scored: scores or labels."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """Tables, jsonl, reviews, pairs, scored: OURS=THEIRS,...: id=sku,text=title+body (pairs: or number: text1=1)."""
    grades: Mapping[str, int] = Field(default_factory=dict, json_schema_extra={"metavar": "WORD=GRADE,..."})
    """table: what stands in the column of grades, in grades: E=3,S=2,C=1,I=0."""
    dimensions: tuple[str, ...] = ()
    """scored: the columns that are scores: V,A,D."""
    document_pattern: Pattern | None = None
    """scored: a regular expression that matches ids in full; its one group is the text's document."""
    scale: tuple[float, float] | None = Field(default=None, json_schema_extra={"metavar": "LOW,HIGH"})
    """scored: ends of the scale of every score."""
    where: Where = Field(
        default_factory=dict, json_schema_extra={"multiple": True, "metavar": "COLUMN=VALUE"}
    )
    """table, jsonl, reviews, pairs: only rows with this value are right pairs; repeatable, VALUE * is any."""
    leave_out_self: bool = False
    """Tasks: take a query's own copy among the documents out of its ranking (ArguAna, Quora)."""
    unjudged: bool = False
    """Tasks: a log of queries; nobody has said which documents are right."""
    detect_lang: bool = False
    """table: the texts tell their language; --lang is that of those that tell none."""
    encoding: str = ""
    """Tables: of the text, such as windows-1252. [default: found out, and told]"""
    dry_run: bool = False
    """Tasks: show what was understood, and write nothing."""
    believe: bool = False
    """Take files for what they are said to be, even where texts look like another language or ids are no proof of
    translation."""
    varieties: bool = False
    """Keep scripts and regions apart that columns and files' names say: zh-Hant, pt-BR."""
    split: str = ""
    """beir, trec, miracl, mrtydi: of judgements, such as dev. [default: of beir test, else the only one]"""
    drop_unknown: bool = False
    """Tasks: leave out judgements of queries and documents that are not there; their number is told."""
    equal_ids: EqualIds | None = None
    """beir, trec, jsonl: what ids mean that stand in files of several languages."""
    limit: int | None = Field(default=None, ge=1)
    """pairs, scored: rows at most."""
    source: str = ""
    """pairs, scored: written into the card. [default: the files' names]"""
    licence: str = ""
    """pairs, scored: written into the card."""
    min_length: int = Field(default=1, ge=1)
    """reviews: characters at least. [default: 1]"""
    max_documents_per_language: int | None = Field(default=None, ge=1)
    """reviews: a sample by the hash of seed and id. [default: all]"""
    seed: int = 0
    """reviews: of the sample. [default: 0]"""
    watch: Callable[[str, int, int], None] | None = Field(default=None, json_schema_extra={"option": ""})
    """Takes what is counted, how far it is, and of how many (0: unknown)."""
