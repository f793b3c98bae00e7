"""Encode what the store lacks, shard by shard."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import islice

import numpy as np

from xlembed.embeddings.batching import Positions, plan_batches
from xlembed.embeddings.crew import Crew
from xlembed.embeddings.store import Damage, Keys, Tokens, VectorStore, first_occurrences, text_keys
from xlembed.embeddings.work import EncodedShard, NotFinite, Shard, cut_counts
from xlembed.words import Role, UserError

log = logging.getLogger(__name__)

WINDOW_SHARDS = 16
"""Shards' worth of wanted texts that are sorted by length together: enough that hardly anything is padded, so few that
texts which follow each other lie in few files."""
SHARD_TOKENS = 131_072
"""Padded tokens of one shard: long texts become durable in smaller numbers, so that a kill costs no more of them."""
LOOK_SECONDS = 0.5
"""Between two looks at how far other processes are."""


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
    """Tokenising and computing; without loading the model, waiting for the lock and writing. Of several workers, the
    sum divided by their number."""
    texts_per_second: float | None
    """None if nothing was encoded; likewise below."""
    tokens_per_second: float | None
    device: str | None
    """Several are separated by commas."""
    peak_memory_mb: float | None
    """While encoding, the loaded model included, in 10^6 bytes: what torch allocated on a CUDA device;
    elsewhere the process's resident size (other systems than Linux count since its start). Of several workers, the
    sum."""
    oom_halvings: int
    batch_tokens: int | None
    """The smallest budget of a worker at the end: what was asked, what its device takes, or what halving left of it."""


def encode_texts(
    crew: Crew,
    texts: Sequence[str],
    role: Role,
    store: VectorStore,
    *,
    shard_size: int = 1024,
    progress: Callable[[Progress], None] | None = None,
) -> EncodeReport:
    """Make sure that the store holds a vector for each text; each different text is encoded at most once.

    Missing texts are cut into shards, of similar lengths where the model pads (`Job.planned`), and each shard into
    batches on its own. Shards follow from the texts that are asked for and from what was stored before, never from how
    many workers there are or which of them finishes first: a run that was killed goes on with the same batches as if
    nothing had happened, and gives the same bits. A damaged shard is reported, deleted and its own list encoded again,
    as one shard. Another budget or `shard_size`, running out of memory, or texts inserted later can change last bits of
    *new* vectors (batch shapes differ); stored ones never change.

    Args:
        crew: who encodes; it is called only if something is missing, and writes nothing itself.
        texts: final texts without prompt; repeated ones are fine; empty is fine.
        role: decides prompt, adapter and the part of the store.
        store: where vectors are found and kept; locked while something is encoded.
        shard_size: texts that become durable together, at most; at most so many of each worker are lost by a kill.
        progress: called after each batch, of several workers now and then.

    Raises:
        UserError: if the model gives NaN, infinity or a wrong shape, one text alone does not fit into memory, or
            workers are lost again and again. Shards finished before that are kept, as they are after Ctrl-C.
    """
    if shard_size < 1:
        raise ValueError(f"shard_size must be at least 1, found {shard_size}")
    keys = text_keys(texts)
    first = first_occurrences(keys)
    wanted = keys[first]
    sums: Sums | None = None
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
                whole = _damaged_shards(wanted, missing, located.damaged)
                sums = Sums(len(missing), progress)
                job = Job(crew, [texts[i] for i in first], role, store.dtype.name, sums)
                try:
                    for places, encoded in job.encoded(job.planned(missing, whole, shard_size)):
                        store.write(role, wanted[places], encoded.vectors, encoded.tokens)
                        sums.count(encoded)
                except NotFinite as error:
                    raise UserError(
                        f"the model gave NaN or infinity for {role} text {texts.index(error.text)} (counted from 0), "
                        f"{error.text[:60]!r}; float16 overflows with some models: try float32 or bfloat16"
                    ) from None
    return _report(len(texts), len(first), sums)


def _damaged_shards(wanted: Keys, missing: Positions, damaged: Sequence[Damage]) -> list[Positions]:
    """Positions of what was in a damaged shard, where all of it is wanted."""
    shards: list[Positions] = []
    readable = [bad.keys for bad in damaged if bad.keys is not None]
    position_of = {wanted[i].tobytes(): int(i) for i in missing} if readable else {}
    for keys in readable:
        names = [key.tobytes() for key in keys]
        if all(name in position_of for name in names):
            shards.append(np.array([position_of.pop(name) for name in names], dtype=np.int64))
    return shards


@dataclass(frozen=True)
class Job:
    """What one call hands over to the crew; positions are those of `texts`."""

    crew: Crew
    texts: list[str]
    role: Role
    dtype: str
    sums: Sums

    def planned(
        self, missing: Positions, whole: Sequence[Positions], shard_size: int
    ) -> Iterator[tuple[Positions, Tokens | None]]:
        """Shards, and their texts' tokens where they are known: what was one stays one, the others in order.

        Where the model pads, the missing ones of each window of wanted texts are sorted by length. Windows do not
        depend on what is missing, and within one a shard depends on its first text alone (`plan_batches`), so shards
        that are finished leave the others as they are.
        """
        for places in whole:
            yield places, None
        rest = np.setdiff1d(missing, np.concatenate(whole)) if whole else missing
        if not len(rest):
            return
        if not self.crew.submit("pads", self.role).result():
            for start in range(0, len(rest), shard_size):
                yield rest[start : start + shard_size], None
            return
        windows = np.split(rest, np.flatnonzero(np.diff(rest // (WINDOW_SHARDS * shard_size))) + 1)
        for window, tokens in _ahead(windows, self._measure):
            for part in plan_batches(cut_counts(tokens), SHARD_TOKENS, shard_size):
                yield window[part], tokens[part]

    def encoded(
        self, shards: Iterator[tuple[Positions, Tokens | None]]
    ) -> Iterator[tuple[Positions, EncodedShard]]:
        """Shards as they are finished."""
        waiting: dict[Future[EncodedShard], Positions] = {}
        while True:
            for places, tokens in islice(shards, self.crew.under_way - len(waiting)):
                shard = Shard([self.texts[i] for i in places], self.role, self.dtype, tokens)
                waiting[self.crew.submit("encode", shard, told=self.sums.add)] = places
            if not waiting:
                return
            finished, _ = wait(waiting, LOOK_SECONDS, return_when=FIRST_COMPLETED)
            self.sums.tell()
            for future in finished:
                yield waiting.pop(future), future.result()

    def _measure(self, window: Positions) -> Callable[[], Tokens]:
        """Begin to count; the function waits for the tokens. Every worker gets an equal part."""
        parts = [part for part in np.array_split(window, self.crew.size) if len(part)]
        begun = [self.crew.submit("measure", [self.texts[i] for i in part], self.role) for part in parts]

        def counted() -> Tokens:
            found = [part.result() for part in begun]
            self.sums.seconds += sum(seconds for _, seconds in found)
            return np.concatenate([tokens for tokens, _ in found])

        return counted


def _ahead(
    windows: Sequence[Positions], begin: Callable[[Positions], Callable[[], Tokens]]
) -> Iterator[tuple[Positions, Tokens]]:
    """Each window and its tokens; those of the next are counted meanwhile, where there is somebody to do it."""
    begun = begin(windows[0])
    for window, following in zip(windows, [*windows[1:], None], strict=True):
        tokens = begun()
        if following is not None:
            begun = begin(following)
        yield window, tokens


class Sums:
    """The sums for the report, and how far encoding is."""

    def __init__(self, n_total: int, progress: Callable[[Progress], None] | None) -> None:
        self.n_tokens = self.n_truncated = self.n_zero = self.oom_halvings = self.n_encoded = 0
        self.seconds = 0.0
        self.budgets: dict[str, int] = {}
        self.peaks: dict[str, float] = {}
        self.devices: set[str] = set()
        self._n_done, self._n_told, self._n_total = 0, 0, n_total
        self._progress, self._started = progress, time.perf_counter()
        self._caller, self._lock = threading.current_thread(), threading.Lock()

    def add(self, n_texts: int) -> None:
        """Some were encoded, by this thread or another; told at once or at the next look."""
        with self._lock:
            self._n_done += n_texts
        if threading.current_thread() is self._caller:
            self.tell()

    def tell(self) -> None:
        """Say how far it is, if that is further than before."""
        done = self._n_done
        if self._progress is not None and done > self._n_told:
            self._n_told = done
            rate = done / max(time.perf_counter() - self._started, 1e-9)
            self._progress(Progress(done, self._n_total, rate, (self._n_total - done) / rate))

    def count(self, encoded: EncodedShard) -> None:
        """A shard that is in the store."""
        vectors, counts = encoded.vectors, cut_counts(encoded.tokens)
        zero = [not part.any() for part in vectors] if vectors.dtype == object else ~vectors.any(axis=1)
        self.n_encoded += len(vectors)
        self.n_tokens += int(counts.sum())
        self.n_truncated += int((encoded.tokens[:, 0] > counts).sum())
        self.n_zero += int(np.sum(zero))
        self.seconds += encoded.seconds
        self.oom_halvings += encoded.oom_halvings
        self.budgets[encoded.worker] = encoded.batch_tokens
        self.peaks[encoded.worker] = encoded.peak_memory_mb
        self.devices.add(encoded.device)


def _report(n_texts: int, n_unique: int, sums: Sums | None) -> EncodeReport:
    if sums is None:
        return EncodeReport(n_texts, n_unique, 0, n_unique, 0, 0, 0, 0.0, None, None, None, None, 0, None)
    seconds = max(sums.seconds / len(sums.budgets), 1e-9)
    return EncodeReport(
        n_texts=n_texts,
        n_unique=n_unique,
        n_encoded=sums.n_encoded,
        n_reused=n_unique - sums.n_encoded,
        n_tokens=sums.n_tokens,
        n_truncated=sums.n_truncated,
        n_zero=sums.n_zero,
        seconds=seconds,
        texts_per_second=sums.n_encoded / seconds,
        tokens_per_second=sums.n_tokens / seconds,
        device=", ".join(sorted(sums.devices)),
        peak_memory_mb=sum(sums.peaks.values()),
        oom_halvings=sums.oom_halvings,
        batch_tokens=min(sums.budgets.values()),
    )
