"""From vectors to a complete index: create or resume, load, seal; never touch what is not ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError

from xlembed.search.elastic.connection import Server, cause, disk_full, refusal
from xlembed.search.elastic.layout import SIMILARITY, IndexSpec, bytes_needed, loading_alias
from xlembed.search.elastic.loading import PATIENCE, IndexGoneError, LoadReport, load
from xlembed.search.elastic.sealing import COMPLETE, POLL_SECONDS, seal
from xlembed.search.elastic.source import Source
from xlembed.search.elastic.trouble import Trouble, ask, ask_if_there, free_disk, judge_error
from xlembed.settings import IndexSettings
from xlembed.words import UserError
from xlembed.workspace import Watch

HEALTH_WAIT = "3s"
EMPTY, LOADING = "empty", "loading"
EXCLUDES_SOURCE_SINCE = (9, 2)
"""First server that keeps vectors out of `_source`."""
LOOK_PATIENCE = 15.0
"""Seconds for which a server that has just started is given time to find its indices."""
HIGH_WATERMARK, MOST_HEADROOM = 0.9, 150e9
"""Beyond this share of a disk (but at most so many free bytes) the servers move shards away."""


@dataclass(frozen=True)
class Built:
    """An index that is complete; there is no report if it was so already."""

    name: str
    report: LoadReport | None
    seconds: float


def node_plugins(server: Server) -> frozenset[str]:
    """Plugins that every node has."""
    nodes = ask(server, lambda: server.client.nodes.info(metric="plugins").body)["nodes"].values()
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
    patience: float = PATIENCE,
    **load_options: Any,
) -> Built:
    """Make sure that the index of a spec is complete.

    A complete one is left as it is, one that is loading is resumed, another one of the same name is refused. Of the
    source's documents `spec.documents` have a vector; of the settings replicas count, and whether a forecast of too
    little room is to be ignored. The manifest of a new index has the MLflow run's id. `watch` is told (what, done,
    total); trouble that may pass is waited out for `patience` seconds; for other options see `load`.

    Raises:
        UserError: the server refuses, or has too little room; the same call resumes.
    """
    if (len(source.rows), source.vectors.shape[1]) != (spec.documents, spec.dims):
        raise UserError(
            f"{spec.documents:,} vectors of {spec.dims} dimensions were to be indexed, found {len(source.rows):,} of "
            f"{source.vectors.shape[1]} ({', '.join(d.doc_id for d in source.documents[:3])}, ...): encode again"
        )
    started = time.monotonic()
    server = replace(server, patience=patience)
    state = index_state(server, spec)
    if state is None:
        check_room(server, spec, source, settings)
        state = _create(server, spec, run_id)
    report = None
    if state != COMPLETE:
        progress = partial(watch, "load") if watch else None
        report = _fill(server, spec, source, state == LOADING, progress, load_options)
        if report is not None:
            seal(server, spec, run_id)
    _set_replicas(server, spec.name, settings.replicas)
    return Built(spec.name, report, time.monotonic() - started)


def _fill(
    server: Server,
    spec: IndexSpec,
    source: Source,
    resume: bool,
    progress: Callable[[int, int], None] | None,
    load_options: Mapping[str, Any],
) -> LoadReport | None:
    """Load what is lacking; None if another process completed the index meanwhile."""
    alias = loading_alias(spec.name)
    if resume:  # it may be gone, if the last try ended just before the index was called complete
        ask(server, lambda: server.client.indices.put_alias(index=spec.name, name=alias))
    _await_shards(server, spec.name)
    uuid = _setting(server, spec.name, "uuid")
    try:
        report = load(server, alias, source, resume=resume, progress=progress, **load_options)
    except IndexGoneError:
        if index_state(server, spec) == COMPLETE:
            return None
        raise
    if _setting(server, spec.name, "uuid") != uuid:
        raise UserError(
            f"{server.url}: the index {spec.name} was replaced while it was loaded; run the same command again"
        )
    return report


def index_state(server: Server, spec: IndexSpec) -> str | None:
    """`loading`, `complete`, or None if there is no such index.

    Raises:
        UserError: an index of this name holds something else.
    """
    meta = read_meta(server, spec.name)
    if meta is None:
        return None
    if not spec.describes(meta):
        raise not_ours(server, spec.name)
    return str(meta["xlembed"].get("state"))


def not_ours(server: Server, name: str) -> UserError:
    """What to say of an index that has the name of one of ours and holds something else."""
    return UserError(
        f"{server.url}: the index {name} exists and was not built by this tool for this task and model; "
        "it is left alone: delete or rename it yourself"
    )


def read_meta(server: Server, name: str) -> Mapping[str, Any] | None:
    """`_meta` of an index or of what an alias points to; None if there is none such."""
    patient = replace(server, patience=LOOK_PATIENCE)
    answer = ask_if_there(patient, lambda: server.client.indices.get_mapping(index=name).body)
    if answer is None:
        return None
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
    nodes = [n for n in nodes if any(role.startswith("data") for role in n.get("roles", ["data"]))]
    # An index of one shard lies on one node; the roomiest takes it.
    free = max((_usable(n["fs"]["total"]) for n in nodes), default=0.0) * min(spec.shards, len(nodes))
    memory_free = sum(
        max(0, n["os"]["mem"]["total_in_bytes"] - n["jvm"]["mem"]["heap_max_in_bytes"]) for n in nodes
    )
    copies = 1 + settings.replicas
    lacking = []
    if disk * copies > free:
        lacking.append(
            f"about {disk * copies / 1e9:.1f} GB of disk are needed while loading, {free / 1e9:.1f} GB are free "
            "below the high watermark"
        )
    if memory * copies > memory_free:
        lacking.append(
            f"about {memory * copies / 1e9:.1f} GB of memory outside the heap are needed to search, "
            f"{memory_free / 1e9:.1f} GB are there"
        )
    if lacking:
        raise UserError(
            f"{server.url}: too little room for {spec.documents:,} documents with {spec.dims} dimensions: "
            f"{'; '.join(lacking)}. Use a smaller type (index.type) or --dim, or set index.ignore_forecast: true"
        )


def _usable(disk: Mapping[str, int]) -> float:
    """Bytes that may be written before the server moves shards away."""
    kept = min((1 - HIGH_WATERMARK) * disk["total_in_bytes"], MOST_HEADROOM)
    return max(0.0, disk["available_in_bytes"] - kept)


def _create(server: Server, spec: IndexSpec, run_id: str | None) -> str:
    """Create an empty index; its state, which is not empty's if another process was quicker."""
    settings: dict[str, Any] = {
        "number_of_shards": spec.shards,
        "number_of_replicas": 0,
        "refresh_interval": "-1",
        "similarity": {"default": SIMILARITY},
    }
    if server.version >= EXCLUDES_SOURCE_SINCE:
        settings["mapping.exclude_source_vectors"] = True
    mapping = {**spec.mapping(), "_meta": spec.manifest(state=LOADING, run_id=run_id)}
    aliases: dict[str, Any] = {loading_alias(spec.name): {}}

    def create() -> str:
        try:
            server.client.indices.create(
                index=spec.name,
                settings=settings,
                mappings=mapping,
                aliases=aliases,
                wait_for_active_shards=0,
            )
        except ApiError as error:
            kind, reason = cause(error.body)
            # Another process was quicker, or our own request was answered too late and sent again.
            if kind == "resource_already_exists_exception" and (state := index_state(server, spec)):
                return state
            if kind == "mapper_parsing_exception" or "index options" in reason.lower():
                raise UserError(
                    f"{server.url}: Elasticsearch {server.number} refuses the mapping (index.type {spec.type}): "
                    f"{reason}"
                ) from None
            raise
        return EMPTY

    return str(ask(server, create))


def _await_shards(server: Server, name: str) -> None:
    """Wait until every shard has a place; a shard without one takes no document, and says so a minute later.

    Raises:
        UserError: a shard has no place; says why.
    """
    give_up = time.monotonic() + server.patience
    while True:
        try:
            health = server.client.cluster.health(index=name, wait_for_status="yellow", timeout=HEALTH_WAIT)
            if not health["timed_out"]:
                return
        except ApiError as error:
            if error.status_code == 403:
                return  # without the privilege to look, the load itself will show
            if error.status_code != 408 and judge_error(error)[0] is Trouble.FATAL:
                raise refusal(error, server.url) from None
        except TransportError as error:
            if judge_error(error)[0] is Trouble.FATAL:
                raise refusal(error, server.url) from None
        why = _why_unassigned(server, name)
        if "disk_threshold" in why:
            raise disk_full(server.url, free_disk(server.client))
        if time.monotonic() > give_up:
            raise UserError(
                f"{server.url}: a shard of {name} has no place on any node: {why or 'unknown why'}"
            )
        time.sleep(POLL_SECONDS)


def _why_unassigned(server: Server, name: str) -> str:
    """Deciders that keep a shard from every node, in the server's words; empty if it is on its way."""
    try:
        answer = server.client.cluster.allocation_explain(index=name, shard=0, primary=True).body
    except (ApiError, TransportError):
        return ""
    if answer.get("can_allocate") != "no":
        return ""
    nodes = answer.get("node_allocation_decisions", ())
    no = [d for node in nodes for d in node.get("deciders", ()) if d.get("decision") == "NO"]
    return "; ".join(dict.fromkeys(f"{d['decider']}: {d['explanation']}" for d in no))


def _set_replicas(server: Server, name: str, replicas: int) -> None:
    """Only if they differ: a complete index may be used although its settings cannot be written now."""
    if int(_setting(server, name, "number_of_replicas")) == replicas:
        return
    settings = {"index.number_of_replicas": replicas}
    ask(server, lambda: server.client.indices.put_settings(index=name, settings=settings))


def _setting(server: Server, name: str, key: str) -> str:
    indices = server.client.indices
    answer = ask(server, lambda: indices.get_settings(index=name, name=f"index.{key}").body)
    return str(next(iter(answer.values()))["settings"]["index"][key])
