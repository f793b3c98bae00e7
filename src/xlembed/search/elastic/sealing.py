"""The end of a load: refreshed, merged, counted, and only then called complete."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from elastic_transport import ConnectionTimeout, TransportError
from elasticsearch import ApiError

from xlembed.search.elastic.connection import Server, refusal
from xlembed.search.elastic.layout import IndexSpec, loading_alias
from xlembed.search.elastic.trouble import Trouble, ask, judge_error
from xlembed.words import UserError

COMPLETE = "complete"
POLL_SECONDS = 1.0
ANSWER_SECONDS = 60.0
"""How long one request for long work is listened to; the server goes on with it, and we look how far it is."""
LONG_WORK_SECONDS = 7200.0
"""Bound of a refresh or force merge (Elastic's own benchmarks allow as much)."""


def seal(server: Server, spec: IndexSpec, run_id: str | None) -> None:
    """Make everything searchable, merge if wanted, count, and only then call it complete.

    Raises:
        UserError: the count is wrong, or the server refuses; the index stays marked as loading.
    """
    name, indices = spec.name, server.client.indices
    defaults = {"index.refresh_interval": None}
    ask(server, lambda: indices.put_settings(index=name, settings=defaults))
    refresh(server, name)
    wait_for_merges(server, name)
    if spec.segments:
        force_merge(server, name, spec.segments)
    ask(server, lambda: indices.flush(index=name))
    call_complete(server, spec, run_id)


def call_complete(server: Server, spec: IndexSpec, run_id: str | None) -> None:
    """Count, and only then call an index complete.

    Raises:
        UserError: the count is wrong; the index stays marked as loading.
    """
    name = spec.name
    count = count_documents(server, name)
    if count != spec.documents:
        raise UserError(
            f"{server.url}: the index {name} holds {count:,} documents instead of {spec.documents:,}; "
            "it stays marked as loading: run the same command again"
        )
    # In this order: a process that still writes is turned away before anybody may search.
    forgiving = server.client.options(ignore_status=404)  # an earlier try may have dropped the alias
    ask(server, lambda: forgiving.indices.delete_alias(index=name, name=loading_alias(name)))
    meta = spec.manifest(state=COMPLETE, run_id=run_id)
    ask(server, lambda: server.client.indices.put_mapping(index=name, meta=meta))


def refresh(server: Server, name: str) -> None:
    """Make every document searchable; asked again until every shard has done it, which costs nothing if it has.

    Raises:
        UserError: a shard stayed away.
    """
    quick = server.client.options(request_timeout=ANSWER_SECONDS).indices
    deadline, give_up = time.monotonic() + LONG_WORK_SECONDS, time.monotonic() + server.patience
    while True:
        try:
            shards = quick.refresh(index=name).body["_shards"]
            if not shards["failed"] and shards["successful"]:
                return
        except ConnectionTimeout:
            give_up = deadline  # it is at work
        except (ApiError, TransportError) as error:
            if judge_error(error)[0] is Trouble.FATAL or time.monotonic() > give_up:
                raise refusal(error, server.url) from None
        if time.monotonic() > give_up:
            raise UserError(f"{server.url}: {name} could not be refreshed: a shard stays away")
        time.sleep(POLL_SECONDS)


def force_merge(server: Server, name: str, segments: int) -> None:
    """Merge to so many segments per shard, and wait until it is so.

    A merge goes on when the connection drops, and is lost when the server restarts: so what counts is how many
    segments there are, and it is asked for again only if the server is not at it.

    Raises:
        UserError: the server refuses, or the segments stay more.
    """
    quick = server.client.options(request_timeout=ANSWER_SECONDS).indices
    deadline = time.monotonic() + LONG_WORK_SECONDS
    tries = 0
    while most_segments(server, name) > segments:
        if time.monotonic() > deadline:
            raise UserError(f"{server.url}: {name} has been merging for {LONG_WORK_SECONDS / 3600:.0f} hours")
        if _is_merging(server, name):
            time.sleep(POLL_SECONDS)
            continue
        if tries == 5:
            raise UserError(f"{server.url}: {name} was not merged to {segments} segment(s) in {tries} tries")
        tries += 1
        try:
            quick.forcemerge(index=name, max_num_segments=segments)
        except (ApiError, TransportError) as error:
            if judge_error(error)[0] is Trouble.FATAL:
                raise refusal(error, server.url) from None
        refresh(server, name)  # what was merged away is let go of
    wait_for_merges(server, name)


def most_segments(server: Server, name: str) -> int:
    """Segments of the shard that has most of them."""
    shards: Mapping[str, Any] = ask(
        server, lambda: server.client.indices.segments(index=name).body["indices"][name]["shards"]
    )
    return max((len(copy["segments"]) for copies in shards.values() for copy in copies), default=0)


def _is_merging(server: Server, name: str) -> bool:
    """Whether a force merge of the index is under way or waits for its turn."""
    nodes: Mapping[str, Any] = ask(
        server,
        lambda: server.client.perform_request(
            "GET",
            "/_tasks?actions=indices:admin/forcemerge&detailed=true",
            headers={"accept": "application/vnd.elasticsearch+json; compatible-with=8"},
        ).body["nodes"],
    )
    tasks = (task for node in nodes.values() for task in node["tasks"].values())
    return any(name in str(task.get("description", "")) for task in tasks)


def wait_for_merges(server: Server, name: str) -> None:
    """Wait until the server merges nothing of the index.

    Raises:
        UserError: it goes on for hours.
    """
    deadline = time.monotonic() + LONG_WORK_SECONDS
    while True:
        stats: Mapping[str, Any] = ask(
            server, lambda: server.client.indices.stats(index=name, metric="merge").body["_all"]
        )
        if not stats["primaries"].get("merges", {}).get("current"):
            return
        if time.monotonic() > deadline:
            raise UserError(f"{server.url}: {name} has been merging for {LONG_WORK_SECONDS / 3600:.0f} hours")
        time.sleep(POLL_SECONDS)


def count_documents(server: Server, name: str) -> int:
    """Searchable documents.

    Raises:
        UserError: not every shard counted.
    """
    answer: Mapping[str, Any] = ask(server, lambda: server.client.count(index=name).body)
    if answer["_shards"]["failed"]:
        raise UserError(f"{server.url}: {name} was counted in part only; run the same command again")
    return int(answer["count"])
