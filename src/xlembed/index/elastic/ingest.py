"""Loading documents: fast, and so that nothing is lost or doubled whatever goes wrong on the way."""

from __future__ import annotations

import base64
import enum
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import orjson
from elastic_transport import TlsError, TransportError
from elasticsearch import ApiError, Elasticsearch
from numpy.typing import NDArray

from xlembed.corpus.task import Document
from xlembed.index.analysis import characters, searchable
from xlembed.index.elastic.connection import barred, cause, disk_full, distrusted, is_disk_full, refusal
from xlembed.index.elastic.layout import LETTERED, ORIGINAL, VECTOR, letters_field, text_field
from xlembed.index.elastic.pace import Pace
from xlembed.types import UserError, Vectors

WORKERS = 4
REQUEST_BYTES = 5 * 2**20
"""A few MB per request, as Elastic advises for bulk indexing."""
PATIENCE = 600.0
"""Seconds without progress before a load gives up."""
LONGEST_ID = 512
"""Bytes of an `_id`, the server's limit."""
UNIT_SLACK = 1e-4
"""How far a squared length may be from 1: the stricter of the servers' limits."""
CHECK_ROWS = 8192
PROBE_IDS = 2000
"""Ids looked up at a time when a load is resumed."""
LISTED = 10
"""Offending ids shown in a message."""


@dataclass(frozen=True)
class Source:
    """Documents and their vectors, row by row; vectors may be memory-mapped and stay so.

    Attributes:
        documents: ids, texts, languages, groups.
        vectors: float32, shape (n, dim), unit length; a row of zeros is never indexed. With dim 0 there are no
            vectors and all texts are indexed.
        rows: those to be indexed, ascending.
    """

    documents: Sequence[Document]
    vectors: Vectors
    rows: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        doc_ids = [d.doc_id for d in self.documents]
        rows = check_vectors(self.vectors, doc_ids) if self.vectors.shape[1] else np.arange(len(doc_ids))
        object.__setattr__(self, "rows", rows)

    @classmethod
    def of_texts(cls, documents: Sequence[Document]) -> Source:
        """Documents without vectors.

        Raises:
            UserError: lists documents whose id is too long.
        """
        check_ids([d.doc_id for d in documents])
        return cls(documents, np.empty((len(documents), 0), dtype=np.float32))


def check_ids(doc_ids: Sequence[str]) -> None:
    """Refuse ids that the server would refuse.

    Raises:
        UserError: lists them.
    """
    too_long = [doc_id for doc_id in doc_ids if len(doc_id.encode()) > LONGEST_ID]
    if too_long:
        raise UserError(f"document ids over {LONGEST_ID} bytes, Elasticsearch's limit: {_listed(too_long)}")


def check_vectors(vectors: Vectors, doc_ids: Sequence[str]) -> NDArray[np.int64]:
    """Rows that can be indexed: all but zero vectors, which have no direction.

    Raises:
        UserError: lists documents whose vector is not finite or not of unit length, or whose id is too long.
    """
    if len(vectors) != len(doc_ids):
        raise ValueError(f"{len(vectors)} vectors for {len(doc_ids)} documents")
    check_ids(doc_ids)
    keep = np.empty(len(vectors), dtype=bool)
    wrong: dict[str, list[int]] = {"not finite": [], "not of unit length": []}
    for start in range(0, len(vectors), CHECK_ROWS):
        block = np.asarray(vectors[start : start + CHECK_ROWS], dtype=np.float64)
        finite = np.isfinite(block).all(axis=1)
        squared = np.einsum("ij,ij->i", block, block)
        zero = squared == 0
        keep[start : start + len(block)] = ~zero
        wrong["not finite"] += (start + np.flatnonzero(~finite)).tolist()
        with np.errstate(invalid="ignore"):
            unequal = finite & ~zero & (np.abs(squared - 1) > UNIT_SLACK)
        wrong["not of unit length"] += (start + np.flatnonzero(unequal)).tolist()
    problems = [
        f"vectors {what}: {_listed([doc_ids[row] for row in rows])}" for what, rows in wrong.items() if rows
    ]
    if problems:
        raise UserError("\n".join([*problems, "encode again: xlembed encode"]))
    return np.flatnonzero(keep)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


class Writer:
    """Rows of a source as the lines of a bulk request.

    Args:
        source: documents and vectors.
        packed: vectors as base64 of big-endian float32 (servers from 9.3), a third of the bytes of numbers in text.
    """

    def __init__(self, source: Source, packed: bool) -> None:
        self._documents, self._vectors = source.documents, source.vectors
        self._packed = packed

    def lines(self, rows: NDArray[np.int64]) -> list[bytes]:
        """Action and document of each row in turn."""
        block = np.ascontiguousarray(self._vectors[rows], dtype=np.float32)
        texts: Sequence[bytes] | None = None
        if self._packed:
            texts = [base64.b64encode(row) for row in block.astype(">f4")]
        lines: list[bytes] = []
        for i, row in enumerate(rows):
            document = self._documents[row]
            body: dict[str, Any] = {"id": document.doc_id, "lang": document.lang}
            if document.group:
                body["group"] = document.group
            words = f"{document.title}\n{document.text}" if document.title else document.text
            body[text_field(document.lang)] = searched = searchable(words)
            if searched != words:
                body[ORIGINAL] = words
            if document.lang in LETTERED:
                body[letters_field(document.lang)] = " ".join(characters(words, document.lang))
            if block.shape[1]:
                body[VECTOR] = block[i] if texts is None else texts[i].decode("ascii")
            lines.append(orjson.dumps({"index": {"_id": document.doc_id}}))
            lines.append(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))
        return lines

    def rows_per(self, n_bytes: int) -> int:
        """How many rows make about so many bytes."""
        return max(1, int(n_bytes // self._row_bytes))

    @cached_property
    def _row_bytes(self) -> float:
        """Of a sample, taken once: every request asks."""
        dims = self._vectors.shape[1]
        sample = np.linspace(0, len(self._documents) - 1, num=min(64, len(self._documents)), dtype=np.int64)
        text = np.mean([len(self._documents[row].text.encode()) for row in sample])
        return float(dims * (5.4 if self._packed else 12.5) + text + 150)


class IndexGoneError(UserError):
    """The index is not there any more, or not for loading."""


class Trouble(enum.Enum):
    """What a refusal means for the load."""

    PRESSURE = "the server is overloaded"
    AWAY = "the server cannot be reached"
    FATAL = "trying again cannot help"


def judge(status: int, kind: str, reason: str) -> Trouble:
    """What to do about an error; its type decides, not its number: a full disk is a 429 too.

    Example:
        >>> judge(429, "es_rejected_execution_exception", "rejected execution")
        <Trouble.PRESSURE: 'the server is overloaded'>
        >>> judge(429, "cluster_block_exception", "disk usage exceeded flood-stage watermark")
        <Trouble.FATAL: 'trying again cannot help'>
    """
    if kind == "cluster_block_exception":
        retryable = "state not recovered" in reason or "no master" in reason
        return Trouble.AWAY if retryable else Trouble.FATAL
    if status == 429 or kind in ("es_rejected_execution_exception", "circuit_breaking_exception"):
        return Trouble.PRESSURE
    if status == 413:
        return Trouble.PRESSURE
    return Trouble.AWAY if status in (408, 500, 502, 503, 504) and kind not in FATAL_KINDS else Trouble.FATAL


def judge_error(error: ApiError | TransportError) -> tuple[Trouble, str, str]:
    """(what to do, type, reason) of a request that failed as a whole."""
    if isinstance(error, ApiError):
        kind, reason = cause(error.body)
        return judge(error.status_code, kind, reason), kind, reason
    # Without a server's word: the line broke, nothing came in time, or half an answer came.
    hopeless = isinstance(error, TlsError) and distrusted(error)
    return Trouble.FATAL if hopeless else Trouble.AWAY, type(error).__name__, ""


GONE = ("index_not_found_exception", "index_closed_exception")
FATAL_KINDS = ("security_exception", "no_space_left", "translog_exception")


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
    client: Elasticsearch,
    index: str,
    source: Source,
    *,
    shown: str,
    resume: bool,
    packed: bool = False,
    workers: int = WORKERS,
    request_bytes: int = REQUEST_BYTES,
    patience: float = PATIENCE,
    require_alias: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> LoadReport:
    """Write every row of a source; returns when the server has acknowledged all.

    Every document has its own id, so whatever is in doubt is sent again and nothing is doubled.

    Args:
        client: without retries of its own.
        index: exists already; or its alias.
        source: checked documents and vectors.
        shown: the server's address for messages.
        resume: ask first which documents are there.
        packed: see `Writer`.
        workers: most requests at a time.
        request_bytes: most bytes of a request.
        patience: seconds without progress before giving up.
        require_alias: `index` is an alias, and nothing may be written if it is gone.
        progress: told (done, total).

    Raises:
        IndexGoneError: the index was deleted meanwhile.
        UserError: what cannot be mended by trying again; what was written stays, the same call resumes.
    """
    pace = Pace(workers, request_bytes, patience)
    job = _Load(client, index, source, Writer(source, packed), pace, shown, require_alias, progress)
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


class _Load:
    """One load: a cursor that workers take rows from, and what came of them."""

    def __init__(
        self,
        client: Elasticsearch,
        index: str,
        source: Source,
        writer: Writer,
        pace: Pace,
        shown: str,
        require_alias: bool,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._client, self._index, self._writer, self._pace, self._shown = client, index, writer, pace, shown
        self._require_alias = require_alias
        self._ids = [document.doc_id for document in source.documents]
        self._rows = source.rows
        self._next = 0
        self._lock = threading.Lock()
        self._progress = progress
        self._told = -1
        self.report = LoadReport()
        self.failure: Exception | None = None

    def tell(self) -> None:
        """Pass progress on, from the caller's thread."""
        done = self.report.sent + self.report.found
        if self._progress and done != self._told:
            self._told = done
            self._progress(done, len(self._rows))

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
            self._pace.stop()

    def _take(self, n: int) -> NDArray[np.int64]:
        with self._lock:
            if self._pace.stopped:
                return self._rows[:0]
            start = self._next
            self._next = start + (n or self._writer.rows_per(self._pace.request_bytes))
            return self._rows[start : self._next]

    def _lacking(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those that the server does not have yet; asked in real time, so unrefreshed documents count."""
        ids = [self._ids[row] for row in rows]
        failures = 0
        while not self._pace.stopped:
            answer, why = self._try(
                lambda: (
                    self._client.mget(index=self._index, ids=ids, source=False, stored_fields="_none_").body
                )
            )
            if answer is None:
                failures += 1
                self._pace.pause(failures, why)
                continue
            there = self._found(answer)
            if len(there) != len(rows):
                failures += 1
                self._pace.pause(failures, "half an answer")
                continue
            self._pace.progressed()
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
                raise self._final(kind, reason) or UserError(f"{self._shown}: {kind}: {reason}")
            if kind:
                return np.empty(0, dtype=bool)
        return np.array([bool(entry.get("found")) for entry in answer.get("docs", ())], dtype=bool)

    def _write(self, rows: NDArray[np.int64]) -> None:
        """Send rows until each is acknowledged."""
        failures = 0
        while len(rows) and not self._pace.stopped:
            n = self._writer.rows_per(self._pace.request_bytes)
            part, rest = rows[:n], rows[n:]
            lines = self._writer.lines(part)
            answer, why = self._try(partial(self._bulk, lines))
            refused = part
            if answer is not None:
                refused, why = self._refused(answer, part)
            with self._lock:
                self.report.sent += len(part) - len(refused)
            failures = 0 if len(refused) < len(part) else failures + 1
            if len(refused) < len(part):
                self._pace.progressed()
            if len(refused):
                self._pace.pause(failures or 1, why)
            else:
                self._pace.went_well()
            rows = np.concatenate([refused, rest])

    def _bulk(self, lines: list[bytes]) -> Any:
        return self._client.bulk(
            operations=lines,  # type: ignore[arg-type]  # bytes pass as they are
            index=self._index,
            require_alias=self._require_alias or None,
        ).body

    def _try(self, call: Callable[[], Any]) -> tuple[dict[str, Any] | None, str]:
        """One request, when it is its turn: the answer; or None and why there is none for now."""
        if not self._pace.enter():
            return None, "stopped"
        try:
            with self._lock:
                self.report.requests += 1
            answer: dict[str, Any] = call()
            return answer, ""
        except (ApiError, TransportError) as error:
            trouble, kind, reason = judge_error(error)
            if trouble is Trouble.FATAL:
                raise self._final(kind, reason) or refusal(error, self._shown) from None
            self._pace.slow_down()
            status = f"{error.status_code} " if isinstance(error, ApiError) else ""
            return None, f"{status}{kind}".strip()
        finally:
            self._pace.leave()

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
                raise (
                    self._final(kind, reason)
                    or barred(status, kind, reason, self._shown)
                    or UserError(
                        f"{self._shown}: document {self._ids[row]} was refused: {status} {kind}: {reason}"
                    )
                )
            again.append(row)
            why = f"{status} {kind}"
        if again:
            self._pace.slow_down()
        return np.array(again, dtype=np.int64), why

    def _final(self, kind: str, reason: str) -> UserError | None:
        """Words for what an operator must mend."""
        if is_disk_full(kind, reason):
            return disk_full(self._shown, free_disk(self._client))
        if kind in GONE:
            return IndexGoneError(
                f"{self._shown}: the index behind {self._index} was deleted, or finished by another process, while it "
                "was loaded; run the same command again"
            )
        return None


def free_disk(client: Elasticsearch) -> str:
    """Free space of every node as a part of a sentence; empty if the server does not tell."""
    try:
        nodes = client.nodes.stats(metric="fs").body["nodes"].values()
        parts = [
            f"{node['name']} has {node['fs']['total']['available_in_bytes'] / 1e9:.1f} GB free "
            f"of {node['fs']['total']['total_in_bytes'] / 1e9:.1f} GB"
            for node in nodes
        ]
    except (ApiError, TransportError, KeyError):
        return ""
    return ", " + ", ".join(parts)
