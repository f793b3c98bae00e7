"""Problems in a user's files: collected with their places and told all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xlembed.data.languages import is_language, language_help
from xlembed.data.oddities import text_oddities
from xlembed.words import UserError, counted, near_miss

LONG_DOCUMENT = 100_000
"""Characters above which a document is told of; it is kept."""

LONGEST_ID = 512
"""Bytes of an id: Elasticsearch's limit."""

SHOWN = 50
"""Errors printed in full; the others are counted by kind."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: file, line (from 1; None inside a JSON document), path of the row in it.

    In a table the line is the row as a spreadsheet numbers it. `columns` maps our fields to what the reader sees.
    """

    file: str
    line: int | None = None
    path: str = ""
    columns: Mapping[str, str] | None = field(default=None, compare=False, repr=False)
    in_table: bool = field(default=False, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.position}{f' {self.path}' if self.path else ''}"

    @property
    def position(self) -> str:
        """File and line, or row."""
        if self.line is None:
            return self.file
        return f"{self.file}, row {self.line}" if self.in_table else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, where, and what to do about it, or what was done; `kind` is the short name it is counted by."""

    place: Place
    field: str
    kind: str
    message: str
    advice: str

    def __str__(self) -> str:
        of = f"{self.field}: " if self.field else ""
        return f"{self.place.position}: {of}{self.message}. {self.advice}"


class Problems:
    """Collects problems while files are read: errors, which stop the reading at its end, and warnings, its notes."""

    def __init__(self) -> None:
        self._errors: dict[Problem, None] = {}
        self._warned: dict[tuple[str, str, str], list[Problem]] = {}
        self._times: Counter[tuple[str, str, str]] = Counter()
        self.read_as: list[str] = []
        """How files were understood, in words: told with their errors."""
        self.unread_files: set[str] = set()
        """Files with lines that could not be read, so that ids missing from them prove nothing."""

    def error(self, place: Place, field: str, kind: str, message: str, fix: str) -> None:
        """Something that must be mended before the task can be used; without `field` it is the whole line.

        The same error twice is one.
        """
        if not field:
            self.unread_files.add(place.file)
        named = ".".join(filter(None, (place.path, _column(place, field))))
        self._errors[Problem(place, named, kind, message, f"Fix: {fix}")] = None

    def warn(self, place: Place, field: str, kind: str, message: str, done: str) -> None:
        """Something the user should know; `done` says how it was handled."""
        named = _column(place, field)
        key = (place.file, kind, named)
        self._times[key] += 1
        if len(first := self._warned.setdefault(key, [])) < 3:
            first.append(Problem(place, named, kind, message, f"{done[:1].upper()}{done[1:]}"))

    @property
    def errors(self) -> Sequence[Problem]:
        """In the order they were found."""
        return tuple(self._errors)

    @property
    def n_errors(self) -> int:
        """How many."""
        return len(self._errors)

    def notes(self) -> tuple[str, ...]:
        """The warnings in words: one per file, kind and field, with its count and first places."""
        return tuple(_note(first, self._times[key]) for key, first in self._warned.items())

    def raise_errors(self, subject: str) -> None:
        """Nothing when there is no error.

        Raises:
            UserError: names `subject`, counts the errors by kind, lists the first `SHOWN` with place and fix.
        """
        if not self._errors:
            return
        shown, hidden = self.errors[:SHOWN], self.errors[SHOWN:]
        lines = [f"{subject}: {counted(self.n_errors, 'error')} ({_kinds(self.errors)})"]
        lines += [f"  {problem}" for problem in shown]
        lines += [f"  ... and {len(hidden)} more ({_kinds(hidden)})"] * bool(hidden)
        raise UserError("\n".join(lines + self._noticed()))

    @contextmanager
    def beside(self) -> Iterator[None]:
        """What is refused inside is told with the warnings, which may be its cause: a guessed encoding."""
        try:
            yield
        except UserError as error:
            raise UserError("\n".join([str(error), *self._noticed()])) from None

    def _noticed(self) -> list[str]:
        notes = [f"  {note}" for note in self.notes()]
        told = [f"  {line}" for line in self.read_as]
        return (["Also noticed:", *notes] if notes else []) + (["Read as:", *told] if told else [])


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


def _column(place: Place, field: str) -> str:
    return (place.columns or {}).get(field, field)


def _kinds(problems: Sequence[Problem]) -> str:
    return ", ".join(f"{n} x {kind}" for kind, n in Counter(p.kind for p in problems).most_common())


def _note(first: Sequence[Problem], times: int) -> str:
    problem = first[0]
    if times == 1:
        return str(problem)
    subject = f"{problem.place.file}: {f'{problem.field}: ' if problem.field else ''}{problem.kind}"
    lines = [str(p.place.line) for p in first if p.place.line is not None]
    more = f" and {times - len(lines)} more" if times > len(lines) else ""
    where = f" ({'rows' if problem.place.in_table else 'lines'} {', '.join(lines)}{more})" if lines else ""
    return f"{subject}: {times} times{where}. {problem.advice}"


_KINDS: dict[type, str] = {
    **{bool: "true or false", int: "a number", float: "a number"},
    **{str: "a text", list: "a list", dict: "an object"},
}


class Row(NamedTuple):
    """The values of a row by field, where it stands, and who takes what is wrong with it."""

    values: Mapping[str, Any]
    place: Place
    problems: Problems

    def renamed(self, values: Mapping[str, Any]) -> Row:
        """The same row with other values."""
        return self._replace(values=values)

    def error(self, field: str, kind: str, message: str, fix: str) -> None:
        """As `Problems.error`, here."""
        self.problems.error(self.place, field, kind, message, fix)

    def warn(self, field: str, kind: str, message: str, done: str) -> None:
        """As `Problems.warn`, here."""
        self.problems.warn(self.place, field, kind, message, done)

    def text(self, name: str) -> str | None:
        """The text of a field that must be there, or None with an error told."""
        if name not in self.values:
            message = f"the field is missing; the row has {', '.join(map(repr, self.values)) or 'no fields'}"
            self.error(name, "missing field", message, f"add {name!r}.{near_miss(name, self.values)}")
            return None
        return self._text(name)

    def optional(self, name: str) -> str | None:
        """The text of a field that may be missing or null (then None), or None with an error told."""
        return None if self.values.get(name) is None else self._text(name)

    def id(self, name: str) -> str | None:
        """The id that a field holds; missing or null: None; a whole number is taken as text, which is told.

        What is no id is an error, and nothing is said of rows that name it.
        """
        value = self.values.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # pandas makes such of numbers, where one is missing
        if isinstance(value, int) and not isinstance(value, bool):
            self.warn(name, "whole numbers as ids", f"the id {value} is a number", "taken as text")
            return str(value)
        if value is not None and not isinstance(value, str):
            self.problems.unread_files.add(self.place.file)
        return self.optional(name)

    def required_id(self, name: str) -> str | None:
        """As `id`, of a field that must be there."""
        if self.values.get(name) is None:
            self.problems.unread_files.add(self.place.file)
            return self.text(name)
        return self.id(name)

    def flag(self, name: str, default: bool) -> bool:
        """True or false of a field that may be missing or null, or the default with an error told."""
        value = self.values.get(name)
        if isinstance(value, bool):
            return value
        if value is not None:
            message = f"expected true or false, found {_kind(value)}"
            self.error(name, "mistyped field", message, "write true or false")
        return default

    def tell_misspelt(self, known: Collection[str]) -> None:
        """Other fields are allowed and unused; one that is nearly a known field is told."""
        for name in self.values:
            if name not in known and (guess := near_miss(name, [k for k in known if k not in self.values])):
                self.warn(name, f"unknown field {name!r}", f"there is no field {name!r}", f"ignored.{guess}")

    def _text(self, name: str) -> str | None:
        value = self.values[name]
        if isinstance(value, str):
            return value
        fix = f'write it as "{value}"' if isinstance(value, int | float) else "write a text in quotes"
        self.error(name, "mistyped field", f"expected a text, found {_kind(value)}", fix)
        return None


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null")
