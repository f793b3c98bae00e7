"""From vectors to a complete index: create or resume, load, seal; never touch what is not ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from elastic_transport import ConnectionTimeout, TransportError
from elasticsearch import ApiError

from xlembed.index.elastic.connection import Server, cause, refusal
from xlembed.index.elastic.ingest import LoadReport, Source, load
from xlembed.index.elastic.layout import IndexSpec, bytes_needed
from xlembed.settings import IndexSettings
from xlembed.types import UserError

LOADING, COMPLETE = "loading", "complete"
PACKED_SINCE = (9, 3)
"""First server that takes vectors as base64."""
EXCLUDES_SOURCE_SINCE = (9, 2)
"""First server that keeps vectors out of `_source`."""
POLL_SECONDS = 1.0
LONG_WORK_SECONDS = 7200.0
"""Bound of a refresh or force merge (Elastic's own benchmarks allow as much)."""

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Built:
    """An index that is complete.

    Attributes:
        name: of the index.
        report: what was sent; None if it was complete already.
        seconds: the work took.
    """

    name: str
    report: LoadReport | None
    seconds: float


def node_plugins(server: Server) -> frozenset[str]:
    """Plugins that every node has."""
    nodes = _ask(server, lambda: server.client.nodes.info(metric="plugins").body)["nodes"].values()
    found = [frozenset(plugin["name"] for plugin in node.get("plugins", ())) for node in nodes]
    return frozenset.intersection(*found) if found else frozenset()


def build(
    server: Server,
    spec: IndexSpec,
    source: Source,
    settings: IndexSettings,
    *,
    run_id: str | None = None,
    watch: Watch | None = None,
    **load_options: Any,
) -> Built:
    """Make sure that the index of a spec is complete.

    A complete one is left as it is, one that is loading is resumed, another one of the same name is refused.

    Args:
        server: where.
        spec: what.
        source: the documents; `spec.documents` of them have a vector.
        settings: replicas, and whether a forecast of too little room is to be ignored.
        run_id: MLflow run to be noted in the manifest of a new index.
        watch: told (what, done, total).
        load_options: see `load`.

    Raises:
        UserError: the server refuses, or has too little room; the same call resumes.
    """
    started = time.monotonic()
    state = index_state(server, spec)
    if state != COMPLETE:
        if state is None:
            check_room(server, spec, source, settings)
            _create(server, spec, run_id)
        uuid = _uuid(server, spec.name)
        report = load(
            server.client,
            spec.name,
            source,
            shown=server.url,
            resume=state == LOADING,
            packed=server.version >= PACKED_SINCE,
            progress=(lambda done, total: watch("load", done, total)) if watch else None,
            **load_options,
        )
        if _uuid(server, spec.name) != uuid:
            raise UserError(
                f"{server.url}: the index {spec.name} was replaced while it was loaded; delete it and run again"
            )
        _seal(server, spec, source, run_id)
    else:
        report = None
    _set_replicas(server, spec.name, settings.replicas)
    return Built(spec.name, report, time.monotonic() - started)


def index_state(server: Server, spec: IndexSpec) -> str | None:
    """`loading`, `complete`, or None if there is no such index.

    Raises:
        UserError: an index of this name holds something else.
    """
    meta = read_meta(server, spec.name)
    if meta is None:
        return None
    if not spec.describes(meta):
        raise UserError(
            f"{server.url}: the index {spec.name} exists and was not built by this tool for this task and model; "
            "it is left alone: delete or rename it yourself"
        )
    return str(meta["xlembed"].get("state"))


def read_meta(server: Server, name: str) -> Mapping[str, Any] | None:
    """`_meta` of an index or of what an alias points to; None if there is none such."""
    try:
        answer = server.client.indices.get_mapping(index=name).body
    except ApiError as error:
        if error.status_code == 404 and cause(error.body)[0] == "index_not_found_exception":
            return None
        raise refusal(error, server.url) from None
    except TransportError as error:
        raise refusal(error, server.url) from None
    if len(answer) != 1:
        raise UserError(f"{server.url}: {name!r} stands for {len(answer)} indices; one was expected")
    meta: Mapping[str, Any] = next(iter(answer.values()))["mappings"].get("_meta") or {}
    return meta


def check_room(server: Server, spec: IndexSpec, source: Source, settings: IndexSettings) -> None:
    """Refuse to begin what the cluster has no room for.

    Raises:
        UserError: names what is needed and what is there, and how to go ahead all the same.
    """
    if settings.ignore_forecast:
        return
    text_bytes = sum(len(d.text.encode()) + len(d.title.encode()) for d in source.documents)
    disk, memory = bytes_needed(spec, text_bytes, source_holds_vectors=server.version < EXCLUDES_SOURCE_SINCE)
    try:
        nodes = list(server.client.nodes.stats(metric="fs,os,jvm").body["nodes"].values())
    except (ApiError, TransportError):
        return  # a user without the privilege to look may still be allowed to load
    # An index of one shard lies on one node; the roomiest takes it.
    free = max((n["fs"]["total"]["available_in_bytes"] for n in nodes), default=0) * min(
        spec.shards, len(nodes)
    )
    memory_free = sum(
        max(0, n["os"]["mem"]["total_in_bytes"] - n["jvm"]["mem"]["heap_max_in_bytes"]) for n in nodes
    )
    copies = 1 + settings.replicas
    lacking = []
    if disk * copies > 0.9 * free:  # above 90 % the servers move shards away
        lacking.append(
            f"about {disk * copies / 1e9:.1f} GB of disk are needed while loading, {free / 1e9:.1f} GB are free"
        )
    if memory * copies > memory_free:
        lacking.append(
            f"about {memory * copies / 1e9:.1f} GB of memory outside the heap are needed to search, "
            f"{memory_free / 1e9:.1f} GB are there"
        )
    if lacking:
        raise UserError(
            f"{server.url}: too little room for {spec.documents:,} vectors of {spec.dims} dimensions: "
            f"{'; '.join(lacking)}. Use a smaller type (index.type) or --dim, or set index.ignore_forecast: true"
        )


def _create(server: Server, spec: IndexSpec, run_id: str | None) -> None:
    settings: dict[str, Any] = {
        "number_of_shards": spec.shards,
        "number_of_replicas": 0,
        "refresh_interval": "-1",
    }
    if server.version >= EXCLUDES_SOURCE_SINCE:
        settings["mapping.exclude_source_vectors"] = True
    mapping = {**spec.mapping(), "_meta": spec.manifest(state=LOADING, run_id=run_id)}
    try:
        server.client.indices.create(
            index=spec.name, settings=settings, mappings=mapping, wait_for_active_shards=1
        )
    except ApiError as error:
        kind, reason = cause(error.body)
        if kind == "resource_already_exists_exception":
            return  # another process was quicker; both load the same documents under the same ids
        if kind == "mapper_parsing_exception" or "index options" in reason.lower():
            raise UserError(
                f"{server.url}: Elasticsearch {server.number} refuses the mapping (index.type {spec.type}): {reason}"
            ) from None
        raise refusal(error, server.url) from None
    except TransportError as error:
        raise refusal(error, server.url) from None


def _seal(server: Server, spec: IndexSpec, source: Source, run_id: str | None) -> None:
    """Make everything searchable, merge if wanted, count, and only then call it complete."""
    patient = server.client.options(request_timeout=LONG_WORK_SECONDS)
    _ask(
        server,
        lambda: patient.indices.put_settings(index=spec.name, settings={"index.refresh_interval": None}),
    )
    _ask(server, lambda: patient.indices.refresh(index=spec.name))
    _wait_for_merges(server, spec.name)
    if spec.segments:
        force_merge(server, spec.name, spec.segments)
    _ask(server, lambda: patient.indices.flush(index=spec.name))
    count = int(_ask(server, lambda: server.client.count(index=spec.name))["count"])
    if count != len(source.rows):
        raise UserError(
            f"{server.url}: the index {spec.name} holds {count:,} documents instead of {len(source.rows):,}; "
            "it stays marked as loading: run the same command again"
        )
    meta = spec.manifest(state=COMPLETE, run_id=run_id)
    _ask(server, lambda: server.client.indices.put_mapping(index=spec.name, meta=meta))


def force_merge(server: Server, name: str, segments: int) -> None:
    """Merge to so many segments per shard, and wait; a dropped connection does not stop the server."""
    try:
        server.client.options(request_timeout=LONG_WORK_SECONDS).indices.forcemerge(
            index=name, max_num_segments=segments
        )
    except ConnectionTimeout:
        pass
    except (ApiError, TransportError) as error:
        raise refusal(error, server.url) from None
    _wait_for_merges(server, name)


def _wait_for_merges(server: Server, name: str) -> None:
    deadline = time.monotonic() + LONG_WORK_SECONDS
    while _ask(server, lambda: server.client.indices.stats(index=name, metric="merge"))["_all"]["primaries"][
        "merges"
    ]["current"]:
        if time.monotonic() > deadline:
            raise UserError(f"{server.url}: {name} has been merging for {LONG_WORK_SECONDS / 3600:.0f} hours")
        time.sleep(POLL_SECONDS)


def _set_replicas(server: Server, name: str, replicas: int) -> None:
    _ask(
        server,
        lambda: server.client.indices.put_settings(
            index=name, settings={"index.number_of_replicas": replicas}
        ),
    )


def _uuid(server: Server, name: str) -> str:
    answer = _ask(server, lambda: server.client.indices.get_settings(index=name, name="index.uuid"))
    return str(next(iter(answer.values()))["settings"]["index"]["uuid"])


def _ask(server: Server, call: Callable[[], Any]) -> Any:
    """An administrative request; refusals become messages."""
    try:
        return call()
    except (ApiError, TransportError) as error:
        raise refusal(error, server.url) from None
