"""Text files as their lines, with what is wrong in the bytes told by line and byte."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import itertools
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems, Row
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
    return [line for line in lines[: -1 if len(raw) > SAMPLE else None] if not line.isascii()]


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
    """The bytes of a whole table as UTF-8; nothing where an error was told.

    Its encoding is as the user says; empty: UTF-16 by its mark, UTF-8, or the one that the bytes look like, which is
    told with a line that shows whether it is right.
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


SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
"""What a packed file's name ends in."""

DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError)
"""What unpacking raises for a damaged file."""

Stream = BufferedReader
"""Bytes that can be read, peeked at and gone through by line."""


def _zstd(file: BufferedReader) -> Any:
    from pyarrow import CompressedInputStream  # Python has zstd from 3.14 on

    return CompressedInputStream(file, "zstd")


_OPENED: dict[bytes, Callable[[BufferedReader], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _zstd,
}
"""How a packed file begins -> what unpacks it."""


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Stream]:
    """The bytes of a file, unpacked if its first bytes say so, whatever its name.

    Raises:
        OSError: it cannot be opened; reading on raises one of `DAMAGED` for a damaged file.
    """
    with path.open("rb") as file:
        start = file.peek(8)
        opener = next((opener for mark, opener in _OPENED.items() if start.startswith(mark)), None)
        yield BufferedReader(opener(file)) if opener else file


def unpacked_name(path: Path) -> Path:
    """The name without what packing adds.

    >>> unpacked_name(Path("a/shop.de.csv.gz")).name
    'shop.de.csv'
    """
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def existing(path: Path) -> Path | None:
    """The file itself, or its packed form beside it; None when neither is there."""
    return next((p for p in (path, *(Path(f"{path}{end}") for end in SUFFIXES)) if p.is_file()), None)


TO_LINES = """python -c "import pandas as pd; pd.{read}.to_json('NEW.jsonl', orient='records', lines=True, \
force_ascii=False)\""""
UNREAD = {
    b"PAR1": (
        "a parquet file, which is not read here (imports of rows read it, under a name in .parquet)",
        TO_LINES.format(read="read_parquet('{name}')"),
    ),
    b"PK\x03\x04": (
        "a zip file or a workbook, which is not read here (import table, pairs and scored read .xlsx)",
        "unpack it, or name it .xlsx if it is a workbook",
    ),
    b"ARROW1": ("an Arrow file, which is not read", "write it as JSON lines"),
    b"SQLite format 3": ("an SQLite database, which is not read", "write its rows as JSON lines"),
    b"%PDF": ("a PDF, which is not read", "save its text as UTF-8"),
    b"version https://git-lfs": ("a Git LFS pointer, not the file itself", "fetch the file: git lfs pull"),
    **dict.fromkeys(
        (b"<!DOCTYPE html", b"<!doctype html", b"<html"), ("a web page", "download the file again")
    ),
    **dict.fromkeys(UTF16, ("UTF-16", "save it as UTF-8: iconv -f UTF-16 -t UTF-8 {name} > NEW")),
}
"""How a file begins -> what it is, and what to do."""


def read_lines(path: Path, problems: Problems, encoding: str = "utf-8") -> Iterator[tuple[Place, str]]:
    """The lines of a file without their ends, each with its place; what is no text in `encoding` is an error.

    Byte order mark and CRLF are accepted and noted, packed files are unpacked. A file that is missing, or no such text
    as a whole, is one error of its own. An empty `encoding` is found out (`to_utf8`).
    """
    name = str(path)
    if (there := find_file(path, problems)) is None:
        return
    try:
        with unpacked(there) as file:
            start = file.peek(1000)[:1000]
            wide = encoding not in ("", "utf-8") or (not encoding and start.startswith(UTF16))
            if _tell_unread(start, there, name, problems, wide):
                return
            if encoding != "utf-8":
                file = BufferedReader(BytesIO(to_utf8(file.read(), name, encoding, problems)))
            yield from _lines(file, there, name, problems)
    except DAMAGED as error:
        tell_damaged(there, name, error, problems)


def find_file(path: Path, problems: Problems) -> Path | None:
    """The file, or its packed form, which is told; None with an error told.

    The error says what is there instead: files whose names begin alike, else what the folder holds.
    """
    place = Place(str(path))
    if there := existing(path):
        if there != path:
            problems.warn(place, "", "compressed file", "the file is not there", f"read {there.name}")
        return there
    if path.is_dir():
        problems.error(place, "", "missing file", "the file is a folder", "name the file")
        return None
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    beginning = path.absolute().relative_to(folder).parts[0].partition(".")[0]
    alike = [name for name in names if name.startswith(beginning)]
    message = f"the file does not exist; {folder.name} has {', '.join((alike or names)[:5]) or 'nothing'}"
    fix = f"write it as {path.name} (the layout is in docs/data.md)" if alike else "check its name"
    problems.error(place, "", "missing file", message, fix)
    return None


def tell_damaged(path: Path, name: str, error: Exception, problems: Problems) -> None:
    """One error for a file that cannot be read to its end."""
    closed = isinstance(error, OSError) and error.errno is not None
    what, fix = ("cannot be opened", "check its rights") if closed else ("is damaged", "fetch it again")
    problems.error(Place(name), "", "damaged file", f"{path.name} {what}: {error}", fix)


def _tell_unread(start: bytes, path: Path, name: str, problems: Problems, wide: bool) -> bool:
    """Whether a file that begins so is no text, with that told; `wide`: it may be UTF-16."""
    told = [UNREAD[mark] for mark in UNREAD if start.startswith(mark) and not (wide and mark in UTF16)]
    if not told and not wide and start.count(0) > len(start) // 10:
        told = [("binary, or UTF-16 without a byte order mark", "save it as UTF-8")]
    for what, fix in told[:1]:
        problems.error(Place(name), "", "unreadable file", f"the file is {what}", fix.format(name=path))
    return bool(told)


def _lines(file: Stream, path: Path, name: str, problems: Problems) -> Iterator[tuple[Place, str]]:
    only_damaged = False
    for number, raw in enumerate(file, start=1):
        place = Place(name, number)
        if number == 1 and raw.startswith(codecs.BOM_UTF8):
            problems.warn(place, "", "byte order mark", "the file begins with a byte order mark", "ignored")
            raw = raw[len(codecs.BOM_UTF8) :]
        raw = raw.removesuffix(b"\n")
        if raw.endswith(b"\r"):
            problems.warn(place, "", "CRLF line end", "the line ends in CRLF", "accepted")
            raw = raw[:-1]
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            if not only_damaged and _tell_encoding(path, place, error, problems):
                return
            only_damaged = True
            fix = "write the character again, as UTF-8"
            problems.error(place, "", "invalid UTF-8", f"{_bad_byte(error)} is not valid UTF-8", fix)
            continue
        if "\0" in line:
            message = f"byte {raw.index(0) + 1} of the line is NUL"
            problems.error(place, "", "NUL character", message, "remove it")
            continue
        yield place, line


def _bad_byte(error: UnicodeDecodeError) -> str:
    return f"byte {error.start + 1} of the line (0x{error.object[error.start]:02x})"


def _tell_encoding(path: Path, place: Place, error: UnicodeDecodeError, problems: Problems) -> bool:
    """Whether the file as a whole is in another encoding, with that told once; else some lines are damaged."""
    with unpacked(path) as file:
        sample = file.read(SAMPLE + 1)
    foreign = foreign_lines(sample) or [error.object]
    if 2 * sum(not is_utf8(line) for line in foreign) <= len(foreign):
        return False
    codec = guess_encoding(foreign)
    guess = f"; the file looks like {spoken_name(codec)}" if codec else ""
    message = f"{_bad_byte(error)} is not valid UTF-8{guess}"
    advice = f"save the file as UTF-8: iconv -f {codec or 'ITS_ENCODING'} -t UTF-8 {path} > NEW"
    problems.error(place, "", "invalid UTF-8", message, advice)
    return True


def read_json_lines(path: Path, problems: Problems) -> Iterator[Row]:
    """The JSON objects of a .jsonl file; other lines are errors, blank ones are noted.

    A file that is something else as a whole (an array, one document, a table) is one error.
    """
    lines = read_lines(path, problems)
    head = list(itertools.islice(lines, 5))
    if told := _no_json_lines([line.strip() for _, line in head if line.strip()], path):
        problems.error(Place(str(path)), "", "no JSON lines", f"the file is {told[0]}", told[1])
        return
    for place, line in itertools.chain(head, lines):
        if not line.strip():
            problems.warn(place, "", "blank line", "the line is blank", "skipped")
            continue
        row = parse_json(line, place, problems)
        if isinstance(row, dict):
            yield Row(row, place, problems)
        elif row is not None:
            message = f"expected an object {{...}}, found {type(row).__name__}"
            problems.error(place, "", "invalid JSON", message, "write one object per line")


def _no_json_lines(head: Sequence[str], path: Path) -> tuple[str, str] | None:
    """What a file with such first lines is instead, and what to do; None for JSON lines, perhaps with mistakes."""
    if not head:
        return None
    first, second = head[0], head[1] if len(head) > 1 else ""
    goes_on = first[-1] in "[{," and (len(first) > 1 or second.startswith('"'))
    if begins_array(first) or (first.startswith("{") and goes_on):
        what = "one JSON document over several lines" if first.startswith("{") else "a JSON array"
        convert = TO_LINES.format(read=f"read_json('{path}', dtype=False)")
        return what, f"write one object per line; an array: {convert}"
    if any(line.startswith("{") for line in head):
        return None
    for sign, word in (("\t", "TSV"), (";", "table with semicolons"), (",", "CSV")):
        if second and sign in first:
            convert = TO_LINES.format(read=f"read_csv('{path}', sep={sign!r}, dtype=str)")
            return f"a {word}, not JSON lines", f"`xlembed import table` reads it; or convert it: {convert}"
    return None


def begins_array(line: str) -> bool:
    """Whether an array of objects begins here; a line that is a list of other things is a mistake of its own."""
    try:
        value = json.loads(line)
    except ValueError:
        return line.startswith("[")
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def read_json(path: Path, problems: Problems) -> Any:
    """The value of a JSON file, or None with errors told."""
    lines = list(read_lines(path, problems))
    if str(path) in problems.unread_files:
        return None
    return parse_json("\n".join(line for _, line in lines), Place(str(path)), problems) if lines else None


def parse_json(text: str, place: Place, problems: Problems) -> Any:
    """The value, or None with an error told."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        at = place if place.line is not None else Place(place.file, error.lineno)
        message = f"invalid JSON at column {error.colno}: {error.msg}"
        problems.error(at, "", "invalid JSON", message, 'one JSON object per line, quotes escaped as \\"')
        return None
    except (ValueError, RecursionError) as error:
        problems.error(place, "", "invalid JSON", f"invalid JSON: {error}", "correct the line")
        return None
    if value is None:
        problems.error(place, "", "invalid JSON", "expected an object {...}, found null", "remove the line")
    return value
