"""A task's texts in Elasticsearch, found by their words: what the index is called, building it, opening it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xlembed.data.task import Task
from xlembed.search.elastic.builder import build, node_plugins
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.layout import SIMILARITY, WORDS, IndexSpec, choose_analyzers
from xlembed.search.elastic.source import Source
from xlembed.search.elastic.tasks import open_server, require_complete
from xlembed.search.elastic.words import ElasticWords, words_fingerprint
from xlembed.settings import IndexSettings
from xlembed.workspace import Watch, Workspace

NAME = "bm25"
"""Of the index that every model's hybrid search shares with search by words alone."""


def words_spec(task: Task, settings: IndexSettings, server: Server) -> IndexSpec:
    """What an index of all texts of a task holds.

    It is one of its own, although an index of vectors holds texts too: that one lacks documents without a vector, and
    documents sent twice would count twice in the statistics of words until they are merged away, which is done here.
    """
    analyzers = choose_analyzers(task.languages, node_plugins(server))
    return IndexSpec(
        task=task.name,
        model=NAME,
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
    require_complete(server, spec, NAME)
    doc_ids, langs = [d.doc_id for d in task.documents], [d.lang for d in task.documents]
    return ElasticWords(server, spec.name, doc_ids, langs, task.languages, texts), describe_words(spec)


def describe_words(spec: IndexSpec) -> dict[str, Any]:
    """What determines the answers, beside the texts."""
    return {
        "similarity": SIMILARITY["type"],
        "parameters": SIMILARITY,
        "analyzers": dict(spec.analyzers),
        "fingerprint": spec.fingerprint,
    }
