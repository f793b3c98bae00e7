"""The slower of two models: what says how well a document fits a query, opened from what `encode` prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from xlembed.data.task import Task
from xlembed.embeddings.assignment import load_options, locate_model
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.embeddings.texts import document_text
from xlembed.evaluate.late import open_late_pairs
from xlembed.models.spec import ModelRef
from xlembed.search.reranking import PairScorer, TextPairs, VectorPairs
from xlembed.words import Kind, Vectors
from xlembed.workspace import Workspace

if TYPE_CHECKING:
    from xlembed.models.cross_encoder import PairModel


@dataclass(frozen=True)
class Reranker:
    """What ranks anew.

    Attributes:
        scorer: knows queries and documents by their rows.
        description: what determines its scores.
        fingerprint: of all that does.
    """

    scorer: PairScorer
    description: dict[str, Any]
    fingerprint: str


def open_reranker(
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    texts: Sequence[str] | None = None,
    vectors: Vectors | None = None,
) -> Reranker:
    """The second stage of a model.

    Args:
        task: whose documents are ranked.
        ref: the whole model, both stages.
        workspace: settings and places.
        texts: of the questions; None: the task's queries.
        vectors: of the questions by the slow model, if it makes any; looked at only with `texts`.

    Raises:
        UserError: its vectors are missing or belong to other texts, or it cannot be loaded.
    """
    slow = ref.second_stage
    if slow is None:
        raise ValueError(f"{ref.slug} has no second stage")
    if slow.card.kind is Kind.LATE_INTERACTION:
        pairs, manifest = open_late_pairs(task, slow, workspace, texts)
        fingerprint = str(manifest["fingerprint"])
        return Reranker(pairs, {"kind": str(slow.card.kind), "fingerprint": fingerprint}, fingerprint)
    if not slow.card.has_vectors:
        return _reader(task, slow, workspace, texts or [q.text for q in task.queries])
    embeddings = open_embeddings(task, slow, workspace)
    queries = unit_vectors(embeddings.queries) if texts is None else vectors
    if queries is None:
        raise ValueError("questions to vectors need vectors")
    scorer = VectorPairs(queries, unit_vectors(embeddings.documents))
    fingerprint = str(embeddings.manifest["fingerprint"])
    return Reranker(scorer, {"kind": str(slow.card.kind), "fingerprint": fingerprint}, fingerprint)


def _reader(task: Task, slow: ModelRef, workspace: Workspace, texts: Sequence[str]) -> Reranker:
    """A model that reads query and document at once."""
    settings = workspace.settings.encode
    folder, base = locate_model(slow, settings, "none")  # nothing is stored

    @cache
    def model() -> PairModel:
        from xlembed.models.cross_encoder import load_cross_encoder  # torch only when something must be read

        return load_cross_encoder(slow, folder=folder, **load_options(settings))

    documents = [document_text(slow.card, d) for d in task.documents]
    scorer = TextPairs(lambda query, read: model().score_pairs(query, read), texts, documents)
    return Reranker(scorer, {"kind": str(slow.card.kind), "fingerprint": base.digest}, base.digest)
