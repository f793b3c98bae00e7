"""Files that may be packed: the one place that knows by what, and unpacks them while they are read."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

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
