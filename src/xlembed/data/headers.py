"""What the columns of a user's table are: found by their headers, or told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xlembed.data.tables import column_letters, parse_columns
from xlembed.data.text_digest import bare
from xlembed.words import Choice, UserError, counted, near_miss

WORDS: dict[str, str] = {
    "query": "query query_text search_query search_term search_phrase search question keyword top_queries "
    "suchanfrage suchbegriff anfrage frage suche sorgu arama soru requete recherche question_posee "
    "consulta pregunta busqueda",
    "query_id": "query_id queryid qid question_id topic topic_id search_id",
    "text": "text body content description product_description document document_text passage review_body review "
    "review_text paragraph answer abstract beschreibung produktbeschreibung inhalt bewertung antwort aciklama metin "
    "icerik yorum cevap texte contenu avis reponse descripcion texto contenido resena respuesta",
    "title": "title product_title product_name review_title name headline subject titel produktname bezeichnung "
    "ueberschrift baslik urun_adi urun_ismi ad titre nom_produit nom titulo nombre_producto nombre",
    "lang": "lang language locale product_locale language_code lang_code review_language sprache dil langue idioma "
    "lengua",
    "id": "id doc_id docid document_id corpus_id passage_id pid review_id sku asin ean gtin article_id item_id "
    "product_id artikelnummer produktnummer urun_kodu urun_id reference referencia",
    "group": "group group_id product product_id parent_id parent_asin asin sku family gruppe produkt produktnummer "
    "urun urun_kodu grup groupe produit grupo producto",
    "doc": "doc doc_id docid document_id document doc_ids document_ids corpus_id relevant relevant_id relevant_ids "
    "relevant_docs relevant_documents right right_id right_ids answer_id answer_ids product_ids skus expected "
    "expected_id expected_ids positive_id passage_id pid sku asin ean gtin article_id item_id product_id",
    "grade": "grade relevance score rel gain judgement judgment relevanz puan pertinence relevancia",
    "need_id": "need_id need intent_id",
    "cluster": "cluster",
}
"""Our field -> what it is called in headers, the likelier first; English, German, Turkish, French, Spanish."""

FIELDS = (*WORDS, "query_lang")
"""What `--columns` maps."""

QUERY_FILE = re.compile(
    r"quer|question|(?<![a-z])search|frage|suche|sorgu|soru|requete|consulta|pregunta", re.IGNORECASE
)
"""What a file or a sheet of queries is called."""


class Part(Choice):
    """What the rows of a table are."""

    DOCUMENTS = "documents"
    QUERIES = "queries"
    BOTH = "queries with their documents"
    JUDGEMENTS = "judgements"


@dataclass(frozen=True)
class Header:
    """The columns of one table.

    Attributes:
        name: of the table, as its places say it.
        columns: as the file calls them.
        lettered: whether a spreadsheet shows letters above them.
        repeating: those with the same values again and again, which are groups rather than ids if both is possible.
    """

    name: str
    columns: tuple[str, ...]
    lettered: bool = True
    repeating: frozenset[str] = frozenset()

    def find(self, field: str, but: Iterable[str] = ()) -> str | None:
        """The column that is called like a field, the likeliest word first, other than some columns."""
        taken = set(but)
        return called([c for c in self.columns if c not in taken], WORDS.get(field, field))

    def like(self, column: str | None) -> str | None:
        """The column that has the name of another table's."""
        wanted = None if column is None else plain(column)
        return next((own for own in self.columns if plain(own) == wanted), None)

    def label(self, columns: Sequence[str]) -> str:
        """Columns as a reader finds them: ``C (description)``."""
        if not self.lettered:
            return " + ".join(f"column {column!r}" for column in columns)
        return " + ".join(f"{column_letters(self.columns.index(c))} ({c})" for c in columns)


@dataclass(frozen=True)
class Layout:
    """What a table is, and which of its columns hold which of our fields."""

    header: Header
    part: Part
    fields: Mapping[str, tuple[str, ...]]

    def labels(self) -> dict[str, str]:
        """Our field -> the columns, for places; judgements and rows of our files are named otherwise inside."""
        found = {field: self.header.label(columns) for field, columns in self.fields.items()}
        text, lang = found.get("title", "text"), found.get("query_lang", "lang")
        right, query, grade = (
            found.get("doc") or found.get("group", ""),
            found.get("query_id", ""),
            found.get("grade", ""),
        )
        return {"text": text, "lang": lang, "corpus-id": right, "query-id": query, "score": grade, **found}

    def told(self, n_rows: int) -> list[str]:
        """In words, with the columns that are not read."""
        read = [f"{field} = {self.header.label(columns)}" for field, columns in self.fields.items()]
        lines = [f"{self.header.name}: {counted(n_rows, 'row')}, {self.part}: {', '.join(read)}"]
        return lines + ([f"  not read: {self.header.label(self.unused)}"] if self.unused else [])

    @property
    def unused(self) -> list[str]:
        """Columns that hold none of our fields."""
        used = {column for columns in self.fields.values() for column in columns}
        return [column for column in self.header.columns if column and column not in used]


def plain(header: str) -> str:
    """A header without case, accents and signs.

    >>> plain("Product ID"), plain("productId"), plain("Açıklama"), plain("query-id")
    ('product_id', 'product_id', 'aciklama', 'query_id')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header.strip())
    return re.sub(r"[\W_]+", "_", bare(spaced)).strip("_") or ""


def called(columns: Sequence[str], words: str) -> str | None:
    """The column that is called by one of some words, the likelier first."""
    named = {plain(column): column for column in reversed(columns)}
    return next((named[word] for word in words.split() if word in named), None)


def parse_table_columns(text: str) -> dict[str, str]:
    """``id=sku,text=title+description`` -> a mapping of our fields to what was said.

    Raises:
        UserError: for anything else.
    """
    return parse_columns(text, FIELDS, "id=sku,text=title+description,lang=locale,group=product")


def understand(headers: Sequence[Header], said: Mapping[str, str]) -> list[Layout | None]:
    """What each table is; None for one that is neither documents nor queries nor judgements.

    Raises:
        UserError: a column that was told is in no table.
    """
    for ours, theirs in said.items():
        if not any(_columns(header, theirs) for header in headers):
            known = [column for header in headers for column in header.columns]
            listed = "; ".join(f"{header.name} has {', '.join(header.columns)}" for header in headers)
            raise UserError(
                f"--columns {ours}={theirs}: no column {theirs!r}.{near_miss(theirs, known)} {listed}"
            )
    parts = _parts(headers, said)
    found = [
        _Finder(header, said).first(part) if part else None
        for header, part in zip(headers, parts, strict=True)
    ]
    documents = next((layout for layout in found if layout), None)
    return [
        layout or (_Finder(header, said).second(part, documents) if part else None)
        for layout, part, header in zip(found, parts, headers, strict=True)
    ]


def _columns(header: Header, theirs: str) -> tuple[str, ...]:
    """The columns that were told, ``title+description`` or one of that name; none if one is missing."""
    if alone := header.like(theirs):
        return (alone,)
    parts = [header.like(part.strip()) for part in theirs.split("+")]
    return tuple(part for part in parts if part) if all(parts) else ()


def _parts(headers: Sequence[Header], said: Mapping[str, str]) -> list[Part | None]:

    def has(header: Header, field: str) -> bool:
        return bool(_columns(header, said[field])) if field in said else header.find(field) is not None

    texts = [has(header, "text") or has(header, "title") for header in headers]
    asked = [has(header, "query") for header in headers]
    several = len(headers) > 1
    for i, header in enumerate(headers):
        # Called queries, beside documents: its texts are the queries.
        stem = re.split(r"[/\\]", header.name)[-1]
        asked[i] |= several and texts[i] and "query" not in said and i > 0 and bool(QUERY_FILE.search(stem))
    documents = any(text and not ask for text, ask in zip(texts, asked, strict=True))
    parts: list[Part | None] = []
    for header, text, ask in zip(headers, texts, asked, strict=True):
        refers = has(header, "query_id") and any(has(header, field) for field in ("doc", "id", "group"))
        if ask:
            parts.append(Part.QUERIES if documents or not text else Part.BOTH)
        elif text:
            parts.append(Part.DOCUMENTS)
        else:
            parts.append(Part.JUDGEMENTS if refers else None)
    return parts


class _Finder:
    """Takes the columns of one table in turn; a column is one field only."""

    def __init__(self, header: Header, said: Mapping[str, str]) -> None:
        self._header = header
        self._fields: dict[str, tuple[str, ...]] = {}
        self._told = {ours: found for ours, theirs in said.items() if (found := _columns(header, theirs))}

    def first(self, part: Part) -> Layout | None:
        """A table with documents in it."""
        if part is Part.DOCUMENTS:
            numbers = WORDS["group"].split()
            self._take("id", but=[c for c in self._header.repeating if plain(c) in numbers])
            self._take("text", "title", "lang", "group")
        elif part is Part.BOTH:
            self._take("query", "query_id", "id", "text", "title", "query_lang", "lang", "group", "grade")
            self._take("need_id", "cluster")
        return Layout(self._header, part, self._fields) if self._fields else None

    def second(self, part: Part, documents: Layout | None) -> Layout:
        """A table of queries or judgements, whose columns may be called like the documents' own."""
        self._take(*(["query"] if part is Part.QUERIES else []), "query_id")
        if part is Part.QUERIES and "query" not in self._fields:
            self._take("text")
            self._fields["query"] = self._fields.pop("text", ())
        self._refer(documents)
        if "query_id" not in self._fields and (own := self._header.find("id", self._used)):
            self._fields["query_id"] = (own,)
        self._take("query_lang", "lang", "grade", "need_id", "cluster")
        return Layout(self._header, part, self._fields)

    @property
    def _used(self) -> set[str]:
        return {column for columns in self._fields.values() for column in columns}

    def _take(self, *fields: str, but: Iterable[str] = ()) -> None:
        for field in fields:
            if field in self._told:
                self._fields[field] = self._told[field]
            elif field not in self._fields:
                told = {column for columns in self._told.values() for column in columns}
                if column := self._header.find(field, self._used | told | set(but)):
                    self._fields[field] = (column,)

    def _refer(self, documents: Layout | None) -> None:
        """The right documents: a column called like the documents' id, or like their group, or by a usual word."""
        for field, like in (("doc", "id"), ("group", "group")):
            same = self._header.like((documents.fields.get(like, (None,)) if documents else (None,))[0])
            # `id` in a table of queries is the query's own.
            if field not in self._told and same and same not in self._used and plain(same) not in ("id", ""):
                self._fields[field] = (same,)
        for field in ("doc", "group"):
            if field in self._told or not self._fields.keys() & {"doc", "group"}:
                self._take(field)
