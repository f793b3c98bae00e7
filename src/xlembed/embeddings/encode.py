"""Encode what the store lacks, shard by shard."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings.batching import Positions, plan_batches
from xlembed.embeddings.memory import peak_mb, reset_peak
from xlembed.embeddings.store import Damage, Keys, Tokens, VectorStore, first_occurrences, text_keys
from xlembed.embeddings.truncation import measure_tokens
from xlembed.models.encoder import AnyEncoder, OutOfMemory
from xlembed.words import Role, UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far encoding has come, after each batch; `str()` is a line for people."""

    n_done: int
    n_total: int
    texts_per_second: float
    seconds_left: float

    def __str__(self) -> str:
        left = time.strftime("%H:%M:%S", time.gmtime(round(self.seconds_left)))
        return f"{self.n_done:,}/{self.n_total:,} texts, {self.texts_per_second:,.1f} texts/s, {left} left"


@dataclass(frozen=True, slots=True)
class EncodeReport:
    """What one call did.

    Tokens, truncation, zeros, time and memory are of the texts encoded now, not of reused ones.
    """

    n_texts: int
    n_unique: int
    n_encoded: int
    n_reused: int
    """Unique texts whose vectors were there already."""
    n_tokens: int
    """After truncation, with prompts and special tokens."""
    n_truncated: int
    """Texts longer than the model's maximum length."""
    n_zero: int
    """Vectors of zeros: texts without any known token."""
    seconds: float
    """Tokenising and computing; without loading the model, waiting for the lock and writing."""
    texts_per_second: float | None
    """None if nothing was encoded; likewise below."""
    tokens_per_second: float | None
    device: str | None
    peak_memory_mb: float | None
    """While encoding, the loaded model included, in 10^6 bytes: what torch allocated on a CUDA device;
    elsewhere this process's resident size (other systems than Linux count since its start)."""
    oom_halvings: int
    batch_tokens: int
    """The budget at the end: what was asked, or what halving left of it."""


def encode_texts(
    load_encoder: Callable[[], AnyEncoder],
    texts: Sequence[str],
    role: Role,
    store: VectorStore,
    *,
    batch_tokens: int = 16_384,
    shard_size: int = 1024,
    progress: Callable[[Progress], None] | None = None,
) -> EncodeReport:
    """Make sure that the store holds a vector for each text; each different text is encoded at most once.

    Missing texts are cut into shards in order and each shard into batches on its own, so a run that was
    killed goes on with the same batches as if nothing had happened, and gives the same bits. A damaged shard
    is reported, deleted and its own list encoded again, as one shard. Another `batch_tokens` or `shard_size`,
    running out of memory, or texts inserted later can change last bits of *new* vectors (batch shapes
    differ); stored ones never change.

    Args:
        load_encoder: called at most once, and only if something is missing.
        texts: final texts without prompt; repeated ones are fine; empty is fine.
        role: decides prompt, adapter and the part of the store.
        store: where vectors are found and kept; locked while something is encoded.
        batch_tokens: padded tokens of one batch; halved, and left halved, when memory runs out.
        shard_size: texts that become durable together; at most so many are lost by a kill.
        progress: called after each batch.

    Raises:
        UserError: if the model gives NaN, infinity or a wrong shape, or one text alone does not fit into
            memory. Shards finished before that are kept, as they are after Ctrl-C.
    """
    if shard_size < 1:
        raise ValueError(f"shard_size must be at least 1, found {shard_size}")
    keys = text_keys(texts)
    first = first_occurrences(keys)
    wanted = keys[first]
    work: _Work | None = None
    if len(store.locate(role, wanted).missing):
        with store.lock():
            # Another process may have encoded them while this one waited.
            located = store.locate(role, wanted)
            if len(located.missing):
                for bad in located.damaged:
                    log.warning("%s shard %s: %s; its texts are encoded again", role, bad.name, bad.reason)
                store.clean(role, located.damaged)
                missing = located.missing
                log.info("%d of %d %s texts are to be encoded", len(missing), len(wanted), role)
                shards = _plan_shards(wanted, missing, located.damaged, shard_size)
                work = _Work(load_encoder(), role, batch_tokens, len(missing), progress)
                for shard in shards:
                    vectors, tokens = work.encode(texts, first[shard], store.dtype)
                    store.write(role, wanted[shard], vectors, tokens)
    return _report(len(texts), len(first), work, batch_tokens)


def _plan_shards(
    wanted: Keys, missing: Positions, damaged: Sequence[Damage], shard_size: int
) -> list[Positions]:
    """Missing positions by shard: a damaged shard as it was, if all of it is wanted; the others in order."""
    shards: list[Positions] = []
    readable = [bad.keys for bad in damaged if bad.keys is not None]
    position_of = {wanted[i].tobytes(): int(i) for i in missing} if readable else {}
    for keys in readable:
        names = [key.tobytes() for key in keys]
        if all(name in position_of for name in names):
            shards.append(np.array([position_of.pop(name) for name in names], dtype=np.int64))
    rest = np.setdiff1d(missing, np.concatenate(shards)) if shards else missing
    return shards + [rest[i : i + shard_size] for i in range(0, len(rest), shard_size)]


class _Work:
    """A loaded encoder and the sums for the report."""

    def __init__(
        self,
        encoder: AnyEncoder,
        role: Role,
        batch_tokens: int,
        n_total: int,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.encoder = encoder
        self.role = role
        self.batch_tokens = batch_tokens
        self.n_done = self.n_tokens = self.n_truncated = self.n_zero = self.oom_halvings = 0
        self.seconds = 0.0
        self._n_total = n_total
        self._progress = progress
        self._started = time.perf_counter()
        reset_peak(encoder.device)

    def encode(
        self, texts: Sequence[str], positions: Positions, dtype: np.dtype[Any]
    ) -> tuple[NDArray[Any], Tokens]:
        """Vectors of the texts at `positions`, in that order, in the storage dtype, and their tokens."""
        shard = [texts[i] for i in positions]
        started = time.perf_counter()
        tokens = measure_tokens(self.encoder, shard, self.role)
        lengths = tokens[:, 0].astype(np.int64)
        self.seconds += time.perf_counter() - started
        limit = self.encoder.max_tokens
        counts = lengths if limit is None else np.minimum(lengths, limit)
        vectors: NDArray[Any] = np.empty(0)
        batches = plan_batches(counts, self.batch_tokens)
        while batches:
            batch = batches[0]
            started = time.perf_counter()
            encoded = self._try([shard[i] for i in batch])
            self.seconds += time.perf_counter() - started
            if encoded is None:
                self._halve(counts[batch])
                left = np.sort(np.concatenate(batches))
                batches = [left[b] for b in plan_batches(counts[left], self.batch_tokens)]
                continue
            checked = self._checked(encoded, texts, positions[batch], dtype)
            if not len(vectors):
                vectors = np.empty((len(shard), *checked.shape[1:]), dtype=checked.dtype)
            vectors[batch] = checked
            batches.pop(0)
            self.n_done += len(batch)
            self._tell()
        self.n_tokens += int(counts.sum())
        self.n_truncated += int((lengths > counts).sum())
        zero = [not part.any() for part in vectors] if vectors.dtype == object else ~vectors.any(axis=1)
        self.n_zero += int(np.sum(zero))
        return vectors, tokens

    def _try(self, batch: list[str]) -> NDArray[Any] | None:
        """None if memory ran out; returning lets go of the exception, whose frames hold tensors."""
        try:
            return self.encoder.encode_batch(batch, self.role)
        except OutOfMemory:
            return None

    def _halve(self, counts: NDArray[np.int64]) -> None:
        longest = max(1, int(counts.max()))
        if len(counts) == 1:
            raise UserError(
                f"out of memory on {self.encoder.device} with a single text of {longest:,} tokens: "
                "cut texts shorter (+maxN in the model's name), use half precision (+bf16) or another device"
            )
        # A batch may be far below the budget; halving must shrink this one.
        self.batch_tokens = max(1, longest * len(counts) // 2)
        self.oom_halvings += 1
        log.warning(
            "out of memory on %s with %d texts of up to %d tokens; going on with %d tokens per batch",
            self.encoder.device, len(counts), longest, self.batch_tokens,
        )  # fmt: skip

    def _checked(
        self, encoded: NDArray[Any], texts: Sequence[str], positions: Positions, dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        per_token = encoded.dtype == object  # of each text an array of its own
        expected = (len(positions), self.encoder.dim)
        shapes = {part.shape[1:] for part in encoded} if per_token else {encoded.shape[1:]}
        if len(encoded) != len(positions) or shapes != {expected[1:]}:
            raise UserError(f"the model gave vectors of shape {encoded.shape}, expected {expected}")
        with np.errstate(over="ignore"):  # told below
            if per_token:
                encoded[:] = [part.astype(dtype) for part in encoded]
            stored = encoded if per_token else encoded.astype(dtype)
        finite = [np.isfinite(p).all() for p in stored] if per_token else np.isfinite(stored).all(axis=1)
        bad = np.flatnonzero(~np.asarray(finite))
        if len(bad):
            position = int(positions[bad].min())
            raise UserError(
                f"the model gave NaN or infinity for {self.role} text {position} (counted from 0), "
                f"{texts[position][:60]!r}; float16 overflows with some models: try float32 or bfloat16"
            )
        return stored

    def _tell(self) -> None:
        if self._progress is not None:
            rate = self.n_done / max(time.perf_counter() - self._started, 1e-9)
            self._progress(Progress(self.n_done, self._n_total, rate, (self._n_total - self.n_done) / rate))


def _report(n_texts: int, n_unique: int, work: _Work | None, batch_tokens: int) -> EncodeReport:
    if work is None:
        return EncodeReport(
            n_texts, n_unique, 0, n_unique, 0, 0, 0, 0.0, None, None, None, None, 0, batch_tokens
        )
    seconds = max(work.seconds, 1e-9)
    return EncodeReport(
        n_texts=n_texts,
        n_unique=n_unique,
        n_encoded=work.n_done,
        n_reused=n_unique - work.n_done,
        n_tokens=work.n_tokens,
        n_truncated=work.n_truncated,
        n_zero=work.n_zero,
        seconds=seconds,
        texts_per_second=work.n_done / seconds,
        tokens_per_second=work.n_tokens / seconds,
        device=work.encoder.device,
        peak_memory_mb=peak_mb(work.encoder.device),
        oom_halvings=work.oom_halvings,
        batch_tokens=work.batch_tokens,
    )
