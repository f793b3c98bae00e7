"""A task's vectors, and its texts, in Elasticsearch: what an index of them is called, building it, opening it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xlembed.data.task import Task
from xlembed.embeddings.embedded import unit_vectors
from xlembed.embeddings.export import Embeddings
from xlembed.models.spec import ModelRef
from xlembed.search.elastic.builder import build, index_state, node_plugins
from xlembed.search.elastic.connection import Server, connect
from xlembed.search.elastic.engine import MARGIN, ElasticIndex
from xlembed.search.elastic.index_type import find_type
from xlembed.search.elastic.layout import (
    SIMILARITY,
    WORDS,
    IndexSpec,
    check_fits,
    choose_analyzers,
    oversample_of,
)
from xlembed.search.elastic.sealing import COMPLETE
from xlembed.search.elastic.source import Source
from xlembed.search.elastic.words import ElasticWords, words_fingerprint
from xlembed.settings import IndexSettings
from xlembed.words import UserError, Vectors
from xlembed.workspace import Watch, Workspace

WORDS_NAME = "bm25"
"""Of the index that every model's hybrid search shares with search by words alone."""
SEARCH_PATIENCE = 120.0
"""Seconds for which the searches of an evaluation wait out a restart of the server."""


def open_server(workspace: Workspace) -> Server:
    """The server that --es-url or the environment names."""
    return connect(workspace.es_url, workspace.root)


def index_spec(
    task: Task,
    ref: ModelRef,
    embeddings: Embeddings,
    settings: IndexSettings,
    server: Server,
    *,
    n_documents: int,
    copy: str = "",
) -> IndexSpec:
    """What an index of exactly these vectors under these settings holds.

    The server decides on analyzers by the plugins it has; `n_documents` have a vector, since a zero vector is not
    indexed; `copy` tells apart indices that are alike in all else.
    """
    dims = int(embeddings.documents.shape[1])
    check_fits(settings, dims)
    graph = find_type(settings.type).graph
    return IndexSpec(
        task=task.name,
        model=ref.vectors_slug,
        task_digest=task.digest,
        documents_digest=task.documents_digest,
        fingerprint=str(embeddings.manifest["fingerprint"]),
        revision=ref.card.revision or "",
        dims=dims,
        documents=n_documents,
        type=settings.type,
        m=settings.m if graph else None,
        ef_construction=settings.ef_construction if graph else None,
        shards=settings.shards,
        segments=1 if settings.force_merge else None,
        analyzers=choose_analyzers(task.languages, node_plugins(server)),
        copy=copy,
    )


def build_index(
    task: Task, ref: ModelRef, embeddings: Embeddings, workspace: Workspace, run_id: str | None, watch: Watch
) -> dict[str, str]:
    """Make sure that the task's index is complete on the server; tells its name."""
    server = open_server(workspace)
    settings = workspace.settings.index
    source = Source(task.documents, unit_vectors(embeddings.documents))
    spec = index_spec(task, ref, embeddings, settings, server, n_documents=len(source.rows))
    return {"name": build(server, spec, source, settings, run_id=run_id, watch=watch).name}


def open_elastic(task: Task, ref: ModelRef, embeddings: Embeddings, workspace: Workspace) -> ElasticIndex:
    """The task's complete index.

    Raises:
        UserError: it is missing, or still loading.
    """
    server = open_server(workspace)
    settings = workspace.settings.index
    vectors = unit_vectors(embeddings.documents)
    n_documents = len(Source(task.documents, vectors).rows)
    spec = index_spec(task, ref, embeddings, settings, server, n_documents=n_documents)
    require_complete(server, spec, ref.slug)
    return attach(server, spec.name, task, vectors, settings)


def require_complete(server: Server, spec: IndexSpec, model: str) -> None:
    """Refuse to search what is not there whole.

    Raises:
        UserError: the index is missing, or still loading; says how `model` gets it.
    """
    state = index_state(server, spec)
    if state != COMPLETE:
        raise UserError(
            f"{server.url}: the index {spec.name} "
            + ("is still loading" if state else "is missing")
            + f": run xlembed index -m {model} -t {spec.task}"
        )


def attach(
    server: Server, name: str, task: Task, vectors: Vectors, settings: IndexSettings, *, margin: int = MARGIN
) -> ElasticIndex:
    """An index that is known to be complete, with the settings of a search."""
    return ElasticIndex(
        replace(server, patience=SEARCH_PATIENCE),
        name,
        [d.doc_id for d in task.documents],
        [d.lang for d in task.documents],
        vectors,
        type=settings.type,
        num_candidates=settings.num_candidates,
        oversample=oversample_of(settings),
        margin=margin,
    )


def words_spec(task: Task, settings: IndexSettings, server: Server) -> IndexSpec:
    """What an index of all texts of a task holds.

    It is one of its own, although an index of vectors holds texts too: that one lacks documents without a vector, and
    documents sent twice would count twice in the statistics of words until they are merged away, which is done here.
    """
    analyzers = choose_analyzers(task.languages, node_plugins(server))
    return IndexSpec(
        task=task.name,
        model=WORDS_NAME,
        task_digest=task.digest,
        documents_digest=task.documents_digest,
        fingerprint=words_fingerprint(analyzers, server.version[0]),
        revision="",
        dims=0,
        documents=len(task.documents),
        type=WORDS,
        m=None,
        ef_construction=None,
        shards=settings.shards,
        segments=1,
        analyzers=analyzers,
    )


def build_words(task: Task, workspace: Workspace, run_id: str | None, watch: Watch) -> dict[str, Any]:
    """Make sure that the task's texts are on the server; tells what determines the answers, and the index's name."""
    server = open_server(workspace)
    settings = workspace.settings.index
    spec = words_spec(task, settings, server)
    built = build(server, spec, Source.of_texts(task.documents), settings, run_id=run_id, watch=watch)
    return describe_words(spec) | {"name": built.name}


def open_words(task: Task, workspace: Workspace, texts: Sequence[str]) -> tuple[ElasticWords, dict[str, Any]]:
    """Queries to the task's complete index, and what determines the answers.

    Raises:
        UserError: it is missing, or still loading.
    """
    server = open_server(workspace)
    spec = words_spec(task, workspace.settings.index, server)
    require_complete(server, spec, WORDS_NAME)
    doc_ids, langs = [d.doc_id for d in task.documents], [d.lang for d in task.documents]
    patient = replace(server, patience=SEARCH_PATIENCE)
    return ElasticWords(patient, spec.name, doc_ids, langs, task.languages, texts), describe_words(spec)


def describe_words(spec: IndexSpec) -> dict[str, Any]:
    """What determines the answers, beside the texts."""
    return {
        "similarity": SIMILARITY["type"],
        "parameters": SIMILARITY,
        "analyzers": dict(spec.analyzers),
        "fingerprint": spec.fingerprint,
    }
