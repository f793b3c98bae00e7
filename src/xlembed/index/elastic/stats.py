"""What an index of ours takes up, and its removal."""

from __future__ import annotations

from dataclasses import dataclass

from xlembed.index.elastic.asking import ask
from xlembed.index.elastic.builder import read_meta
from xlembed.index.elastic.connection import Server
from xlembed.index.elastic.layout import IndexSpec


@dataclass(frozen=True)
class IndexStats:
    """Size of an index, replicas left out.

    Attributes:
        documents: searchable ones.
        disk_bytes: of all its files.
        segments: of all shards.
    """

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
