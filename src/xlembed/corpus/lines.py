"""Text files as their lines, with what is wrong in the bytes told by line and byte."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlembed.corpus.checks import Place, Problems

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(path: Path, problems: Problems) -> Iterator[tuple[Place, str]]:
    """The lines of a file without their ends, each with its place; what is no UTF-8 text is an error.

    Byte order mark and CRLF are accepted and noted. A missing file is an error of its own.
    """
    name = str(path)
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        problems.error(Place(name), "", "missing file", f"the file {found}", "check its name")
        return
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            place = Place(name, number)
            if number == 1 and raw.startswith(UTF16):
                problems.error(place, "", "invalid UTF-8", "the file is UTF-16", "save it as UTF-8")
                return
            if number == 1 and raw.startswith(codecs.BOM_UTF8):
                problems.warn(
                    place, "", "byte order mark", "the file begins with a byte order mark", "ignored"
                )
                raw = raw[len(codecs.BOM_UTF8) :]
            raw = raw.removesuffix(b"\n")
            if raw.endswith(b"\r"):
                problems.warn(place, "", "CRLF line end", "the line ends in CRLF", "accepted")
                raw = raw[:-1]
            line = decode(raw, place, problems)
            if line is not None:
                yield place, line


def read_json_lines(path: Path, problems: Problems) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The JSON objects of a .jsonl file; other lines are errors, blank ones are noted."""
    for place, line in read_lines(path, problems):
        if not line.strip():
            problems.warn(place, "", "blank line", "the line is blank", "skipped")
            continue
        row = parse_json(line, place, problems)
        if isinstance(row, dict):
            yield place, row
        elif row is not None:
            message = f"expected an object {{...}}, found {type(row).__name__}"
            problems.error(place, "", "invalid JSON", message, "write one object per line")


def read_json(path: Path, problems: Problems) -> Any:
    """The value of a JSON file, or None with errors told."""
    lines = list(read_lines(path, problems))
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


def decode(raw: bytes, place: Place, problems: Problems) -> str | None:
    """Text of a line, or None with an error told; bytes are counted from 1."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not valid UTF-8"
        problems.error(place, "", "invalid UTF-8", message, "save the file as UTF-8")
        return None
    if "\0" in text:
        message = f"byte {raw.index(0) + 1} of the line is NUL"
        problems.error(place, "", "NUL character", message, "remove it; is the file UTF-16 or binary?")
        return None
    return text
