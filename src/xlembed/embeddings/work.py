"""What one worker does: a loaded model that measures texts and encodes shards of them, here or in another process."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings.batching import plan_batches
from xlembed.embeddings.memory import peak_mb, reset_peak
from xlembed.embeddings.store import Tokens
from xlembed.embeddings.truncation import measure_tokens
from xlembed.models.encoder import AnyEncoder, OutOfMemory, TokenisesAhead
from xlembed.words import Role, UserError

log = logging.getLogger(__name__)

BUDGETS = {"cpu": 4096}
"""Padded tokens of one batch by kind of device. A processor is busy with few; more are only more padding (MiniLM on
mixed XQuAD texts, processor time: 2,048 to 4,096 alike, 8,192 +20 %, 16,384 +45 %)."""
BUDGET = 16_384
"""On any other device, and where nothing is padded."""

COUNTED = 512
"""Texts whose tokens are counted before a waiting batch gets its turn."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Texts to encode together.

    Attributes:
        texts: without prompt.
        role: of all of them.
        dtype: number format the vectors are stored in.
        tokens: see `measure_tokens`; None: not measured yet.
    """

    texts: list[str]
    role: Role
    dtype: str
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class EncodedShard:
    """Vectors and tokens in the order of the texts, and how it went.

    Attributes:
        vectors: in the storage dtype, shape (n, dim); or (n,), of each text an array of shape (tokens, dim).
        tokens: int32, shape (n, 3).
        seconds: tokenising and computing.
        worker: host and process.
        device: where it computed.
        peak_memory_mb: of the worker, since it began.
        oom_halvings: of the worker's budget, while this was encoded.
        batch_tokens: the worker's budget afterwards.
    """

    vectors: NDArray[Any]
    tokens: Tokens
    seconds: float
    worker: str
    device: str
    peak_memory_mb: float
    oom_halvings: int
    batch_tokens: int


class NotFinite(ValueError):
    """The model gave NaN or infinity for this text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def cut_counts(tokens: Tokens) -> NDArray[np.int64]:
    """Tokens of each text after truncation."""
    lengths, limits = tokens[:, 0].astype(np.int64), tokens[:, 2].astype(np.int64)
    return np.where(limits > 0, np.minimum(lengths, limits), lengths)


class Work:
    """A model at work.

    Args:
        encoders: of each role, asked for when its first text comes.
        batch_tokens: padded tokens of one batch; halved, and left halved, when memory runs out; None: by device.

    Attributes:
        told: of numbers of texts, as they are encoded.
    """

    def __init__(
        self, encoders: Callable[[], Mapping[Role, AnyEncoder]], batch_tokens: int | None = None
    ) -> None:
        self.told: Callable[[int], None] = lambda n_texts: None
        self._encoders, self._batch_tokens = encoders, batch_tokens
        self._peak_reset = False
        self._tokeniser: ThreadPoolExecutor | None = None

    def pads(self, role: Role) -> bool:
        """Whether texts of different lengths in one batch cost more than on their own."""
        return self._encoders()[role].pads

    def measure(self, texts: Sequence[str], role: Role) -> tuple[Tokens, float]:
        """`measure_tokens`, and the seconds that it took."""
        return self.begin_measure(texts, role).result()

    def begin_measure(self, texts: Sequence[str], role: Role) -> Future[tuple[Tokens, float]]:
        """The same in the background, where the encoder can: part by part, so that batches are tokenised in between."""
        encoder, found, done = self._encoders()[role], list[Tokens](), Future[tuple[Tokens, float]]()
        seconds = 0.0

        def count(start: int) -> None:
            nonlocal seconds
            try:
                began = time.perf_counter()
                found.append(measure_tokens(encoder, texts[start : start + COUNTED], role))
                seconds += time.perf_counter() - began
                if start + COUNTED < len(texts):
                    self._in_turn(encoder, count, start + COUNTED)
                else:
                    done.set_result((np.concatenate(found), seconds))
            except BaseException as error:
                done.set_exception(error)

        self._in_turn(encoder, count, 0)
        return done

    def _in_turn(self, encoder: AnyEncoder, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run by the one thread that tokenises; here, where the encoder cannot be given texts in two steps."""
        if encoder.pads and isinstance(encoder, TokenisesAhead):
            self._tokeniser = self._tokeniser or ThreadPoolExecutor(1)
            return self._tokeniser.submit(function, *args)
        done: Future[Any] = Future()
        done.set_result(function(*args))
        return done

    def _begin(self, encoder: AnyEncoder, texts: list[str], role: Role) -> Callable[[], NDArray[Any]]:
        """Tokenise a batch in the background, where the encoder can; the function computes its vectors."""
        if not (encoder.pads and isinstance(encoder, TokenisesAhead)):
            return lambda: encoder.encode_batch(texts, role)
        tokenised = self._in_turn(encoder, encoder.tokenise, texts, role)
        return lambda: encoder.encode_tokenised(tokenised.result())

    def encode(self, shard: Shard) -> EncodedShard:
        """Vectors of a shard; its batches are planned within it, so that they are the same whatever was encoded before.

        Raises:
            UserError: the model gives vectors of a wrong shape, or one text alone does not fit into memory.
            NotFinite: it gives something that is no number.
        """
        encoder = self._encoders()[shard.role]
        if not self._peak_reset:
            reset_peak(encoder.device)
            self._peak_reset = True
        seconds, tokens = 0.0, shard.tokens
        if tokens is None:
            tokens, seconds = self.measure(shard.texts, shard.role)
        counts, dtype, halvings = cut_counts(tokens), np.dtype(shard.dtype), 0
        budget = self._batch_tokens or usual_budget(encoder)
        vectors: NDArray[Any] = np.empty(0)
        batches = plan_batches(counts, budget)

        def begin(number: int) -> Callable[[], NDArray[Any]] | None:
            if number >= len(batches):
                return None
            return self._begin(encoder, [shard.texts[i] for i in batches[number]], shard.role)

        begun = begin(0)
        while begun is not None:
            batch, following = batches[0], begin(1)
            started = time.perf_counter()
            encoded = _try(begun)
            seconds += time.perf_counter() - started
            if encoded is None:
                self._batch_tokens = budget = _halved(encoder, counts[batch])
                halvings += 1
                left = np.sort(np.concatenate(batches))
                batches = [left[b] for b in plan_batches(counts[left], budget)]
                begun = begin(0)
                continue
            checked = _checked(encoded, encoder.dim, [shard.texts[i] for i in batch], dtype)
            if not len(vectors):
                vectors = np.empty((len(shard.texts), *checked.shape[1:]), dtype=checked.dtype)
            vectors[batch] = checked
            batches.pop(0)
            begun = following
            self.told(len(batch))
        worker = f"{socket.gethostname()}:{os.getpid()}"
        peak = peak_mb(encoder.device)
        return EncodedShard(vectors, tokens, seconds, worker, encoder.device, peak, halvings, budget)


def usual_budget(encoder: AnyEncoder) -> int:
    """Padded tokens of one batch where nobody said how many."""
    return BUDGETS.get(encoder.device.partition(":")[0], BUDGET) if encoder.pads else BUDGET


def _try(compute: Callable[[], NDArray[Any]]) -> NDArray[Any] | None:
    """None if memory ran out; returning lets go of the exception, whose frames hold tensors."""
    try:
        return compute()
    except OutOfMemory:
        return None


def _halved(encoder: AnyEncoder, counts: NDArray[np.int64]) -> int:
    """The budget that halves this batch, which may have been far below the budget so far."""
    longest = max(1, int(counts.max()))
    if len(counts) == 1:
        raise UserError(
            f"out of memory on {encoder.device} with a single text of {longest:,} tokens: "
            "cut texts shorter (+maxN in the model's name), use half precision (+bf16) or another device"
        )
    budget = max(1, longest * len(counts) // 2)
    log.warning(
        "out of memory on %s with %d texts of up to %d tokens; going on with %d tokens per batch",
        encoder.device, len(counts), longest, budget,
    )  # fmt: skip
    return budget


def _checked(encoded: NDArray[Any], dim: int, texts: list[str], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A batch in the storage dtype."""
    per_token = encoded.dtype == object  # of each text an array of its own
    expected = (len(texts), dim)
    shapes = {part.shape[1:] for part in encoded} if per_token else {encoded.shape[1:]}
    if len(encoded) != len(texts) or shapes != {expected[1:]}:
        raise UserError(f"the model gave vectors of shape {encoded.shape}, expected {expected}")
    with np.errstate(over="ignore"):  # told below
        if per_token:
            encoded[:] = [part.astype(dtype) for part in encoded]
        stored = encoded if per_token else encoded.astype(dtype)
    finite = [np.isfinite(p).all() for p in stored] if per_token else np.isfinite(stored).all(axis=1)
    bad = np.flatnonzero(~np.asarray(finite))
    if len(bad):
        raise NotFinite(texts[bad[0]])
    return stored
