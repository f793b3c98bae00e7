"""What a reader hands back: checked documents, queries and judgements with the places they came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xlembed.data.card import Card
from xlembed.data.checks import (
    SHOWN,
    Place,
    Problems,
    check_characters,
    check_id,
    check_language,
    check_length,
    check_text,
)
from xlembed.data.task import Document, Query
from xlembed.words import Lang, near_miss


class Judged(NamedTuple):
    """Grade of a document for a query, and where it is written."""

    grade: int
    place: Place


class Rows:
    """Rows as files give them, checked one by one; add documents first, then queries, then judgements.

    Problems go to `problems`; a row with an error is left out, its id stays known, so that one mistake
    is told once. Nothing is united, merged or dropped here.
    """

    def __init__(self, card: Card, problems: Problems) -> None:
        self.card = card
        self.problems = problems
        self.documents: list[Document] = []
        self.queries: list[Query] = []
        self.judgements: dict[str, dict[str, Judged]] = {}
        self.excluded: list[str] = []
        self._document_places: dict[str, Place] = {}
        self.query_places: dict[str, Place] = {}
        """Query id -> where it is written."""
        self._taken: dict[tuple[str, str], object] = {}

    @property
    def languages(self) -> tuple[Lang, ...]:
        """The card's languages, or those of the rows in alphabetical order."""
        if self.card.languages is not None:
            return self.card.languages
        return tuple(sorted({d.lang for d in self.documents} | {q.lang for q in self.queries}))

    def has_document(self, doc_id: str) -> bool:
        """Whether a document of this id was added or told."""
        return doc_id in self._document_places

    def know_document(self, doc_id: str, place: Place) -> None:
        """The id of a document that cannot be taken, so that judgements of it are not told as well."""
        self._document_places.setdefault(doc_id, place)

    def know_query(self, query_id: str, place: Place) -> None:
        """The id of a query that cannot be taken."""
        self.query_places.setdefault(query_id, place)

    def add_document(self, document: Document, place: Place, names: Sequence[str] = ("_id", "text")) -> bool:
        """Whether the document was taken; `names` are the fields that its id and its text come from.

        The same row again is noted and not taken.
        """
        if self._repeats("document", document.doc_id, document, place):
            return False
        sound = self._take_id(document.doc_id, self._document_places, place, names[0])
        with_title = bool(document.title.strip())
        sound &= check_text(self.problems, place, names[1], document.text, may_be_empty=with_title)
        sound &= check_text(self.problems, place, "title", document.title, may_be_empty=True)
        sound &= check_text(self.problems, place, "group", document.group or "", may_be_empty=True)
        sound &= check_language(self.problems, place, document.lang, self.card.languages)
        if with_title and not document.text.strip():
            done = "kept; its title is all that is encoded"
            self.problems.warn(place, names[1], "title without text", "the document is only a title", done)
        check_length(self.problems, place, document.text)
        if sound:
            self.documents.append(document)
            self._taken["document", document.doc_id] = document
        return sound

    def add_query(
        self,
        query: Query,
        place: Place,
        names: Sequence[str] | None = ("_id", "text"),
        also: str | None = None,
    ) -> bool:
        """Whether the query was taken; `names` as above, None when its text was checked as a document's.

        With `also`, what else its row says, the same row again is noted and not taken.
        """
        if also is not None and self._repeats("query", query.query_id, (query, also), place):
            return False
        sound = self._take_id(query.query_id, self.query_places, place, names[0] if names else "id")
        if names:
            sound &= check_text(self.problems, place, names[1], query.text)
        if query.need_id != query.query_id:
            sound &= check_text(self.problems, place, "need_id", query.need_id)
        sound &= check_text(self.problems, place, "cluster", query.cluster or "", may_be_empty=True)
        sound &= check_language(self.problems, place, query.lang, self.card.languages)
        if query.doc_id is not None:
            sound &= self._known(query.doc_id, self._document_places, place, "doc_id", "document")
        if sound:
            self.queries.append(query)
            self._taken["query", query.query_id] = (query, also)
        return sound

    def add_judgement(self, query_id: str, doc_id: str, grade: int, place: Place) -> bool:
        """Whether the judgement was taken; the same one twice is noted, two grades are an error."""
        known = self._known(query_id, self.query_places, place, "query-id", "query")
        known &= self._known(doc_id, self._document_places, place, "corpus-id", "document")
        if not known:
            return False
        rows = self.judgements.setdefault(query_id, {})
        earlier = rows.setdefault(doc_id, Judged(grade, place))
        if earlier.place is place:
            return True
        if earlier.grade != grade:
            message = f"{query_id} -> {doc_id} has grade {grade} here and {earlier.grade} in {earlier.place}"
            self.problems.error(place, "score", "conflicting grades", message, "keep one of the rows")
        else:
            message = f"{query_id} -> {doc_id} stands in {earlier.place} already"
            self.problems.warn(place, "", "repeated judgement", message, "counted once")
        return False

    def _repeats(self, noun: str, row_id: str, content: object, place: Place) -> bool:
        """Whether the very same row was taken before, with that noted."""
        if self._taken.get((noun, row_id)) != content:
            return False
        places = self._document_places if noun == "document" else self.query_places
        message = f"the {noun} {row_id!r} stands in {places[row_id]} already, word for word"
        self.problems.warn(place, "", f"repeated {noun}", message, "counted once")
        return True

    def _take_id(self, value: str, places: dict[str, Place], place: Place, name: str) -> bool:
        if not check_characters(self.problems, place, name, value):
            return False
        if not check_id(self.problems, place, name, value):
            places.setdefault(value, place)
            places.setdefault(value.strip(), place)  # as it stands in the qrels
            return False
        if value in places:
            message = f"the id {value!r} is used in {places[value]} already"
            self.problems.error(place, name, "duplicate id", message, "give every row its own id")
            return False
        places[value] = place
        return True

    def _known(self, value: str, places: dict[str, Place], place: Place, name: str, noun: str) -> bool:
        if value in places:
            return True
        file = next(iter(places.values())).file if places else ""
        own = {place.file} if place.file != file else set()
        # Without any row, or where rows could not be read, that is the cause, and it is told.
        if places and not self.problems.unread_files - own:
            where = f" in {file}"
            few = len(places) <= 2000 and self.problems.n_errors < SHOWN  # the search for a near miss is slow
            guess = near_miss(value, list(places)) if few else ""
            fix = f"add the {noun} or remove the row.{guess}"
            message = f"there is no {noun} {value!r}{where}"
            self.problems.error(place, name, f"unknown {noun} id", message, fix)
        return False
