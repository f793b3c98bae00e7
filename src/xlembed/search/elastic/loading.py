"""Loading documents: fast, and so that nothing is lost or doubled whatever goes wrong on the way."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from elastic_transport import TransportError
from elasticsearch import ApiError
from numpy.typing import NDArray

from xlembed.search.elastic.connection import Server, barred, cause, disk_full, is_disk_full, refusal
from xlembed.search.elastic.source import Source, Writer
from xlembed.search.elastic.trouble import Trouble, free_disk, judge, judge_error
from xlembed.words import UserError

WORKERS = 4
REQUEST_BYTES = 5 * 2**20
"""A few MB per request, as Elastic advises for bulk indexing."""
PATIENCE = 600.0
"""Seconds without progress before a load gives up."""
PACKED_SINCE = (9, 3)
"""First server that takes vectors as base64."""
PROBE_IDS = 2000
"""Ids looked up at a time when a load is resumed."""
SMALLEST = 64 * 1024
"""Bytes of a request below which shrinking helps no more."""
CALM = 8
"""Requests that must succeed in a row before the pace grows."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds; the bound of the pause doubles with each failure in a row (full jitter, AWS Architecture Blog 2015)."""
GONE = ("index_not_found_exception", "index_closed_exception")


class IndexGoneError(UserError):
    """The index is not there any more, or not for loading."""


@dataclass
class LoadReport:
    """What a load did.

    Attributes:
        sent: documents written now.
        found: documents that an earlier load had written.
        requests: bulk requests, repeated ones too.
        pressures: times the server asked for less.
    """

    sent: int = 0
    found: int = 0
    requests: int = 0
    pressures: int = 0


def load(
    server: Server,
    alias: str,
    source: Source,
    *,
    resume: bool,
    workers: int = WORKERS,
    request_bytes: int = REQUEST_BYTES,
    progress: Callable[[int, int], None] | None = None,
) -> LoadReport:
    """Write every row of a source; returns when the server has acknowledged all.

    Every document has its own id, so whatever is in doubt is sent again and nothing is doubled.

    Args:
        server: its client retries nothing by itself; without progress for its `patience`, the load gives up.
        alias: of the index; nothing is written if it is gone.
        source: checked documents and vectors.
        resume: ask first which documents are there.
        workers: most requests at a time.
        request_bytes: most bytes of a request.
        progress: told (done, total).

    Raises:
        IndexGoneError: the index was deleted meanwhile.
        UserError: what cannot be mended by trying again; what was written stays, the same call resumes.
    """
    pace = Pace(workers, request_bytes, server.patience)
    writer = Writer(source, packed=server.version >= PACKED_SINCE)
    job = _Load(server, alias, source, writer, pace, progress)
    # Daemons: an interrupt must not wait for a request that hangs.
    threads = [threading.Thread(target=job.work, args=(resume,), daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(timeout=0.1)
            job.tell()
    finally:
        pace.stop()
    job.tell()
    if job.failure is not None:
        raise job.failure
    job.report.pressures = pace.pressures
    return job.report


@dataclass
class _Load:
    """One load: a cursor that workers take rows from, and what came of them."""

    server: Server
    alias: str
    source: Source
    writer: Writer
    pace: Pace
    progress: Callable[[int, int], None] | None
    report: LoadReport = field(default_factory=LoadReport)
    failure: Exception | None = None
    _next: int = 0
    _told: int = -1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self) -> None:
        """Pass progress on, from the caller's thread."""
        done = self.report.sent + self.report.found
        if self.progress and done != self._told:
            self._told = done
            self.progress(done, len(self.source.rows))

    def work(self, resume: bool) -> None:
        """What each thread does until the rows are used up."""
        try:
            while len(rows := self._take(PROBE_IDS if resume else 0)):
                if resume:
                    rows = self._lacking(rows)
                self._write(rows)
        except Exception as error:  # handed to the caller's thread
            with self._lock:
                self.failure = self.failure or error
            self.pace.stop()

    def _take(self, n: int) -> NDArray[np.int64]:
        with self._lock:
            if self.pace.stopped:
                return self.source.rows[:0]
            start = self._next
            self._next = start + (n or self.writer.rows_per(self.pace.request_bytes))
            return self.source.rows[start : self._next]

    def _lacking(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those that the server does not have yet; asked in real time, so unrefreshed documents count."""
        ids = [self.source.documents[row].doc_id for row in rows]
        failures, client = 0, self.server.client
        while not self.pace.stopped:
            answer, why = self._try(
                lambda: client.mget(index=self.alias, ids=ids, source=False, stored_fields="_none_").body
            )
            if answer is None:
                failures += 1
                self.pace.pause(failures, why)
                continue
            there = self._found(answer)
            if len(there) != len(rows):
                failures += 1
                self.pace.pause(failures, "half an answer")
                continue
            self.pace.progressed()
            with self._lock:
                self.report.found += int(there.sum())
            lacking: NDArray[np.int64] = rows[~there]
            return lacking
        return rows[:0]

    def _found(self, answer: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Which of the looked-up documents are there; empty if a shard could not tell (it may be recovering)."""
        for entry in answer.get("docs", ()):
            kind, reason = cause(entry)
            if kind in GONE:
                raise self._final(kind, reason) or UserError(f"{self.server.url}: {kind}: {reason}")
            if kind:
                return np.empty(0, dtype=bool)
        return np.array([bool(entry.get("found")) for entry in answer.get("docs", ())], dtype=bool)

    def _write(self, rows: NDArray[np.int64]) -> None:
        """Send rows until each is acknowledged."""
        failures = 0
        while len(rows) and not self.pace.stopped:
            n = self.writer.rows_per(self.pace.request_bytes)
            part, rest = rows[:n], rows[n:]
            lines = self.writer.lines(part)
            answer, why = self._try(partial(self._bulk, lines))
            refused = part
            if answer is not None:
                refused, why = self._refused(answer, part)
            with self._lock:
                self.report.sent += len(part) - len(refused)
            failures = 0 if len(refused) < len(part) else failures + 1
            if len(refused) < len(part):
                self.pace.progressed()
            if len(refused):
                self.pace.pause(failures or 1, why)
            else:
                self.pace.went_well()
            rows = np.concatenate([refused, rest])

    def _bulk(self, lines: list[bytes]) -> Any:
        return self.server.client.bulk(
            operations=lines,  # type: ignore[arg-type]  # bytes pass as they are
            index=self.alias,
            require_alias=True,
        ).body

    def _try(self, call: Callable[[], Any]) -> tuple[dict[str, Any] | None, str]:
        """One request, when it is its turn: the answer; or None and why there is none for now."""
        if not self.pace.enter():
            return None, "stopped"
        try:
            with self._lock:
                self.report.requests += 1
            answer: dict[str, Any] = call()
            return answer, ""
        except (ApiError, TransportError) as error:
            trouble, kind, reason = judge_error(error)
            if trouble is Trouble.FATAL:
                raise self._final(kind, reason) or refusal(error, self.server.url) from None
            self.pace.slow_down()
            status = f"{error.status_code} " if isinstance(error, ApiError) else ""
            return None, f"{status}{kind}".strip()
        finally:
            self.pace.leave()

    def _refused(self, answer: Mapping[str, Any], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], str]:
        """Rows that must be sent again, and why; the status of the whole answer says nothing about them.

        Raises:
            UserError: an item was refused for good.
        """
        items = answer.get("items", ())
        if len(items) != len(rows):
            return rows, "half an answer"
        again, why = [], ""
        for row, item in zip(rows, items, strict=True):
            outcome = item.get("index", {})
            status = int(outcome.get("status", 500))
            if status < 300:
                continue
            kind, reason = cause(outcome)
            if judge(status, kind, reason) is Trouble.FATAL:
                doc_id = self.source.documents[row].doc_id
                refused = UserError(
                    f"{self.server.url}: document {doc_id} was refused: {status} {kind}: {reason}"
                )
                raise self._final(kind, reason) or barred(status, kind, reason, self.server.url) or refused
            again.append(row)
            why = f"{status} {kind}"
        if again:
            self.pace.slow_down()
        return np.array(again, dtype=np.int64), why

    def _final(self, kind: str, reason: str) -> UserError | None:
        """Words for what an operator must mend."""
        if is_disk_full(kind, reason):
            return disk_full(self.server.url, free_disk(self.server.client))
        if kind in GONE:
            return IndexGoneError(
                f"{self.server.url}: the index behind {self.alias} was deleted, or finished by another process, "
                "while it was loaded; run the same command again"
            )
        return None


class Pace:
    """Shared by all workers; additive increase, multiplicative decrease (Chiu & Jain 1989).

    `workers` and `request_bytes` are what is allowed now, at first the most; see `load`.
    """

    def __init__(self, workers: int, request_bytes: int, patience: float) -> None:
        self._most_workers, self._most_bytes = workers, request_bytes
        self.workers, self.request_bytes = workers, request_bytes
        self._patience = patience
        self._calm = 0
        self._active = 0
        self._progress = time.monotonic()
        self._turn = threading.Condition()
        self.stopped = False
        self.pressures = 0

    def enter(self) -> bool:
        """Wait until a request may be sent; False if the load was stopped meanwhile."""
        with self._turn:
            self._turn.wait_for(lambda: self.stopped or self._active < self.workers)
            if self.stopped:
                return False
            self._active += 1
            return True

    def leave(self) -> None:
        """The request is over."""
        with self._turn:
            self._active -= 1
            self._turn.notify_all()

    def progressed(self) -> None:
        """The server did some of what it was asked; the wait for it begins anew."""
        with self._turn:
            self._progress = time.monotonic()

    def went_well(self) -> None:
        """A request was done in full."""
        with self._turn:
            self._progress = time.monotonic()
            self._calm += 1
            if self._calm >= CALM:
                self._calm = 0
                self.workers = min(self._most_workers, self.workers + 1)
                self.request_bytes = min(self._most_bytes, self.request_bytes + self._most_bytes // 8)
                self._turn.notify_all()

    def slow_down(self) -> None:
        """The server is under pressure: half the requests, half their size."""
        with self._turn:
            self.pressures += 1
            self._calm = 0
            self.workers = max(1, self.workers // 2)
            self.request_bytes = max(min(SMALLEST, self._most_bytes), self.request_bytes // 2)

    def pause(self, failures: int, why: str) -> None:
        """Wait before the next try; longer with each of the `failures` in a row (from 1), the last one for this reason.

        Raises:
            UserError: nothing at all was written for `patience` seconds.
        """
        waited = time.monotonic() - self._progress
        if waited > self._patience:
            raise UserError(
                f"the server took nothing for {waited:.0f} s ({why}); what it has is kept: "
                "run the same command to go on when it is well again"
            )
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10))
        with self._turn:
            self._turn.wait_for(lambda: self.stopped, timeout=random.uniform(0, longest))

    def stop(self) -> None:
        """Send everybody home."""
        with self._turn:
            self.stopped = True
            self._turn.notify_all()
