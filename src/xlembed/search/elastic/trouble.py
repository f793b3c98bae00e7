"""What a refusal means, and requests that are asked again while the server is away or busy."""

from __future__ import annotations

import enum
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from elastic_transport import TlsError, TransportError
from elasticsearch import ApiError, Elasticsearch

from xlembed.search.elastic.connection import Server, cause, disk_full, distrusted, is_disk_full, refusal

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two tries: such a request costs little, and waiting for a restart should not last."""
FATAL_KINDS = ("security_exception", "no_space_left", "translog_exception")


class Trouble(enum.Enum):
    """What a refusal means for the load."""

    PRESSURE = "the server is overloaded"
    AWAY = "the server cannot be reached"
    FATAL = "trying again cannot help"


def judge(status: int, kind: str, reason: str) -> Trouble:
    """What to do about an error; its type decides, not its number: a full disk is a 429 too.

    >>> judge(429, "es_rejected_execution_exception", "rejected execution")
    <Trouble.PRESSURE: 'the server is overloaded'>
    >>> judge(429, "cluster_block_exception", "disk usage exceeded flood-stage watermark")
    <Trouble.FATAL: 'trying again cannot help'>
    """
    if kind == "cluster_block_exception":
        retryable = "state not recovered" in reason or "no master" in reason
        return Trouble.AWAY if retryable else Trouble.FATAL
    if status in (413, 429) or kind in ("es_rejected_execution_exception", "circuit_breaking_exception"):
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


def ask(server: Server, call: Callable[[], Any]) -> Any:
    """What the server answers to a request that may be repeated without harm; for its `patience` it is.

    Raises:
        UserError: the server refuses, or stayed away for longer.
    """
    give_up, waits = time.monotonic() + server.patience, pauses()
    while True:
        try:
            return call()
        except (ApiError, TransportError) as error:
            trouble, kind, reason = judge_error(error)
            if is_disk_full(kind, reason):
                raise disk_full(server.url, free_disk(server.client)) from None
            if trouble is Trouble.FATAL or time.monotonic() >= give_up:
                raise refusal(error, server.url) from None
        time.sleep(next(waits))


def pauses() -> Iterator[float]:
    """Seconds to wait before each next try, ever more."""
    longest = FIRST_PAUSE
    while True:
        yield random.uniform(longest / 2, longest)
        longest = min(LONGEST_PAUSE, 2 * longest)


def ask_if_there(server: Server, call: Callable[[], Any]) -> Any:
    """The same about an index; None if there is none of that name."""

    def look() -> Any:
        try:
            return call()
        except ApiError as error:
            if error.status_code == 404 and cause(error.body)[0] == "index_not_found_exception":
                return None
            raise

    return ask(server, look)


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
