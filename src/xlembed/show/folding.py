"""Breaking text into lines by the columns of a terminal: between words, never inside one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rich.cells import cell_len

_WORD = re.compile(r"\s*(?:\[[^\[\]\s]+, [^\[\]\s]+\]\S*|\S+)(?: %(?!\w))?")
"""With the space before it; an interval is one word, a number keeps its %."""
_CLOSING = frozenset(["Pe", "Pf", "Po"])
_OPENING = frozenset(["Ps", "Pi"])
_BULLET = re.compile(r"\s*(?:[-*] |\d+\. |[^\s:]+(?: [^\s:]+){0,3} {2,})?")
"""Or a label and the space to its value."""


def text_width(text: str) -> int:
    """Columns on a terminal: Chinese, Japanese and Korean characters take two.

    >>> text_width("水"), text_width("water")
    (2, 5)
    """
    return cell_len(text)


def fold(text: str, width: int, hang: int | None = None) -> list[str]:
    """Lines of at most `width` columns; what is longer than that and has no place to break stays whole.

    Spaces hang before all lines but the first of each line of the text: default, as far as its own indent, bullet or
    label reaches.

    >>> fold("- all models that were evaluated", 20)
    ['- all models that', '  were evaluated']
    """
    return [line for whole in text.split("\n") for line in _folded(whole, width, hang)]


def longest_part(text: str) -> int:
    """Columns that `fold` needs so that no line is wider than asked."""
    return max((text_width(part.strip()) for part in _parts(text)), default=0)


def _folded(text: str, width: int, hang: int | None) -> Iterator[str]:
    bullet = _BULLET.match(text)
    space = " " * (len(bullet.group()) if hang is None and bullet else hang or 0)
    line = ""
    for part in _parts(text):
        if line.strip() and text_width(line + part) > width:
            yield line
            line = space + part.lstrip()
        else:
            line += part
    yield line


def _parts(text: str) -> Iterator[str]:
    """What stays together, with the space before it."""
    for word in _WORD.findall(text):
        part = ""
        for character in word:
            if part.strip() and _parts_between(part[-1], character):
                yield part
                part = ""
            part += character
        yield part


def _parts_between(before: str, after: str) -> bool:
    """Beside a wide character; no closing mark begins a line, no opening one ends it, a number keeps its unit."""
    if unicodedata.category(after) in _CLOSING or unicodedata.category(before) in _OPENING:
        return False
    return cell_len(before) > 1 or (cell_len(after) > 1 and not before.isdigit())
