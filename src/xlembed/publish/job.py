"""Publishing an index under an alias, and taking it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.evaluate.encode import encode
from xlembed.models.rescoring import TRANSLATED
from xlembed.models.safety import check_runs_here, check_vectors
from xlembed.models.spec import ModelRef
from xlembed.publish.published import encoding_of
from xlembed.search.elastic.admin import Found, count, holder, list_indices, move_alias, roll_back
from xlembed.search.elastic.builder import index_state
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.layout import IndexSpec, oversample_of
from xlembed.search.elastic.sealing import COMPLETE
from xlembed.search.elastic.source import Source
from xlembed.search.elastic.tasks import attach, index_spec, open_server
from xlembed.search.engine import exact_index
from xlembed.search.fidelity import neighbour_recall
from xlembed.words import UserError, Vectors
from xlembed.workspace import Watch, Workspace, unwatched

RECALL_K = 10
"""Documents that the checked searches ask for."""
WANTED_RECALL = 0.95
SAMPLE = 200
"""Queries of the check."""
SEED = 0


@dataclass(frozen=True)
class Verified:
    """An index whose answers to some sampled queries have been checked.

    Attributes:
        recall: of the exact nearest 10, mean over these queries.
        exercised: whether the searches went through the index at all; False: the server scanned everything.
        note: for its manifest, once an alias points to it.
    """

    index: str
    documents: int
    recall: float
    queries: int
    exercised: bool
    note: dict[str, Any]


@dataclass(frozen=True)
class Published(Verified):
    """An alias that points to `index` now.

    Attributes:
        replaced: where it pointed before; None if the alias is new, the index itself if nothing moved.
    """

    alias: str
    replaced: str | None

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {key: value for key, value in vars(self).items() if key != "note"}


def publish(
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    alias: str,
    *,
    wanted: float = WANTED_RECALL,
    force: bool = False,
    watch: Watch = unwatched,
) -> Published:
    """Let an alias point to the index of a task and model, once its answers have been checked.

    Raises:
        UserError: the index is missing, not whole, or finds too few of the exact neighbours; the alias is not ours.
    """
    check_publishable(ref)
    server = open_server(workspace)
    holder(server, alias, force=force)  # refused before any work
    found = verify(task, ref, workspace, server, wanted, watch)
    replaced = move_alias(server, alias, found.index, found.note, force=force)
    return Published(**vars(found), alias=alias, replaced=replaced)


def check_publishable(ref: ModelRef) -> None:
    """Refuse what searches words or ranks anew, and what needs more of a question than its text.

    Raises:
        UserError: says what to publish instead.
    """
    if ref.reranker is not None:
        raise UserError(
            f"{ref.slug} ranks anew what a faster model finds; what is published is a model's vectors: publish "
            f"{ref.vectors_slug}"
        )
    if ref.searches_words:
        raise UserError(
            f"{ref.slug} searches words; what is published is a model's vectors: publish one without +hybrid "
            "(applications can search the words of the same index, see docs/hybrid.md)"
        )
    check_vectors(ref)
    check_runs_here(ref, "a published index, which answers any question,")
    if ref.variation.translated:
        raise UserError(
            f"{ref.slug} needs the translations of every question, which an application has not: publish "
            f"{ref.slug.replace(f'+{TRANSLATED}', '')}"
        )


def verify(
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    server: Server,
    wanted: float = WANTED_RECALL,
    watch: Watch = unwatched,
) -> Verified:
    """Check that an index is whole and finds what exact search finds.

    Raises:
        UserError: it is missing, not whole, or finds too few of the exact neighbours.
    """
    encode(task, ref, workspace, watch)
    embeddings = open_embeddings(task, ref, workspace)
    settings, vectors = workspace.settings.index, unit_vectors(embeddings.documents)
    n_documents = len(Source(task.documents, vectors).rows)
    spec = index_spec(task, ref, embeddings, settings, server, n_documents=n_documents)
    _check_whole(server, spec)
    queries = sample_queries(unit_vectors(embeddings.queries))
    if not len(queries):
        raise UserError(f"task {task.name}: no query has a vector, so the index cannot be checked")
    index = attach(server, spec.name, task, vectors, settings, margin=0)
    watch("check", 0, 1)
    recalls = neighbour_recall(index, exact_index(task, embeddings), queries, (RECALL_K,))
    watch("check", 1, 1)
    recall = float(recalls.mean())
    if recall < wanted:
        raise UserError(
            f"{spec.name} was not published: it finds {recall:.4f} of the {RECALL_K} exact nearest documents "
            f"({len(queries)} queries), {wanted:g} is wanted. Raise --num-candidates or --oversample, build with a "
            "larger --hnsw-m or another --index-type, or lower --recall"
        )
    note = {
        "encoding": encoding_of(replace(ref, slug=ref.vectors_slug), task, workspace).to_json(),
        "record": {
            "num_candidates": settings.num_candidates,
            "oversample": oversample_of(settings),
            f"recall_at_{RECALL_K}": round(recall, 6),
            "queries": len(queries),
            **({"rescored": ref.variation.rescored.name} if ref.variation.rescored else {}),
        },
    }
    return Verified(spec.name, spec.documents, recall, len(queries), index.exercised(RECALL_K), note)


def roll_back_alias(workspace: Workspace, alias: str) -> tuple[str, str]:
    """Let an alias point to the index before; returns (index now, index until now)."""
    return roll_back(open_server(workspace), alias)


def sample_queries(queries: Vectors) -> Vectors:
    """A seeded part of the queries that have a vector, in their order."""
    directed = np.flatnonzero(np.asarray(queries).any(axis=1))
    rng = np.random.default_rng(SEED)
    chosen = np.sort(rng.choice(directed, size=min(SAMPLE, len(directed)), replace=False))
    return np.asarray(queries[chosen])


def _told(found: Found, wanted: IndexSpec) -> list[str]:
    """How an index of the same task and model is built, and whether it was made of something else."""
    m = found.manifest.get("m")
    parts = [found.told("type"), *([] if m is None else [f"m {m}"]), found.told("state")]
    if found.told("task_digest") != wanted.task_digest:
        parts.append("of other texts or judgements")
    elif found.told("fingerprint") != wanted.fingerprint:
        parts.append("of other vectors")
    return parts


def _check_whole(server: Server, spec: IndexSpec) -> None:
    state = index_state(server, spec)
    if state != COMPLETE:
        others = [
            f"{f.name} ({', '.join(_told(f, spec))})"
            for f in list_indices(server)
            if f.manifest.get("task") == spec.task and f.manifest.get("model") == spec.model
        ]
        has = f" Of this task and model there are: {'; '.join(others)}." if others else ""
        raise UserError(
            f"{server.url}: the index {spec.name} is {'still loading' if state else 'missing'}.{has} Run first: "
            f"xlembed run --index elasticsearch --index-type {spec.type} -m {spec.model} -t {spec.task} --out es, "
            "or publish with the settings it was built with"
        )
    held = count(server, spec.name)
    if held != spec.documents:
        raise UserError(
            f"{server.url}: {spec.name} holds {held:,} documents instead of {spec.documents:,}; something else "
            "wrote to it or deleted from it. Delete it and build it again"
        )
