"""Fields of a JSON row, with missing and mistyped ones told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from xlembed.corpus.checks import Place, Problems
from xlembed.types import near_miss


def text_field(row: Mapping[str, Any], name: str, place: Place, problems: Problems) -> str | None:
    """The text of a field that must be there, or None with an error told."""
    if name not in row:
        message = f"the field is missing; the row has {', '.join(map(repr, row)) or 'no fields'}"
        problems.error(place, name, "missing field", message, f"add {name!r}.{near_miss(name, row)}")
        return None
    return _text(row[name], name, place, problems)


def optional_field(row: Mapping[str, Any], name: str, place: Place, problems: Problems) -> str | None:
    """The text of a field that may be missing or null (then None), or None with an error told."""
    value = row.get(name)
    return None if value is None else _text(value, name, place, problems)


def id_field(row: Mapping[str, Any], name: str, place: Place, problems: Problems) -> str | None:
    """The id that a field holds; missing or null: None; a whole number is taken as text, which is told.

    What is no id is an error, and nothing is said of rows that name it.
    """
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        message = f"the id {value} is a number"
        problems.warn(place, name, "whole numbers as ids", message, "taken as text")
        return str(value)
    if value is not None and not isinstance(value, str):
        problems.unread_files.add(place.file)
    return optional_field(row, name, place, problems)


def required_id(row: Mapping[str, Any], name: str, place: Place, problems: Problems) -> str | None:
    """As `id_field`, of a field that must be there."""
    if row.get(name) is None:
        problems.unread_files.add(place.file)
        return text_field(row, name, place, problems)
    return id_field(row, name, place, problems)


def flag_field(row: Mapping[str, Any], name: str, default: bool, place: Place, problems: Problems) -> bool:
    """True or false of a field that may be missing or null, or the default with an error told."""
    value = row.get(name)
    if value is None or isinstance(value, bool):
        return default if value is None else value
    problems.error(
        place, name, "mistyped field", f"expected true or false, found {_kind(value)}", "write true or false"
    )
    return default


def tell_misspelt(row: Mapping[str, Any], known: Collection[str], place: Place, problems: Problems) -> None:
    """Other fields are allowed and unused; one that is nearly a known field is told."""
    for name in row:
        if name not in known and (guess := near_miss(name, [k for k in known if k not in row])):
            done = f"ignored.{guess}"
            problems.warn(place, name, f"unknown field {name!r}", f"there is no field {name!r}", done)


def _text(value: Any, name: str, place: Place, problems: Problems) -> str | None:
    if isinstance(value, str):
        return value
    fix = f'write it as "{value}"' if isinstance(value, int | float) else "write a text in quotes"
    message = f"expected a text, found {_kind(value)}"
    problems.error(place, name, "mistyped field", message, fix)
    return None


def _kind(value: Any) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null")
