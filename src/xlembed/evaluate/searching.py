"""One way to open any kind of search: by vectors, by words, by both, and ranked anew by a slower model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.embeddings.export import Embeddings
from xlembed.evaluate.imported import FILE, describe_rankings, read_table, table_searcher
from xlembed.evaluate.index import describe_index
from xlembed.evaluate.late import open_late
from xlembed.evaluate.late_manifest import describe_late
from xlembed.evaluate.reranking import open_reranker
from xlembed.models.rescoring import TRANSLATED
from xlembed.models.safety import check_kinds
from xlembed.models.spec import ModelRef, Variation
from xlembed.search.base import VectorIndex
from xlembed.search.engine import exact_index, find_engine
from xlembed.search.fusion import FusedSearcher, Fusion, one_after_another
from xlembed.search.remedied import RescoredSearcher, TranslatedSearcher, check_remedies, translations
from xlembed.search.reranking import RerankedSearcher
from xlembed.search.searcher import Searcher, VectorSearcher
from xlembed.words import Kind, UserError, Vectors
from xlembed.workspace import Workspace


@dataclass(frozen=True)
class Questions:
    """What is asked, instead of a task's own queries.

    Attributes:
        texts: of each.
        vectors: float32, shape (n, dim); not looked at where only words are searched.
        slow_vectors: likewise, of the model that ranks anew; None where there is none or it makes no vectors.
    """

    texts: Sequence[str]
    vectors: Vectors | None = None
    slow_vectors: Vectors | None = None


@dataclass(frozen=True)
class OpenSearch:
    """A search over a task's documents that is ready to be asked.

    Attributes:
        searcher: knows the questions by their rows.
        description: what determines the answers; without dates and places.
        fingerprint: of what makes the scores: vectors, words, fusion, ranking anew.
        base_fingerprint: of the vectors before they were cut; the fingerprint itself where there are none.
        embeddings: None where only words are searched.
        index: of the vectors, likewise.
        reference: the same search with exact search for its vectors; None where nothing is approximate.
        vectors: of the questions, where it has any.
        manifest: of vectors of tokens; empty where there are none.
    """

    searcher: Searcher
    description: dict[str, Any]
    fingerprint: str
    base_fingerprint: str
    embeddings: Embeddings | None = None
    index: VectorIndex | None = None
    reference: Searcher | None = None
    vectors: Vectors | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)


def open_search(
    task: Task, ref: ModelRef, workspace: Workspace, questions: Questions | None = None
) -> OpenSearch:
    """Open what `encode` and `index` have prepared.

    Raises:
        UserError: vectors or index are missing or belong to other texts, or the engine cannot do it.
    """
    if ref.card.imported:
        return open_imported(task, ref, workspace)
    check_kinds(ref, workspace.settings.index.engine)
    texts = questions.texts if questions else [q.text for q in task.queries]
    if ref.card.lexical:
        words, description = find_engine(workspace.settings.index).open_words(task, workspace, texts)
        fingerprint = description["fingerprint"]
        description = describe_index(task, workspace) | {"exact": words.exact} | description
        found = OpenSearch(words, description, fingerprint, fingerprint)
    else:
        found = _open_vectors(task, ref, workspace, questions)
        if ref.variation.fused:
            found = _beside_words(found, task, workspace, texts, Fusion(ref.variation.alpha))
    if ref.variation.translated or ref.variation.rescored:
        if questions and ref.variation.translated:
            raise UserError(
                f"{ref.slug}: a text that is typed has no translations; search with "
                f"{ref.slug.replace(f'+{TRANSLATED}', '')}"
            )
        found = _with_remedies(found, task, ref.variation)
    return found if ref.reranker is None else _ranked_anew(found, task, ref, workspace, questions)


def open_imported(
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    table: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
) -> OpenSearch:
    """Rankings of another system: `table`, or what was imported before.

    Raises:
        UserError: they are missing or damaged.
    """
    if table is None:
        table = read_table(workspace.run_folder(task.name, ref.slug) / FILE)
    description = describe_rankings(task, table, workspace)
    searcher, fingerprint = table_searcher(task, table), str(description["fingerprint"])
    return OpenSearch(searcher, description, fingerprint, fingerprint, manifest={"notes": list(notes)})


def _open_vectors(task: Task, ref: ModelRef, workspace: Workspace, questions: Questions | None) -> OpenSearch:
    if ref.card.kind is Kind.LATE_INTERACTION:
        return _open_late(task, ref, workspace, questions)
    embeddings = open_embeddings(task, ref, workspace)
    vectors = unit_vectors(embeddings.queries) if questions is None else questions.vectors
    if vectors is None:
        raise ValueError("questions to vectors need vectors")
    engine = find_engine(workspace.settings.index)
    index = engine.open_vectors(task, ref, embeddings, workspace)
    exact = VectorSearcher(exact_index(task, embeddings), vectors) if engine.compared else None
    return OpenSearch(
        VectorSearcher(index, vectors),
        describe_index(task, workspace, embeddings),
        str(embeddings.manifest["fingerprint"]),
        str(embeddings.manifest["base_fingerprint"]),
        embeddings,
        index,
        exact,
        vectors,
    )


def _open_late(task: Task, ref: ModelRef, workspace: Workspace, questions: Questions | None) -> OpenSearch:
    """By the vectors of tokens."""
    searcher, manifest = open_late(task, ref, workspace, questions.texts if questions else None)
    description = describe_index(task, workspace) | describe_late(manifest)
    fingerprint = str(manifest["fingerprint"])
    return OpenSearch(searcher, description, fingerprint, fingerprint, manifest=manifest)


def _beside_words(
    by_vector: OpenSearch, task: Task, workspace: Workspace, texts: Sequence[str], fusion: Fusion
) -> OpenSearch:
    """Vectors and words as one search."""
    engine = find_engine(workspace.settings.index)
    words, found = engine.open_words(task, workspace, texts)
    doc_ids = [d.doc_id for d in task.documents]
    retrieve = engine.both(by_vector.searcher, by_vector.index, by_vector.vectors, words)
    reference = None
    if by_vector.reference is not None:
        both = one_after_another([by_vector.reference, words])
        reference = FusedSearcher(both, doc_ids, len(texts), fusion)
    fingerprint = fused_fingerprint(by_vector.fingerprint, found["fingerprint"], fusion)
    description = by_vector.description | {
        "exact": False,
        "fingerprint": fingerprint,
        "fusion": fusion.description,
        "words": found,
    }
    return replace(
        by_vector,
        searcher=FusedSearcher(retrieve, doc_ids, len(texts), fusion),
        description=description,
        fingerprint=fingerprint,
        reference=reference,
    )


def _with_remedies(plain: OpenSearch, task: Task, variation: Variation) -> OpenSearch:
    """The same search by translations too, or with its languages merged; the first before the second."""
    check_remedies(task, variation)
    doc_ids, langs = [d.doc_id for d in task.documents], [d.lang for d in task.documents]
    names = [TRANSLATED] * variation.translated + ([variation.rescored.name] if variation.rescored else [])

    def remedied(searcher: Searcher) -> Searcher:
        if variation.translated:
            searcher = TranslatedSearcher(searcher, translations(task), doc_ids)
        if variation.rescored:
            searcher = RescoredSearcher(searcher, variation.rescored, doc_ids, langs)
        return searcher

    fingerprint = _digest({"search": plain.fingerprint, "remedies": names})
    return replace(
        plain,
        searcher=remedied(plain.searcher),
        description=plain.description | {"exact": False, "fingerprint": fingerprint, "remedies": names},
        fingerprint=fingerprint,
        reference=plain.reference and remedied(plain.reference),
    )


def _ranked_anew(
    fast: OpenSearch, task: Task, ref: ModelRef, workspace: Workspace, questions: Questions | None
) -> OpenSearch:
    """The fast search, its first documents put in order by the slow model."""
    rerank = ref.variation.rerank
    if rerank is None:
        raise ValueError(f"{ref.slug} does not say what is ranked anew")
    texts = questions.texts if questions else None
    slow = open_reranker(task, ref, workspace, texts, questions.slow_vectors if questions else None)
    doc_ids = [d.doc_id for d in task.documents]
    fingerprint = reranked_fingerprint(fast.fingerprint, slow.fingerprint, rerank.depth)
    reference = fast.reference and RerankedSearcher(fast.reference, slow.scorer, doc_ids, rerank.depth)
    reranking = {"depth": rerank.depth, "model": rerank.model} | slow.description
    return replace(
        fast,
        searcher=RerankedSearcher(fast.searcher, slow.scorer, doc_ids, rerank.depth),
        description=fast.description | {"fingerprint": fingerprint, "rerank": reranking},
        fingerprint=fingerprint,
        reference=reference,
    )


def fused_fingerprint(vectors: str, words: str, fusion: Fusion) -> str:
    """Hash of all that determines a hybrid ranking."""
    return _digest({"vectors": vectors, "words": words, "fusion": fusion.ingredient})


def reranked_fingerprint(fast: str, slow: str, depth: int) -> str:
    """Hash of all that determines a ranking in two stages."""
    return _digest({"fast": fast, "slow": slow, "depth": depth})


def _digest(ingredients: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()
