"""The resumable vector store: what was encoded once is never encoded again.

Layout below a root folder (`files.default_cache`), one folder per base fingerprint:

    FINGERPRINT/fingerprint.json       what the fingerprint stands for, readable
    FINGERPRINT/lock                   held while encoding
    FINGERPRINT/ROLE/NAME.npy          vectors of one shard, float32 or float16, shape (n, dim); of a model with a
                                       vector per token shape (rows, dim), a text's tokens one below the other
    FINGERPRINT/ROLE/NAME.npz          `tokens` of each text (see `truncation.measure_tokens`); may be missing
    FINGERPRINT/ROLE/NAME.index        one line of JSON (n, dim, dtype, bytes and sha256 of the vectors' file,
                                       sha256 of the keys; with a vector per token their counts, and rows), then n
                                       keys of 32 bytes in the order of the rows

A key is the sha256 of a text without prompt; NAME comes from the keys, so the same list of texts gets the
same name. Files are written under a temporary name, flushed and renamed, the index last: a shard without
index is not there. Readers take no lock.

What is checked: the index wholly and the size of the vectors' file for every shard, each time; the vectors'
checksum only for shards that hold a wanted text, once per process and state of the file (size, modification
time): one pass of sha256 over what would be read anyway.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import filelock
import numpy as np
from numpy.typing import NDArray

from xlembed.fields import SLUG
from xlembed.files import atomic_path, write_json
from xlembed.models.digest import file_digest
from xlembed.words import Role, UserError

log = logging.getLogger(__name__)

StorageDType = Literal["float32", "float16"]
Keys = NDArray[np.uint8]
"""uint8, shape (n, 32): sha256 of each text."""
Tokens = NDArray[np.int32]
"""int32, shape (n, 3): what is known of each text's tokens; -1 where nothing is."""
KEY_BYTES = 32
CHUNK_ROWS = 8192
"""Rows that are gathered at a time."""


def text_keys(texts: Sequence[str]) -> Keys:
    """The key of each text, in order; equal texts have equal keys."""
    digests = b"".join(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts)
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, KEY_BYTES)


def first_occurrences(keys: Keys) -> NDArray[np.int64]:
    """Positions at which a key is seen for the first time, ascending."""
    first: NDArray[np.int64] = np.unique(_sortable(keys), return_index=True)[1]
    return np.sort(first)


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished shard; `keys` in the order of its rows, or, with a vector per token, `counts` rows for each."""

    vectors: Path
    keys: Keys
    dim: int
    counts: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Damage:
    """A shard that cannot be used, why, and the keys it held if they can still be read."""

    name: str
    reason: str
    keys: Keys | None


@dataclass(frozen=True, slots=True)
class Located:
    """Where wanted texts lie: int64, shape (n,) each; shard -1 = not there."""

    shards: tuple[Shard, ...]
    shard_of: NDArray[np.int64]
    row_of: NDArray[np.int64]
    damaged: tuple[Damage, ...]

    @property
    def missing(self) -> NDArray[np.int64]:
        """Positions of the wanted texts that are not there, ascending."""
        return np.flatnonzero(self.shard_of < 0)


class StoredVectors:
    """Vectors of a list of texts in its order (repeated ones too), gathered from memory maps in chunks."""

    def __init__(self, located: Located, dim: int, dtype: np.dtype[Any]) -> None:
        self._located = located
        self.shape = (len(located.shard_of), dim)
        self.dtype = dtype

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[NDArray[Any]]:
        """Arrays of up to `rows` rows, in order, each a fresh copy.

        Raises:
            UserError: if a shard went away in the meantime.
        """
        for start in range(0, self.shape[0], rows):
            chunk = np.empty((min(rows, self.shape[0] - start), self.shape[1]), dtype=self.dtype)
            self._gather(start, chunk)
            yield chunk

    def load(self) -> NDArray[Any]:
        """All of it in memory, shape `shape`, dtype `dtype`."""
        whole = np.empty(self.shape, dtype=self.dtype)
        for start in range(0, self.shape[0], CHUNK_ROWS):
            self._gather(start, whole[start : start + CHUNK_ROWS])
        return whole

    def _gather(self, start: int, out: NDArray[Any]) -> None:
        """Fill `out` with the rows from `start` on."""
        shard_of = self._located.shard_of[start : start + len(out)]
        row_of = self._located.row_of[start : start + len(out)]
        # Maps are opened and closed again: each holds a file descriptor, and there may be thousands.
        for number in np.unique(shard_of):
            places = np.flatnonzero(shard_of == number)
            rows = row_of[places]
            vectors = open_vectors(self._located.shards[number].vectors)
            if _consecutive(places) and _consecutive(rows):  # corpus order: one copy instead of two
                out[places[0] : places[-1] + 1] = vectors[rows[0] : rows[-1] + 1]
            else:
                out[places] = vectors[rows]


FINISHED = "[!.]*.index"
"""Indexes of finished shards; one that is being written begins with a dot."""


class VectorStore:
    """Vectors of one base fingerprint, found by text and role.

    Args:
        root: the folder of all fingerprints; made when first needed.
        fingerprint: names the folder; it must cover all that determines a vector, `storage_dtype` too.
        storage_dtype: what is kept on disk.
        description: what the fingerprint stands for, written beside the vectors for people to read.

    Raises:
        ValueError: if the fingerprint cannot be a folder's name.
    """

    def __init__(
        self,
        root: Path,
        fingerprint: str,
        storage_dtype: StorageDType = "float32",
        description: Mapping[str, Any] | None = None,
    ) -> None:
        if not SLUG.fullmatch(fingerprint) or fingerprint.startswith("."):
            raise ValueError(f"fingerprint {fingerprint!r} cannot name a folder")
        self.folder = root / fingerprint
        self.fingerprint = fingerprint
        self.dtype = np.dtype(storage_dtype)
        self._description = description

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the fingerprint for writing; a second process waits here, and says so."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "lock"
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            log.warning("another process is encoding with this model; waiting until it is done (%s)", path)
            lock.acquire()
        try:
            description = self.folder / "fingerprint.json"
            if self._description is not None and not description.exists():
                write_json(description, self._description)
            yield
        finally:
            lock.release()

    def locate(self, role: Role, keys: Keys) -> Located:
        """Find texts by key (repeated keys are fine) and check what holds them; changes nothing.

        Raises:
            ValueError: if shards hold another number format than this store's.
        """
        wanted, inverse = np.unique(_sortable(keys), return_inverse=True)
        shard_of = np.full(len(wanted), -1, dtype=np.int64)
        row_of = np.full(len(wanted), -1, dtype=np.int64)
        shards: list[Shard] = []
        damaged: list[Damage] = []
        for index in sorted((self.folder / role).glob(FINISHED)):
            try:
                shard, digest = self._read_index(index)
            except FileNotFoundError:  # deleted meanwhile by a process that encodes it again
                continue
            if isinstance(shard, Damage):
                damaged.append(shard)
                continue
            held = _sortable(shard.keys)
            places = np.searchsorted(wanted, held)
            rows = np.flatnonzero(places < len(wanted))
            rows = rows[wanted[places[rows]] == held[rows]]
            if not len(rows):
                continue
            if _digest_or_none(shard.vectors) != digest:
                reason = "its vectors were altered (the checksum differs)"
                damaged.append(Damage(index.stem, reason, shard.keys))
                continue
            shard_of[places[rows]] = len(shards)
            row_of[places[rows]] = rows
            shards.append(shard)
        return Located(tuple(shards), shard_of[inverse], row_of[inverse], tuple(damaged))

    def read(self, role: Role, texts: Sequence[str]) -> StoredVectors:
        """The vectors of texts that were encoded, in their order.

        Of an empty list, the dimension is 0.

        Raises:
            UserError: if a text is not in the store, or its shard is damaged.
        """
        located = self.locate(role, text_keys(texts))
        if len(located.missing):
            example = texts[located.missing[0]][:60]
            reasons = "".join(f"; shard {damage.name}: {damage.reason}" for damage in located.damaged)
            raise UserError(
                f"{len(located.missing):,} of {len(texts):,} {role} texts have no vector in {self.folder}, "
                f"the first is {example!r}{reasons}. Run xlembed encode."
            )
        dims = {shard.dim for shard in located.shards}
        if len(dims) > 1:
            raise ValueError(f"{self.folder} holds vectors of {sorted(dims)} dimensions: it should be one")
        return StoredVectors(located, dims.pop() if dims else 0, self.dtype)

    def write(self, role: Role, keys: Keys, vectors: NDArray[Any], tokens: Tokens | None = None) -> None:
        """Make one shard durable; hold the lock. Rounded to the storage dtype.

        Args:
            role: the role the texts were encoded in.
            keys: the texts' keys, each once, shape (n, 32).
            vectors: shape (n, dim), in the order of the keys; or (n,), of each text an array of shape (tokens, dim).
            tokens: likewise, shape (n, 3).
        """
        per_token = vectors.dtype == object
        whole = np.concatenate(list(vectors)) if per_token else vectors
        array = np.ascontiguousarray(whole, dtype=self.dtype)
        header = npy_header(array.shape, array.dtype)
        digest = hashlib.sha256(header)
        digest.update(array.data)
        entry = {
            "n": len(keys),
            "dim": array.shape[1],
            "dtype": str(self.dtype),
            "bytes": len(header) + array.nbytes,
            "vectors_sha256": digest.hexdigest(),
            "keys_sha256": hashlib.sha256(keys.tobytes()).hexdigest(),
            **({"counts": [len(part) for part in vectors], "rows": len(array)} if per_token else {}),
        }
        name = str(entry["keys_sha256"])[:32]
        with atomic_path(self.folder / role / f"{name}.npy") as path, path.open("wb") as file:
            file.write(header)
            file.write(array.data)
        if tokens is not None:
            _write_tokens(self.folder / role / f"{name}.npz", tokens)
        with atomic_path(self.folder / role / f"{name}.index") as path:
            path.write_bytes(json.dumps(entry, sort_keys=True).encode() + b"\n" + keys.tobytes())

    def read_tokens(self, located: Located) -> Tokens:
        """Tokens of located texts, shape (n, 3); -1 where a text is missing or nothing is known."""
        found = np.full((len(located.shard_of), 3), -1, dtype=np.int32)
        for number, shard in enumerate(located.shards):
            places = np.flatnonzero(located.shard_of == number)
            found[places] = _tokens_of(shard)[located.row_of[places]]
        return found

    def add_tokens(self, located: Located, tokens: Tokens) -> None:
        """Remember tokens of located texts where nothing was known; hold the lock."""
        for number, shard in enumerate(located.shards):
            places = np.flatnonzero(located.shard_of == number)
            known = _tokens_of(shard)
            if (known[located.row_of[places]] < 0).any():
                known[located.row_of[places]] = tokens[places]
                _write_tokens(shard.vectors.with_suffix(".npz"), known)

    def clean(self, role: Role, damaged: Sequence[Damage]) -> None:
        """Delete damaged shards and what killed processes left half written; hold the lock."""
        folder = self.folder / role
        for damage in damaged:
            (folder / f"{damage.name}.index").unlink(missing_ok=True)
        for path in folder.glob("*"):
            # Temporary files begin with a dot; vectors and tokens without index belong to no shard.
            orphan = path.suffix in (".npy", ".npz") and not path.with_suffix(".index").exists()
            if orphan or path.name.startswith("."):
                path.unlink(missing_ok=True)

    def _read_index(self, index: Path) -> tuple[Shard | Damage, str]:
        """A shard and the checksum of its vectors, or what is wrong with it."""
        line, _, raw = index.read_bytes().partition(b"\n")
        try:
            entry = json.loads(line)
            n, dim, size = int(entry["n"]), int(entry["dim"]), int(entry["bytes"])
            dtype, digest, keys_digest = entry["dtype"], str(entry["vectors_sha256"]), entry["keys_sha256"]
            counts = np.array(entry["counts"], dtype=np.int64) if "counts" in entry else None
            if counts is not None and (len(counts), counts.sum()) != (n, entry["rows"]):
                raise ValueError("tokens and rows differ")
        except (ValueError, KeyError, TypeError):
            return Damage(index.stem, "its index is not readable", None), ""
        if len(raw) != n * KEY_BYTES or hashlib.sha256(raw).hexdigest() != keys_digest:
            return Damage(index.stem, "its index is truncated or was altered", None), ""
        if dtype != str(self.dtype):
            raise ValueError(f"{index} holds {dtype}, expected {self.dtype}: a fingerprint covers the dtype")
        keys = np.frombuffer(raw, dtype=np.uint8).reshape(n, KEY_BYTES)
        vectors = index.with_suffix(".npy")
        try:
            found = vectors.stat().st_size
        except FileNotFoundError:
            return Damage(index.stem, "its vectors are missing", keys), ""
        if found != size:
            reason = f"its vectors are truncated ({found:,} bytes, expected {size:,})"
            return Damage(index.stem, reason, keys), ""
        return Shard(vectors, keys, dim, counts), digest


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """The bytes before the numbers in a .npy file of C order."""
    buffer = io.BytesIO()
    description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


def _digest_or_none(path: Path) -> str | None:
    try:
        return file_digest(path)
    except FileNotFoundError:
        return None


def _write_tokens(path: Path, tokens: Tokens) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, tokens=np.asarray(tokens, dtype=np.int32))


def _tokens_of(shard: Shard) -> Tokens:
    """As remembered; nothing is known where the file is missing or damaged (its format has a checksum)."""
    unknown = np.full((len(shard.keys), 3), -1, dtype=np.int32)
    try:
        with np.load(shard.vectors.with_suffix(".npz"), allow_pickle=False) as file:
            tokens: Tokens = file["tokens"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return unknown
    return tokens if tokens.shape == unknown.shape and tokens.dtype == unknown.dtype else unknown


def open_vectors(path: Path) -> NDArray[Any]:
    """A shard's vectors, memory-mapped.

    Raises:
        UserError: if it went away.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} went away while it was read ({error}): run xlembed encode") from None
    return array


def _consecutive(positions: NDArray[np.int64]) -> bool:
    return bool((np.diff(positions) == 1).all())


def _sortable(keys: Keys) -> NDArray[np.bytes_]:
    """Keys as byte strings, which numpy sorts and searches (zero bytes at the end do no harm)."""
    return np.ascontiguousarray(keys).view(f"S{KEY_BYTES}").ravel()
