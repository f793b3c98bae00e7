"""What an index of ours takes up, its removal, and its merged twin: a clone shares its files until it is merged."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from xlembed.search.elastic.builder import LOADING, not_ours, read_meta
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.layout import IndexSpec
from xlembed.search.elastic.loading import PATIENCE
from xlembed.search.elastic.sealing import COMPLETE, LONG_WORK_SECONDS, call_complete, force_merge
from xlembed.search.elastic.trouble import ask


@dataclass(frozen=True)
class IndexStats:
    """Searchable documents, bytes of all files and segments of all shards of an index, replicas left out."""

    documents: int
    disk_bytes: int
    segments: int


def index_stats(server: Server, name: str) -> IndexStats:
    """Documents, bytes and segments as the server counts them."""
    answer = ask(server, lambda: server.client.indices.stats(index=name, metric="docs,store,segments"))
    primaries = answer["_all"]["primaries"]
    return IndexStats(
        documents=int(primaries["docs"]["count"]),
        disk_bytes=int(primaries["store"]["size_in_bytes"]),
        segments=int(primaries["segments"]["count"]),
    )


def delete_index(server: Server, spec: IndexSpec) -> bool:
    """Delete the index of a spec; one with another manifest, or that an alias points to, is left alone.

    Returns:
        whether there was one and it is gone.
    """
    meta = read_meta(server, spec.name)
    if meta is None or not spec.describes(meta):
        return False
    aliases = ask(server, lambda: server.client.indices.get_alias(index=spec.name))[spec.name]["aliases"]
    if any(not alias.startswith(spec.name) for alias in aliases):
        return False
    ask(server, lambda: server.client.indices.delete(index=spec.name, ignore_unavailable=True))
    return True


def merged_clone(server: Server, spec: IndexSpec, *, run_id: str | None = None) -> float | None:
    """Make sure that the merged twin of a complete index is complete; the index itself stays as it is.

    A twin left half-made by an interrupted call is made again.

    Returns:
        seconds that the merge took; None if the twin was complete already.

    Raises:
        UserError: another index has its name, the server refuses, or documents are missing.
    """
    target = replace(spec, segments=1)
    meta = read_meta(server, target.name)
    if meta is not None:
        if target.describes(meta) and meta["xlembed"].get("state") == COMPLETE:
            return None
        # Until its manifest is written, a clone has that of its source.
        if not delete_index(server, target) and not _delete_raw_clone(server, spec, target.name):
            raise not_ours(server, target.name)
    indices = server.client.options(request_timeout=LONG_WORK_SECONDS).indices
    ask(server, lambda: indices.put_settings(index=spec.name, settings={"index.blocks.write": True}))
    try:
        ask(
            server,
            lambda: indices.clone(
                index=spec.name,
                target=target.name,
                settings={"index.number_of_replicas": 0},
                wait_for_active_shards="all",
            ),
        )
    finally:
        ask(server, lambda: indices.put_settings(index=spec.name, settings={"index.blocks.write": None}))
    ask(server, lambda: indices.put_settings(index=target.name, settings={"index.blocks.write": None}))
    loading = target.manifest(state=LOADING, run_id=run_id)
    ask(server, lambda: indices.put_mapping(index=target.name, meta=loading))
    started = time.monotonic()
    force_merge(replace(server, patience=PATIENCE), target.name, 1)
    seconds = time.monotonic() - started
    ask(server, lambda: indices.refresh(index=target.name))
    ask(server, lambda: indices.flush(index=target.name))
    call_complete(server, target, run_id)
    return seconds


def _delete_raw_clone(server: Server, source: IndexSpec, name: str) -> bool:
    meta = read_meta(server, name)
    if meta is None or not source.describes(meta):
        return False
    ask(server, lambda: server.client.indices.delete(index=name))
    return True
