"""Problems in a user's files: collected with their places and told all at once."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xlembed.data.languages import is_language, language_help
from xlembed.data.oddities import text_oddities
from xlembed.words import Choice, UserError, counted

LONG_DOCUMENT = 100_000
"""Characters above which a document is told of; it is kept."""

LONGEST_ID = 512
"""Bytes of an id: Elasticsearch's limit."""

SHOWN = 50
"""Errors printed in full; the others are counted by kind."""


class Severity(Choice):
    """An error stops the reading (after everything was looked at); a warning becomes a note of the task."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: file, line (from 1; None inside a JSON document), path of the row in it.

    In a table (`columns` is not None) the line is the row as a spreadsheet numbers it, and `columns` maps our fields
    to what the table's reader sees.
    """

    file: str
    line: int | None = None
    path: str = ""
    columns: Mapping[str, str] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{_position(self)}{f' {self.path}' if self.path else ''}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, where, and what to do about it.

    `kind` is the short name it is counted by. For a warning, `fix` says what was done.
    """

    file: str
    line: int | None
    field: str
    message: str
    fix: str
    kind: str
    severity: Severity = Severity.ERROR
    columns: Mapping[str, str] | None = dataclasses.field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        of = f"{self.field}: " if self.field else ""
        return f"{_position(self)}: {of}{self.message}. {self.advice}"

    @property
    def advice(self) -> str:
        """`fix` as a sentence."""
        return (
            f"Fix: {self.fix}" if self.severity is Severity.ERROR else f"{self.fix[:1].upper()}{self.fix[1:]}"
        )


@dataclass
class _Warned:
    first: Problem
    count: int = 0
    places: list[str] = field(default_factory=list)


class Problems:
    """Collects problems while files are read; the first `SHOWN` errors are kept in full, the rest counted."""

    def __init__(self) -> None:
        self._errors: list[Problem] = []
        self._kinds: Counter[str] = Counter()
        self._told: set[Problem] = set()
        self._warned: dict[tuple[str, str, str], _Warned] = {}
        self.read_as: list[str] = []
        """How files were understood, in words: told with their errors."""
        self.unread_files: set[str] = set()
        """Files with lines that could not be read, so that ids missing from them prove nothing."""

    def add(self, problem: Problem) -> None:
        """Take note of a problem; the same error twice is one."""
        if problem.severity is Severity.ERROR:
            if problem in self._told:
                return
            self._told.add(problem)
            self._kinds[problem.kind] += 1
            if len(self._errors) < SHOWN:
                self._errors.append(problem)
            return
        warned = self._warned.setdefault((problem.file, problem.kind, problem.field), _Warned(problem))
        warned.count += 1
        if problem.line is not None and len(warned.places) < 3:
            warned.places.append(str(problem.line))

    def error(self, place: Place, field: str, kind: str, message: str, fix: str) -> None:
        """Something that must be mended before the task can be used; without `field` it is the whole line."""
        if not field:
            self.unread_files.add(place.file)
        named = ".".join(filter(None, (place.path, _column(place, field))))
        self.add(Problem(place.file, place.line, named, message, fix, kind, columns=place.columns))

    def warn(self, place: Place, field: str, kind: str, message: str, done: str) -> None:
        """Something the user should know; `done` says how it was handled."""
        named, severity = _column(place, field), Severity.WARNING
        self.add(Problem(place.file, place.line, named, message, done, kind, severity, place.columns))

    @property
    def errors(self) -> Sequence[Problem]:
        """The errors kept in full, in the order they were found."""
        return tuple(self._errors)

    @property
    def n_errors(self) -> int:
        """All errors."""
        return self._kinds.total()

    def notes(self) -> tuple[str, ...]:
        """The warnings in words: one per file, kind and field, with its count and first places."""
        return tuple(_note(w) for w in self._warned.values())

    def raise_errors(self, subject: str) -> None:
        """Nothing when there is no error.

        Raises:
            UserError: names `subject`, counts the errors by kind, lists them with place and fix.
        """
        if not self.n_errors:
            return
        kinds = ", ".join(f"{n} x {kind}" for kind, n in self._kinds.most_common())
        lines = [f"{subject}: {counted(self.n_errors, 'error')} ({kinds})"]
        lines += [f"  {problem}" for problem in self._errors]
        if self.n_errors > len(self._errors):
            rest = self._kinds - Counter(p.kind for p in self._errors)
            others = ", ".join(f"{n} x {kind}" for kind, n in rest.most_common())
            lines.append(f"  ... and {self.n_errors - len(self._errors)} more ({others})")
        if notes := self.notes():
            lines += ["Also noticed:", *(f"  {note}" for note in notes)]
        if self.read_as:
            lines += ["Read as:", *(f"  {told}" for told in self.read_as)]
        raise UserError("\n".join(lines))


def check_id(problems: Problems, place: Place, field: str, value: str) -> bool:
    """Whether `value` can stand in a TREC file: not empty, no white space, no control character."""
    if not value:
        problems.error(place, field, "empty id", "the id is empty", "give it an id")
    elif " " in value or not value.isprintable():  # of white space, only the blank is printable
        message = f"the id {value!r} holds white space or an invisible character, which breaks run files"
        fix = "use '_' or '-' instead, wherever the id stands"
        problems.error(place, field, "white space in id", message, fix)
    elif (n_bytes := len(value.encode())) > LONGEST_ID:
        message = (
            f"the id {value[:40]!r}... is {n_bytes} bytes long, more than the {LONGEST_ID} that servers take"
        )
        problems.error(place, field, "long id", message, "shorten it, wherever it stands")
    else:
        return True
    return False


def check_characters(problems: Problems, place: Place, field: str, value: str) -> bool:
    """Whether `value` is whole text: no NUL, no half of a character."""
    if "\0" in value:
        problems.error(place, field, "NUL character", "the text holds a NUL character", "remove it")
        return False
    try:
        value.encode()
    except UnicodeEncodeError as error:
        message = f"character {error.start + 1} is half of a surrogate pair, which is no text"
        problems.error(place, field, "broken character", message, "remove it, or write the whole character")
        return False
    return True


def check_text(
    problems: Problems, place: Place, field: str, value: str, *, may_be_empty: bool = False
) -> bool:
    """Whether `value` can be encoded; white space around it, markup and signs of damage are only told."""
    if not check_characters(problems, place, field, value):
        return False
    stripped = value.strip()
    if not stripped and not may_be_empty:
        problems.error(place, field, "empty text", "the text is empty", "remove the row or give it a text")
        return False
    if stripped and stripped != value:
        kind = "white space around the text"
        problems.warn(place, field, kind, "there is white space around the text", "kept as it is")
    for oddity in text_oddities(value):
        problems.warn(place, field, oddity.kind, oddity.message, oddity.advice)
    return True


def check_length(problems: Problems, place: Place, text: str) -> None:
    """Tell of documents that every model will cut."""
    if len(text) > LONG_DOCUMENT:
        message = f"the document is {len(text):,} characters long (more than {LONG_DOCUMENT:,})"
        done = "kept; models see only its beginning, so consider splitting it"
        problems.warn(place, "text", "very long document", message, done)


def check_language(
    problems: Problems, place: Place, value: str, declared: Sequence[str] | None, card: str = "task.yaml"
) -> bool:
    """Whether `value` is a language code, and one of the task's languages if `card` declares them."""
    if not is_language(value):
        message = f"{value!r} is not an ISO 639 language code"
        problems.error(place, "lang", "unknown language", message, language_help(value))
        return False
    if declared is not None and value not in declared:
        message = f"{value!r} is not among the task's languages ({', '.join(declared)})"
        fix = f"add it to `languages` in {card} or correct the row"
        problems.error(place, "lang", "undeclared language", message, fix)
        return False
    return True


def first_of(ids: Sequence[str]) -> str:
    """The first five ids."""
    return ", ".join(ids[:5]) + (" ..." if len(ids) > 5 else "")


def _position(at: Place | Problem) -> str:
    if at.line is None:
        return at.file
    return f"{at.file}:{at.line}" if at.columns is None else f"{at.file}, row {at.line}"


def _column(place: Place, field: str) -> str:
    return (place.columns or {}).get(field, field)


def _note(warned: _Warned) -> str:
    problem = warned.first
    if warned.count == 1:
        return str(problem)
    subject = f"{problem.file}: {f'{problem.field}: ' if problem.field else ''}{problem.kind}"
    more = f" and {warned.count - len(warned.places)} more" if warned.count > len(warned.places) else ""
    unit = "lines" if problem.columns is None else "rows"
    where = f" ({unit} {', '.join(warned.places)}{more})" if warned.places else ""
    return f"{subject}: {warned.count} times{where}. {problem.advice}"
