"""Files that may be packed: the one place that knows by what, and unpacks them while they are read."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

SUFFIXES = (".gz",)
"""What a packed file's name ends in."""

DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
"""What unpacking raises for a damaged file."""

_GZIP = b"\x1f\x8b"

Stream = BufferedReader | gzip.GzipFile
"""Bytes that can be read, peeked at and gone through by line."""


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Stream]:
    """The bytes of a file, unpacked if its first bytes say so, whatever its name.

    Raises:
        OSError: it cannot be opened; reading on raises one of `DAMAGED` for a damaged file.
    """
    with path.open("rb") as file:
        yield gzip.GzipFile(fileobj=file) if file.peek(2).startswith(_GZIP) else file


def unpacked_name(path: Path) -> Path:
    """The name without what packing adds.

    >>> unpacked_name(Path("a/shop.de.csv.gz")).name
    'shop.de.csv'
    """
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def existing(path: Path) -> Path | None:
    """The file itself, or its packed form beside it; None when neither is there."""
    return next((p for p in (path, *(Path(f"{path}{end}") for end in SUFFIXES)) if p.is_file()), None)
