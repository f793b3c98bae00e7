"""Shards of the store to another place and back: what one machine encoded, another need not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from xlembed.files import atomic_path
from xlembed.words import UserError

SUFFIXES = (".json", ".npy", ".npz", ".index")
"""Files of the store in the order of copying: a shard without index is not there, so that comes last."""

Told = Callable[[str, int, int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Moved:
    """Files and bytes that were copied, and files that were there already."""

    files: int
    size: int
    present: int


def push(store: Path, url: str, told: Told) -> Moved:
    """Copy to an fsspec address what is not there in the same size.

    Raises:
        UserError: the address cannot be used, or the store is empty.
    """
    files = {str(path.relative_to(store).as_posix()): path.stat().st_size for path in _files(store)}
    if not files:
        raise UserError(f"{store} has no vectors: encode something first (xlembed encode)")

    def put(fs: Any, base: str, name: str) -> None:
        fs.makedirs(str(PurePosixPath(base, name).parent), exist_ok=True)
        fs.put_file(str(store / name), str(PurePosixPath(base, name)))

    return _copy(url, files, lambda fs, base: _listed(fs, base), put, told)


def pull(store: Path, url: str, told: Told) -> Moved:
    """Copy from an fsspec address what the store lacks; a copy that breaks off leaves no file that looks whole.

    Raises:
        UserError: the address cannot be used, or holds no store.
    """
    here = {str(path.relative_to(store).as_posix()): path.stat().st_size for path in _files(store)}

    def get(fs: Any, base: str, name: str) -> None:
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(store / name) as temporary:
            fs.get_file(str(PurePosixPath(base, name)), str(temporary))

    there = _at(url, _listed)
    if not there:
        raise UserError(f"{url} holds no vectors: push them there first (xlembed store push)")
    return _copy(url, there, lambda fs, base: here, get, told)


def _copy(
    url: str,
    files: dict[str, int],
    present: Callable[[Any, str], dict[str, int]],
    copy: Callable[[Any, str, str], None],
    told: Told,
) -> Moved:
    def all_of_them(fs: Any, base: str) -> Moved:
        known = present(fs, base)
        wanted = sorted(
            (name for name, size in files.items() if known.get(name) != size),
            key=lambda name: (PurePosixPath(name).parent, SUFFIXES.index(PurePosixPath(name).suffix), name),
        )
        for number, name in enumerate(wanted, 1):
            copy(fs, base, name)
            told("files", number, len(wanted))
        return Moved(len(wanted), sum(files[name] for name in wanted), len(files) - len(wanted))

    return _at(url, all_of_them)


def _at(url: str, job: Callable[[Any, str], T]) -> T:
    """What a job does at an address.

    Raises:
        UserError: says what the address's file system answered.
    """
    import fsspec  # only for addresses

    try:
        fs, base = fsspec.core.url_to_fs(url)
        return job(fs, base)
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"{url}: {error}") from error


def _listed(fs: Any, base: str) -> dict[str, int]:
    """Files of a store below an address, by their place in it, with their sizes."""
    if not fs.exists(base):
        return {}
    found = fs.find(base, detail=True)
    sizes = {
        str(PurePosixPath(name).relative_to(PurePosixPath(base))): of["size"] for name, of in found.items()
    }
    return {name: size for name, size in sizes.items() if PurePosixPath(name).suffix in SUFFIXES}


def _files(store: Path) -> Iterator[Path]:
    return (path for path in store.rglob("[!.]*") if path.is_file() and path.suffix in SUFFIXES)
