"""The finished table of one task and model, in corpus order; the same inputs give the same bytes.

    documents.npy, queries.npy                 float32 or float16, shape (n, dim), memory-mappable
    document_ids.json, query_ids.json          a list of ids in the order of the rows
    manifest.json                              what the caller says (task digest, fingerprint ...),
                                               `base_fingerprint`, `dim`, `dtype`,
                                               `postprocessing` if there is any (see `describe_steps`),
                                               `files`: name -> bytes, sha256

Files are made in a new folder that takes the old one's place, and are never opened for writing afterwards:
DVC may have made them read-only or linked them to its cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings.derive import checked_dim, derive
from xlembed.embeddings.store import StoredVectors, VectorStore, npy_header
from xlembed.files import atomic_folder, write_json
from xlembed.models.digest import file_digest
from xlembed.models.postprocess import Fitted, Parallel, fit
from xlembed.models.removal import Step
from xlembed.words import Lang, Role, UserError, Vectors

MANIFEST = "manifest.json"
OWN_KEYS = frozenset({"format", "base_fingerprint", "dim", "dtype", "postprocessing", "files"})
"""Manifest keys that the export writes itself."""


@dataclass(frozen=True, slots=True)
class TextList:
    """The texts of one role in corpus order, each with its id, and with its language where vectors depend on it."""

    ids: Sequence[str]
    texts: Sequence[str]
    langs: Sequence[Lang] = ()

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
    steps: Sequence[Step] = (),
    pairs: Mapping[str, Parallel] | None = None,
    manifest: Mapping[str, Any],
) -> bool:
    """Write the export, unless exactly this one is there and whole; nothing is touched then.

    Vectors pass through memory chunk by chunk. Without `dim` and `steps` they are the stored ones, bit for bit; else
    they are truncated, post-processed and normalised again, then rounded to the storage dtype.

    Args:
        folder: embeddings/TASK/MODEL.
        documents: ids and final texts, all of them encoded.
        queries: likewise.
        store: holds their base vectors.
        dim: dimensions kept; None keeps all.
        steps: post-processing after the cut, fitted on `documents` or `pairs`; both lists need languages then.
        pairs: set of translations -> its vectors, cut likewise.
        manifest: what else identifies the export (task digest, derived fingerprint ...): JSON values; no
            dates, hosts, timings or absolute paths.

    Returns:
        Whether something was written.

    Raises:
        UserError: if a text is not in the store, `dim` is larger than its vectors, or `steps` cannot be fitted.
        ValueError: if `manifest` uses a key that the export writes itself, dimensions differ by role, or `steps` lack
            languages.
    """
    if taken := OWN_KEYS & manifest.keys():
        raise ValueError(f"manifest keys {sorted(taken)} are written by the export itself")
    stored = [store.read(Role.DOCUMENT, documents.texts), store.read(Role.QUERY, queries.texts)]
    dims = {vectors.shape[1] for vectors in stored if vectors.shape[0]}
    if len(dims) != 1:
        raise ValueError(f"documents and queries must have vectors of one dimension, found {sorted(dims)}")
    width = checked_dim(dims.pop(), dim)
    fitted = fit_stored(stored[0], documents.langs, dim, steps, pairs) if steps else None
    tables = {
        name: _Table(vectors, width, _derivation(dim, fitted, texts.langs))
        for name, vectors, texts in (
            ("documents.npy", stored[0], documents),
            ("queries.npy", stored[1], queries),
        )
    }
    lists = {"document_ids.json": _id_list(documents.ids), "query_ids.json": _id_list(queries.ids)}
    entry: dict[str, Any] = {
        **json.loads(json.dumps(manifest)),
        "format": 1,
        "base_fingerprint": store.fingerprint,
        "dim": width,
        "dtype": str(store.dtype),
    }
    if fitted:
        entry["postprocessing"] = describe_steps(fitted, documents.langs, queries.langs)
    if _is_there(folder, entry, lists, tables):
        return False
    _write(folder, entry, lists, {name: table.parts() for name, table in tables.items()})
    return True


def write_given(
    folder: Path,
    documents: Vectors,
    queries: Vectors,
    ids: Mapping[Role, Sequence[str]],
    manifest: Mapping[str, Any],
) -> None:
    """Write vectors that were made elsewhere in the form of an export.

    Args:
        folder: that is written, or replaced.
        documents: float32, shape (n, dim), of unit length or zeros.
        queries: likewise.
        ids: of both, in the order of the rows.
        manifest: as of `export`.
    """
    lists = {"document_ids.json": _id_list(ids[Role.DOCUMENT]), "query_ids.json": _id_list(ids[Role.QUERY])}
    entry = {**manifest, "format": 1, "dim": documents.shape[1], "dtype": "float32"}
    both = {"documents.npy": documents, "queries.npy": queries}
    _write(folder, entry, lists, {name: _array_parts(vectors) for name, vectors in both.items()})


def _array_parts(vectors: Vectors) -> Iterator[bytes | memoryview]:
    whole = np.ascontiguousarray(vectors, dtype=np.float32)
    yield npy_header((whole.shape[0], whole.shape[1]), whole.dtype)
    yield whole.data.cast("B")


def _write(
    folder: Path,
    entry: Mapping[str, Any],
    lists: Mapping[str, bytes],
    tables: Mapping[str, Iterator[bytes | memoryview]],
) -> None:
    with atomic_folder(folder) as temporary:
        files = {}
        for name, parts in tables.items():
            with (temporary / name).open("xb") as file:
                files[name] = _entry_of(_written(parts, file.write))
        for name, content in lists.items():
            (temporary / name).write_bytes(content)
            files[name] = _entry_of([content])
        write_json(temporary / MANIFEST, {**entry, "files": files})


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


def fit_stored(
    vectors: StoredVectors,
    langs: Sequence[Lang],
    dim: int | None,
    steps: Sequence[Step],
    pairs: Mapping[str, Parallel] | None = None,
) -> Fitted:
    """Statistics of stored documents, cut to `dim` first; they pass through memory chunk by chunk.

    Raises:
        UserError: as `postprocess.fit`, and if `dim` is larger than the vectors.
        ValueError: if there is not one language per document.
    """
    return fit(lambda: (derive(chunk, dim) for chunk in vectors.chunks()), langs, steps, pairs)


def describe_steps(fitted: Fitted, doc_langs: Sequence[Lang], query_langs: Sequence[Lang]) -> dict[str, Any]:
    """What the manifest says of post-processing.

    Returns:
        `steps`: names in order; `documents`: whose vectors the statistics are of; `by_declared_language`: whether a
        vector's language decides what happens to it; `pooled`: step -> languages that take the statistics of all
        documents, having too few of their own; `unpaired`, where there is any: step -> languages that are left as they
        are, having no pairs.
    """
    unpaired = fitted.pooled([*doc_langs, *query_langs], on_pairs=True)
    return {
        "steps": [step.step.name for step in fitted.steps],
        "documents": fitted.n_documents,
        "by_declared_language": any(step.step.by_language for step in fitted.steps),
        "pooled": fitted.pooled([*doc_langs, *query_langs]),
        **({"unpaired": unpaired} if unpaired else {}),
    }


Derivation = Callable[[NDArray[np.floating], int], NDArray[np.floating]]
"""Rows of a table and the place of the first of them -> what they become."""


def _derivation(dim: int | None, fitted: Fitted | None, langs: Sequence[Lang]) -> Derivation | None:
    """None where vectors stay as they are stored."""
    if fitted is not None:
        return lambda chunk, start: fitted.apply(derive(chunk, dim), langs[start : start + len(chunk)])
    return None if dim is None else lambda chunk, _: derive(chunk, dim)


class _Table:
    """One file of vectors as a stream of bytes."""

    def __init__(self, stored: StoredVectors, dim: int, derivation: Derivation | None) -> None:
        self._stored = stored
        self._derivation = derivation
        self._header = npy_header((stored.shape[0], dim), stored.dtype)

    def parts(self) -> Iterator[bytes | memoryview]:
        yield self._header
        start = 0
        for chunk in self._stored.chunks():
            n_rows = len(chunk)
            if self._derivation:
                chunk = self._derivation(chunk, start).astype(self._stored.dtype, copy=False)
            start += n_rows
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
    files = manifest.get("files") if isinstance(manifest, dict) else None
    whole = isinstance(files, dict) and all(
        isinstance(entry, dict) and {"bytes", "sha256"} <= entry.keys() for entry in files.values()
    )
    return manifest if whole else None


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
