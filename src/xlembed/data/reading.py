"""What every reader takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

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
    first_of,
)
from xlembed.data.languages import language_of_file, require_language
from xlembed.data.read_options import DocumentUnit, ReadOptions
from xlembed.data.task import Document, Query
from xlembed.words import Lang, UserError, counted, near_miss


class Judged(NamedTuple):
    """Grade of a document for a query, and where it is written."""

    grade: int
    place: Place


class Rows:
    """Rows as files give them, checked one by one; add documents first, then queries, then judgements.

    Problems go to `problems`; a row with an error is left out, its id stays known, so that one mistake
    is told once. Nothing is united or merged here. With `drop_unknown`, judgements of queries and documents that are
    not there are left out; documents without text that no query needs always are (`settle`).
    """

    def __init__(self, card: Card, problems: Problems, drop_unknown: bool = False) -> None:
        self.card = card
        self.problems = problems
        self.documents: list[Document] = []
        self.queries: list[Query] = []
        self.judgements: dict[str, dict[str, Judged]] = {}
        self.excluded: list[str] = []
        self.document_places: dict[str, Place] = {}
        """Document id -> where it is written; also of those that cannot be taken, so that one mistake is told once."""
        self.query_places: dict[str, Place] = {}
        """Query id -> where it is written."""
        self.drop_unknown = drop_unknown
        self._unknown: dict[str, None] = {}
        self._n_unknown = 0
        self._empty: dict[str, tuple[Place, str]] = {}
        self._taken: dict[tuple[str, str], object] = {}

    @property
    def languages(self) -> tuple[Lang, ...]:
        """The card's languages, or those of the rows in alphabetical order."""
        if self.card.languages is not None:
            return self.card.languages
        return tuple(sorted({d.lang for d in self.documents} | {q.lang for q in self.queries}))

    def add_document(
        self,
        document: Document,
        place: Place,
        names: Sequence[str] = ("_id", "text"),
        *,
        may_be_empty: bool = True,
    ) -> bool:
        """Whether the document was taken; `names` are the fields that its id and its text come from.

        The same row again is noted and not taken. One without text waits for `settle`, if it `may_be_empty`.
        """
        if self._repeats("document", document.doc_id, document, place):
            return False
        sound = self._take_id(document.doc_id, self.document_places, place, names[0])
        problems, with_title, is_empty = (
            self.problems,
            bool(document.title.strip()),
            not document.text.strip(),
        )
        if may_be_empty and not with_title and is_empty:
            self._empty[document.doc_id] = place, names[1]
            return False
        sound &= check_text(problems, place, names[1], document.text, may_be_empty=with_title)
        for name, text in (("title", document.title), ("group", document.group or "")):
            sound &= check_text(problems, place, name, text, may_be_empty=True)
        sound &= check_language(problems, place, document.lang, self.card.languages)
        if with_title and is_empty:
            done = "kept; its title is all that is encoded"
            problems.warn(place, names[1], "title without text", "the document is only a title", done)
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
        if self.drop_unknown and query.doc_id is not None and query.doc_id not in self.document_places:
            self._drop(query.doc_id)
            query = replace(query, doc_id=None)
        if query.doc_id is not None:
            sound &= self._known(query.doc_id, self.document_places, place, "doc_id", "document")
        if sound:
            self.queries.append(query)
            self._taken["query", query.query_id] = (query, also)
        return sound

    def add_judgement(self, query_id: str, doc_id: str, grade: int, place: Place) -> bool:
        """Whether the judgement was taken; the same one twice is noted, two grades are an error."""
        if self.drop_unknown:
            unknown = [query_id] * (query_id not in self.query_places)
            unknown += [doc_id] * (doc_id not in self.document_places)
            if unknown:
                return self._drop(*unknown)
        known = self._known(query_id, self.query_places, place, "query-id", "query")
        known &= self._known(doc_id, self.document_places, place, "corpus-id", "document")
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

    def settle(self) -> None:
        """After all rows: documents without text, an error if they are relevant, and what was dropped, are told."""
        for docs in self.judgements.values() if self._empty else ():
            for doc_id in docs.keys() & self._empty.keys():
                judged, (place, field) = docs.pop(doc_id), self._empty[doc_id]
                if judged.grade >= 1 and not self.drop_unknown:
                    message = f"the text is empty, and {doc_id!r} is judged relevant"
                    fix = "give it a text (an import with --drop-unknown leaves it out)"
                    self.problems.error(place, field, "empty text", message, fix)
        if self._empty:
            self.queries = [replace(q, doc_id=None) if q.doc_id in self._empty else q for q in self.queries]
            subject = counted(len(self._empty), "document")
            self.excluded.append(f"{subject} without text left out: {first_of(list(self._empty))}")
        if self._n_unknown:
            self.excluded.append(
                f"{counted(self._n_unknown, 'judgement')} of queries or documents that are not there left out "
                f"(--drop-unknown): {first_of(list(self._unknown))}"
            )
        self._empty, self._n_unknown = {}, 0

    def _drop(self, *ids: str) -> Literal[False]:
        self._unknown |= dict.fromkeys(ids)
        self._n_unknown += 1
        return False

    def _repeats(self, noun: str, row_id: str, content: object, place: Place) -> bool:
        """Whether the very same row was taken before, with that noted."""
        if self._taken.get((noun, row_id)) != content:
            return False
        places = self.document_places if noun == "document" else self.query_places
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
            fix = f"add the {noun} or remove the row (an import with --drop-unknown leaves such judgements out).{guess}"
            message = f"there is no {noun} {value!r}{where}"
            self.problems.error(place, name, f"unknown {noun} id", message, fix)
        return False


Reader = Callable[[Sequence[Path], ReadOptions, Problems], Rows]
"""Files in, rows out: problems inside the files go to Problems, bad usage is a UserError."""


def said_languages(files: Sequence[Path], options: ReadOptions) -> tuple[Lang | None, ...]:
    """The language of each file by the options; None where they say none.

    Raises:
        UserError: for a wrong code, or a wrong number of codes.
    """
    codes = tuple(require_language(code, "--lang") for code in options.langs)
    if len(codes) <= 1:
        return (codes or (None,)) * len(files)
    if len(codes) != len(files):
        raise UserError(
            f"--lang: {len(codes)} languages for {len(files)} files; give one, or one per file in order"
        )
    return codes


def language_by_name(file: Path, problems: Problems, varieties: bool = False) -> Lang:
    """The language that the file's name tells, its variety if those are kept apart, and a note of it.

    Raises:
        UserError: when the name does not tell it.
    """
    lang = language_of_file(file, varieties)
    message = f"language {lang}, told by the {'folder' if file.is_dir() else 'file'}'s name"
    problems.warn(Place(str(file)), "", "language", message, "say another one with --lang")
    return lang


def document_unit(options: ReadOptions, known: Sequence[DocumentUnit]) -> DocumentUnit:
    """What the user chose as a document, or the first one that a format knows.

    Raises:
        UserError: the format does not know it.
    """
    if options.documents is None or options.documents in known:
        return options.documents or known[0]
    raise UserError(f"--documents {options.documents}: choose one of {', '.join(known)} here")
