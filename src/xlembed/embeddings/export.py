"""The finished table of one task and model, in corpus order; the same inputs give the same bytes.

    documents.npy, queries.npy                 float32 or float16, shape (n, dim), memory-mappable
    document_ids.json, query_ids.json          a list of ids in the order of the rows
    manifest.json                              what the caller says (task digest, fingerprint ...),
                                               `base_fingerprint`, `dim`, `dtype`,
                                               `files`: name -> bytes, sha256

Files are made in a new folder that takes the old one's place, and are never opened for writing afterwards:
DVC may have made them read-only or linked them to its cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings.derive import checked_dim, derive
from xlembed.embeddings.store import StoredVectors, VectorStore, npy_header
from xlembed.files import atomic_folder, write_json
from xlembed.models.digest import file_digest
from xlembed.types import Role, UserError

MANIFEST = "manifest.json"
OWN_KEYS = frozenset({"format", "base_fingerprint", "dim", "dtype", "files"})
"""Manifest keys that the export writes itself."""


@dataclass(frozen=True, slots=True)
class TextList:
    """The texts of one role in corpus order, each with its id."""

    ids: Sequence[str]
    texts: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.texts):
            raise ValueError(f"{len(self.ids)} ids and {len(self.texts)} texts must be one each")
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("ids must be different from each other")


@dataclass(frozen=True, slots=True)
class Embeddings:
    """A finished export; vectors are read-only memory maps, shape (n, dim), rows in the order of the ids.

    Rows are of unit length (float16: up to rounding) or zeros.
    """

    documents: NDArray[np.floating]
    queries: NDArray[np.floating]
    doc_ids: tuple[str, ...]
    query_ids: tuple[str, ...]
    manifest: Mapping[str, Any]


def export(
    folder: Path,
    documents: TextList,
    queries: TextList,
    store: VectorStore,
    *,
    dim: int | None = None,
    manifest: Mapping[str, Any],
) -> bool:
    """Write the export, unless exactly this one is there and whole; nothing is touched then.

    Vectors pass through memory chunk by chunk. Without `dim` they are the stored ones, bit for bit; with it
    they are truncated and normalised again, then rounded to the storage dtype.

    Args:
        folder: embeddings/TASK/MODEL.
        documents: ids and final texts, all of them encoded.
        queries: likewise.
        store: holds their base vectors.
        dim: dimensions kept; None keeps all.
        manifest: what else identifies the export (task digest, derived fingerprint ...): JSON values; no
            dates, hosts, timings or absolute paths.

    Returns:
        Whether something was written.

    Raises:
        UserError: if a text is not in the store, or `dim` is larger than its vectors.
        ValueError: if `manifest` uses a key that the export writes itself, or dimensions differ by role.
    """
    if taken := OWN_KEYS & manifest.keys():
        raise ValueError(f"manifest keys {sorted(taken)} are written by the export itself")
    stored = [store.read(Role.DOCUMENT, documents.texts), store.read(Role.QUERY, queries.texts)]
    dims = {vectors.shape[1] for vectors in stored if vectors.shape[0]}
    if len(dims) != 1:
        raise ValueError(f"documents and queries must have vectors of one dimension, found {sorted(dims)}")
    width = checked_dim(dims.pop(), dim)
    tables = {
        "documents.npy": _Table(stored[0], width, derived=dim is not None),
        "queries.npy": _Table(stored[1], width, derived=dim is not None),
    }
    lists = {"document_ids.json": _id_list(documents.ids), "query_ids.json": _id_list(queries.ids)}
    entry: dict[str, Any] = {
        **json.loads(json.dumps(manifest)),
        "format": 1,
        "base_fingerprint": store.fingerprint,
        "dim": width,
        "dtype": str(store.dtype),
    }
    if _is_there(folder, entry, lists, tables):
        return False
    with atomic_folder(folder) as temporary:
        files = {}
        for name, table in tables.items():
            with (temporary / name).open("xb") as file:
                files[name] = _entry_of(_written(table.parts(), file.write))
        for name, content in lists.items():
            (temporary / name).write_bytes(content)
            files[name] = _entry_of([content])
        write_json(temporary / MANIFEST, {**entry, "files": files})
    return True


def load_export(folder: Path) -> Embeddings:
    """Open a finished export. Sizes are checked each time, checksums once per process and state of a file.

    Raises:
        UserError: if it is missing, truncated or altered.
    """
    manifest = _read_manifest(folder)
    if manifest is None:
        raise UserError(
            f"{folder} holds no finished embeddings ({MANIFEST} missing or not readable): run xlembed encode"
        )
    if problem := _problem(folder, manifest):
        raise UserError(f"{folder}: {problem}. Run xlembed encode (or dvc checkout, if DVC holds it).")
    return Embeddings(
        documents=np.load(folder / "documents.npy", mmap_mode="r", allow_pickle=False),
        queries=np.load(folder / "queries.npy", mmap_mode="r", allow_pickle=False),
        doc_ids=tuple(json.loads((folder / "document_ids.json").read_bytes())),
        query_ids=tuple(json.loads((folder / "query_ids.json").read_bytes())),
        manifest=manifest,
    )


class _Table:
    """One file of vectors as a stream of bytes."""

    def __init__(self, stored: StoredVectors, dim: int, derived: bool) -> None:
        self._stored = stored
        self._derived = derived
        self._dim = dim
        self._header = npy_header((stored.shape[0], dim), stored.dtype)

    def parts(self) -> Iterator[bytes | memoryview]:
        yield self._header
        for chunk in self._stored.chunks():
            if self._derived:
                chunk = derive(chunk, self._dim).astype(self._stored.dtype, copy=False)
            yield chunk.data.cast("B")


def _is_there(
    folder: Path, entry: Mapping[str, Any], lists: Mapping[str, bytes], tables: Mapping[str, _Table]
) -> bool:
    """Whether `folder` holds this very export; cheap comparisons first."""
    found = _read_manifest(folder)
    if found is None or {k: v for k, v in found.items() if k != "files"} != entry:
        return False
    if any(found["files"].get(name) != _entry_of([content]) for name, content in lists.items()):
        return False
    if _problem(folder, found):
        return False
    return all(found["files"][name] == _entry_of(table.parts()) for name, table in tables.items())


def _problem(folder: Path, manifest: Mapping[str, Any]) -> str | None:
    """What is wrong with the files of an export, in words."""
    for name in ("documents.npy", "queries.npy", "document_ids.json", "query_ids.json"):
        expected = manifest.get("files", {}).get(name)
        if expected is None:
            return f"{MANIFEST} does not list {name}"
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if (size := path.stat().st_size) != expected["bytes"]:
            return f"{name} is truncated or overwritten ({size:,} bytes, expected {expected['bytes']:,})"
        if file_digest(path) != expected["sha256"]:
            return f"{name} was altered (its checksum differs from {MANIFEST})"
    return None


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and isinstance(manifest.get("files"), dict) else None


def _id_list(ids: Sequence[str]) -> bytes:
    return json.dumps(list(ids), ensure_ascii=False, indent=0).encode() + b"\n"


def _written(parts: Iterator[bytes | memoryview], write: Any) -> Iterator[bytes | memoryview]:
    for part in parts:
        write(part)
        yield part


def _entry_of(parts: Any) -> dict[str, Any]:
    """Size and sha256 of a stream, as the manifest lists them."""
    digest = hashlib.sha256()
    size = 0
    for part in parts:
        digest.update(part)
        size += len(part)
    return {"bytes": size, "sha256": digest.hexdigest()}
