"""In which encoding a text file is, where it is not UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from xlembed.data.checks import Place, Problems
from xlembed.words import UserError

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SAMPLE = 200_000
"""Bytes by which an encoding is told."""
SURE = 0.04
"""Least confidence (of chardet) that is told: right on sentences of 14 encodings, below that it guesses."""
ENOUGH = 10
"""Bytes beyond ASCII from which a guess is taken: one "déjà" looks Cyrillic."""
SHOWN = 60
"""Characters of the line by which a reader sees whether a guess is right."""


def foreign_lines(raw: bytes) -> list[bytes]:
    """The lines of a sample that are not ASCII, without a last one that the sample's end cuts."""
    lines = raw[:SAMPLE].splitlines()
    return [line for line in (lines[:-1] if len(raw) > SAMPLE else lines) if not line.isascii()]


def guess_encoding(foreign: Sequence[bytes]) -> str | None:
    """The encoding that lines which are no UTF-8 are probably in; None if they do not tell."""
    import chardet
    from chardet import EncodingEra

    era = EncodingEra.MODERN_WEB
    found = chardet.detect(b"\n".join(foreign), encoding_era=era, prefer_superset=True, compat_names=False)
    return found["encoding"] if found["confidence"] >= SURE else None


def is_utf8(raw: bytes) -> bool:
    """Whether the bytes are UTF-8 text."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def spoken_name(codec: str) -> str:
    """What people call an encoding.

    >>> spoken_name("cp1252"), spoken_name("utf-16")
    ('windows-1252', 'utf-16')
    """
    return codec.replace("cp125", "windows-125")


def require_encoding(name: str) -> str:
    """`name` itself.

    Raises:
        UserError: Python knows no such encoding of text.
    """
    try:
        "".encode(name)
    except LookupError:
        raise UserError(
            f"--encoding: there is no encoding {name!r}; for example utf-8, windows-1252, utf-16"
        ) from None
    return name


def to_utf8(raw: bytes, file: str, encoding: str, problems: Problems) -> bytes:
    """A table's bytes as UTF-8; nothing where an error was told.

    Args:
        raw: the whole file.
        file: its name.
        encoding: as the user says; empty: UTF-16 by its mark, UTF-8, or the one that the bytes look like, which is
            told with a line that shows whether it is right.
        problems: takes what is told, and bytes that are not in the encoding said.
    """
    said = encoding or ("utf-16" if raw.startswith(UTF16) else "")
    if not said and is_utf8(raw):
        return raw
    foreign = foreign_lines(raw) or raw.splitlines()
    if not said and 2 * sum(map(is_utf8, foreign)) >= len(foreign):
        return raw  # UTF-8 with damaged lines
    codec = said or guess_encoding(foreign) or ""
    if not said and (not codec or sum(byte > 127 for byte in raw) < ENOUGH):
        read = b" ".join(foreign)[:SHOWN].decode("cp1252", "replace").strip()
        fix = f"say it with --encoding; windows-1252 (Western Europe) would read {read!r}"
        message = "the file is not UTF-8, and has too few foreign letters to tell what it is"
        problems.error(Place(file), "", "unknown encoding", message, fix)
        return b""
    try:
        text = raw.decode(codec)
    except UnicodeError as error:
        if encoding:
            fix = "say the right one, or save the file as UTF-8"
            problems.error(Place(file), "", "wrong encoding", f"the file is not {encoding}: {error}", fix)
        return b"" if encoding else raw
    if not encoding:
        line = next((line.strip() for line in text.splitlines() if not line.isascii()), "")
        shown = f", as in {line[:SHOWN]!r}" if line else ""
        done = f"read as {spoken_name(codec)}{shown}; if that is wrong, say the right one with --encoding"
        problems.warn(Place(file), "", "encoding", "the file is not UTF-8", done)
    return text.encode()
