"""Signs that a text is not what its author wrote: markup, errors of formulas, lost characters, bytes decoded twice."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

TAG = re.compile(
    r"</?(?:a|b|blockquote|body|br|center|code|div|em|font|h[1-6]|head|hr|html|i|img|li|ol|p|pre|script|small|span|"
    r"strong|style|sub|sup|table|tbody|td|th|thead|tr|u|ul)(?:\s[^<>]*)?/?>|<!--.*?-->",
    re.IGNORECASE | re.DOTALL,
)
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
FORMULA_ERROR = re.compile(r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!|NV|BEZUG!|WERT!)")
"""What a spreadsheet shows in place of a value."""

_TAIL = "".join(
    {chr(byte) for byte in range(0x80, 0xC0)} | set(bytes(range(0x80, 0xC0)).decode("cp1252", "ignore"))
)
"""What the second byte of a UTF-8 character becomes in latin-1 and windows-1252."""
_CLOSING = "\u00a0\u00ab\u00ae\u00b0\u00bb\u2019\u201d\u2026\u203a\u2122"
"""Those that may follow a capital letter at the end of a word."""
_PLAIN = re.escape("".join(set(_TAIL) - set(_CLOSING)))
_TWICE = re.compile(
    f"[\u00c2-\u00c5](?:[{_PLAIN}]|[{re.escape(_TAIL)}](?=[a-z]))"  # Latin letters
    f"|(?:[\u00ce-\u00d1\u00d7-\u00d9][{re.escape(_TAIL)}]){{2}}"  # Greek, Cyrillic, Hebrew, Arabic
    f"|[\u00e0-\u00ef](?:[{_PLAIN}][{re.escape(_TAIL)}]|[{re.escape(_TAIL)}][{_PLAIN}])"  # the rest
)


class Oddity(NamedTuple):
    """One thing that is odd about a text, and what is done about it."""

    kind: str
    message: str
    advice: str


def text_oddities(text: str) -> Iterator[Oddity]:
    """What is odd about a text; most have nothing.

    >>> [oddity.kind for oddity in text_oddities("<b>Kargo</b> Ã¼creti \ufffdok")]
    ['markup', 'replacement characters', 'text that was decoded twice']
    >>> [oddity.message for oddity in text_oddities("#N/A")]
    ['the text is #N/A, the error of a formula']
    """
    tagged = "<" in text and TAG.search(text)
    if tagged or ("&" in text and any(unescape(found) != found for found in ENTITY.findall(text))):
        advice = "kept as it is; models read tags and entities as words, so consider removing them"
        yield Oddity("markup", "the text holds HTML tags or entities", advice)
    if text.startswith("#") and FORMULA_ERROR.fullmatch(text.strip()):
        advice = "kept as it is; if a spreadsheet wrote it, correct the formula or leave the row out"
        yield Oddity("error of a formula", f"the text is {text.strip()}, the error of a formula", advice)
    if "\ufffd" in text:
        advice = "kept as it is; characters were lost when the file was made, so make it again"
        yield Oddity("replacement characters", "the text holds U+FFFD", advice)
    if not text.isascii() and _TWICE.search(text):
        message = "the text looks like UTF-8 that was read in another encoding (as in 'Ã¼' for 'ü')"
        advice = "kept as it is; make the file again, reading its source as UTF-8"
        yield Oddity("text that was decoded twice", message, advice)


def unescape(text: str) -> str:
    """The characters that entities stand for; an ampersand without a semicolon is one.

    >>> unescape("caf&eacute; &#233; AT&T; ?a=1&copy=2")
    'café é AT&T; ?a=1&copy=2'
    """
    return ENTITY.sub(lambda found: html.unescape(found[0]), text)
