"""What the system refused, as one message: which path, what is safe, how to go on."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

from xlembed.files import FULL, default_cache, error_number

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
BLOCKED = frozenset({errno.ENOTDIR, errno.EEXIST})
FULL_BELOW_BYTES = 2**20
"""Writers that fail without the system's word for it (torch) are believed to have had no room."""


def explain(error: Exception) -> str | None:
    """A message for the user, or None for an error that is ours."""
    number, path = error_number(error), _path_of(error)
    if number in FULL or _fullest()[1] < FULL_BELOW_BYTES:
        return _no_room(number, path, error)
    if not isinstance(error, OSError):
        return None
    if path is None or error.errno is None:
        return f"{type(error).__name__}: {error}"
    said = os.strerror(error.errno)
    if error.errno in FORBIDDEN:
        return f"{path}: {said}. Make it readable and writable{_or_choose(path)}, then run the same command again"
    if error.errno in BLOCKED and (file := _file_in_the_way(path)) is not None:
        return f"{path}: expected a folder, found the file {file}. Move it away{_or_choose(file)}"
    if error.errno == errno.EISDIR:
        return f"{path}: expected a file, found a folder. Move it away{_or_choose(path)}"
    return f"{path}: {said}"


def _no_room(number: int | None, path: Path | None, error: Exception) -> str:
    if number == errno.EFBIG:
        said = f"{path or 'a file'} may not grow so large: a limit of the system (ulimit -f) or of its disk"
        return f"{said}. {_kept()}. Lift the limit{_or_choose(path)}, then run the same command again"
    place, free = (path, _free(path)) if path is not None else _fullest()
    why = os.strerror(number) if number in FULL else f"{type(error).__name__}: {error}"
    said = f"no room on the disk of {place} ({why}; {free / 2**20:,.0f} MB free)"
    return f"{said}. {_kept()}. Make room{_or_choose(place)}, then run the same command again"


def _kept() -> str:
    return "What was finished before is kept, nothing is left half written"


def _path_of(error: Exception) -> Path | None:
    """The file meant; of a copy, what was written."""
    current: BaseException | None = error
    while current is not None and not isinstance(current, OSError):
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    named = (current.filename2 or current.filename) if current is not None else None
    return Path(os.fsdecode(named)) if isinstance(named, str | bytes | os.PathLike) else None


def _fullest() -> tuple[Path, int]:
    """Of the places that are written to, the one whose disk has least room."""
    places = [Path.cwd(), default_cache(), Path(tempfile.gettempdir())]
    return min(((place, _free(place)) for place in places), key=lambda found: found[1])


def _free(path: Path) -> int:
    """Bytes free where `path` is or would be."""
    there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    return shutil.disk_usage(there).free


def _file_in_the_way(path: Path) -> Path | None:
    return next((p for p in (path, *path.parents) if p.exists() and not p.is_dir()), None)


def _or_choose(path: Path | None) -> str:
    """The setting that moves this kind of file elsewhere."""
    if path is None:
        return ""
    if path.absolute().is_relative_to(default_cache().absolute()):
        return ", or name another folder in XLEMBED_CACHE"
    inside = path.absolute().is_relative_to(Path.cwd())
    if not inside and path.absolute().is_relative_to(Path(tempfile.gettempdir()).absolute()):
        return ", or name another folder in TMPDIR"
    return ", or write elsewhere with --out FOLDER"
