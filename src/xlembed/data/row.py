"""One row of a user's file: its fields, with missing and mistyped ones told where they stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from xlembed.data.checks import Place, Problems
from xlembed.words import near_miss

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
