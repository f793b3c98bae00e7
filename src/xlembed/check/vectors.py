"""What a model's vectors tell: whether a question finds its document, and which question it translates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from xlembed.check.result import Asked
from xlembed.check.texts import overlap, shingles
from xlembed.data.task import Query, Task
from xlembed.embeddings.document_vectors import document_vectors, text_vectors
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.texts import document_text
from xlembed.models.spec import ModelRef
from xlembed.search.base import exact_scores
from xlembed.words import Lang, Role
from xlembed.workspace import Watch, Workspace

NEAREST = 20
"""Documents that are looked at for near copies of one."""


def ask_model(task: Task, ref: ModelRef, near_copy: float, workspace: Workspace, watch: Watch) -> list[Asked]:
    """What the model says of each query, in order; from an overlap of `near_copy` on, documents are near copies.

    Raises:
        UserError: the model cannot be loaded, or has no vector of a text.
    """
    encoding = open_encoding(ref, workspace)
    texts = [document_text(ref.card, d) for d in task.documents]
    documents = document_vectors(encoding, texts, ref, watch, "documents")
    asked = [q.text for q in task.queries]
    queries = text_vectors(encoding, asked, ref, watch, "queries", Role.QUERY)
    row_of = {d.doc_id: i for i, d in enumerate(task.documents)}
    place = {q.query_id: i for i, q in enumerate(task.queries)}
    rows_in: dict[Lang, list[int]] = defaultdict(list)
    for i, d in enumerate(task.documents):
        rows_in[d.lang].append(i)
    originals_in: dict[Lang, list[int]] = defaultdict(list)
    for original in task.originals.values():
        originals_in[original.lang].append(place[original.query_id])
    copies_of: dict[tuple[int, frozenset[int]], tuple[str, ...]] = {}

    def first_rank(query: Query, pool: Sequence[int], right: frozenset[int]) -> int | None:
        """How many documents that are not right stand before the first that is, and one."""
        found = [i for i, row in enumerate(pool) if row in right]
        if not found:
            return None
        scores = exact_scores(queries[[place[query.query_id]]], documents[pool])[0]
        best = scores[found].max()
        return 1 + int((np.delete(scores, found) > best).sum())

    def copies(row: int, right: frozenset[int]) -> tuple[str, ...]:
        if (row, right) not in copies_of:
            pool = [i for i in rows_in[task.documents[row].lang] if i not in right]
            near = np.argsort(-exact_scores(documents[[row]], documents[pool])[0], kind="stable")[:NEAREST]
            own = shingles(texts[row])
            copies_of[row, right] = tuple(
                task.documents[pool[i]].doc_id
                for i in near
                if overlap(own, shingles(texts[pool[i]])) >= near_copy
            )
        return copies_of[row, right]

    def of(query: Query) -> Asked:
        right = frozenset(row_of[d] for d, grade in task.qrels.get(query.query_id, {}).items() if grade >= 1)
        own = row_of.get(query.doc_id or "", min(right, default=-1))
        if own < 0:
            return Asked()
        lang = task.documents[own].lang
        near = copies(own, right | {own})
        if ref.label(query.lang) or ref.label(lang):
            return Asked(near_copies=near)
        rank = first_rank(query, rows_in[lang], right)
        original = task.originals[query.need_id]
        if original.query_id == query.query_id or ref.label(original.lang):
            return Asked(rank=rank, near_copies=near)
        others = originals_in[original.lang]
        cosines = exact_scores(queries[[place[query.query_id]]], queries[others])[0]
        own_cosine = cosines[others.index(place[original.query_id])]
        nearer = int((cosines > own_cosine).sum())
        return Asked(rank=rank, near_copies=near, similarity=float(own_cosine), original_rank=1 + nearer)

    return [of(query) for query in task.queries]
