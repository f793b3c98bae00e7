"""Regular expressions that a user writes: checked when they are read, stopped when they run away."""

from __future__ import annotations

from typing import Any

import regex

from xlembed.words import UserError

SECONDS = 1.0
"""Longest search in one text; a name takes microseconds."""

Pattern = Any
"""One of the library regex, which publishes no types."""


def compile_pattern(text: str, where: str) -> Pattern:
    """A pattern.

    Raises:
        UserError: names `where`, if it is none.
    """
    try:
        return regex.compile(text)
    except regex.error as error:
        raise UserError(f"{where}: {text!r} is no regular expression: {error}") from None


def find_pattern(pattern: Pattern, text: str, where: str, *, whole: bool = False) -> Any:
    """The match in a text (of the `whole` text), or None.

    Raises:
        UserError: the search takes too long, as repetitions inside repetitions do.
    """
    search = pattern.fullmatch if whole else pattern.search
    try:
        return search(text, timeout=SECONDS)
    except TimeoutError:
        raise UserError(
            f"{where}: {pattern.pattern!r} runs away on {text[:60]!r}: stopped after {SECONDS:g} s. A repetition "
            "inside a repetition, such as (a|aa)+, tries every way of parting a text; write one of them"
        ) from None
