"""Which needs may not be resampled apart: those that share a right answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from scipy.cluster.hierarchy import DisjointSet

if TYPE_CHECKING:
    from xlembed.data.task import Task


def cluster_needs(
    need_documents: Mapping[str, Iterable[str]],
    document_groups: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Needs connected through a shared relevant document, or through a group of documents.

    Args:
        need_documents: need id -> ids of its relevant documents in any language; none is allowed.
        document_groups: document id -> group, for the documents that have one.
        overrides: need id -> cluster named by the user (the query field `cluster`). Such a need is
            clustered by that name alone: it neither joins other needs nor is joined through documents.
            A name that is also the id of another cluster means that cluster.

    Returns:
        need id -> cluster id, in the order of `need_documents`; the id is the override, or the smallest
        need id (as text) of the connected component. The order of the input does not matter.

    Raises:
        ValueError: if an override names a need that is not in `need_documents`.

    >>> cluster_needs({"n2": ["d1"], "n1": ["d1", "d2"], "n3": ["d3"]})
    {'n2': 'n1', 'n1': 'n1', 'n3': 'n3'}
    """
    groups, named = document_groups or {}, overrides or {}
    if unknown := sorted(set(named) - set(need_documents)):
        raise ValueError(f"cluster override for unknown needs {unknown[:5]}: expected need ids of this task")
    connected = DisjointSet(need for need in need_documents if need not in named)
    first_need: dict[tuple[str, str], str] = {}
    for need in connected:
        for document in need_documents[need]:
            answers = [("document", document)]
            if document in groups:
                answers.append(("group", groups[document]))
            for answer in answers:
                connected.merge(need, first_need.setdefault(answer, need))
    found = dict(named)
    for component in connected.subsets():
        found |= dict.fromkeys(component, min(component))
    return {need: found[need] for need in need_documents}


def task_clusters(task: Task) -> dict[str, str]:
    """Need id -> cluster id: needs connected through a relevant document or its group, or as the queries say."""
    return cluster_needs(
        {need: [d for d, grade in docs.items() if grade >= 1] for need, docs in task.needs.items()},
        {d.doc_id: d.group for d in task.documents if d.group},
        {q.need_id: q.cluster for q in task.queries if q.cluster},
    )
