"""Identical documents become one, with all their judgements."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from xlembed.data.task import Document, Merge
from xlembed.words import counted


@dataclass(frozen=True)
class Merged:
    """Documents without repetitions, judgements on those kept, and what was merged into what."""

    documents: tuple[Document, ...]
    qrels: dict[str, dict[str, int]]
    merges: tuple[Merge, ...]
    notes: tuple[str, ...]


def merge_identical(documents: Sequence[Document], qrels: Mapping[str, Mapping[str, int]]) -> Merged:
    """The first of each (language, title, text) is kept; a query's grade for it is the highest of its copies.

    Every judged pair (query, document) stays judged, on the kept document. Copies that a query grades
    differently are noted, and so are documents that differ from another
    only in white space around the text or in Unicode form.
    """
    first: dict[tuple[str, str, str], str] = {}
    kept_for: dict[str, str] = {}
    kept: list[Document] = []
    for document in documents:
        key = (document.lang, document.title, document.text)
        if key not in first:
            first[key] = document.doc_id
            kept.append(document)
        kept_for[document.doc_id] = first[key]
    merges = tuple(Merge(doc_id, keeper) for doc_id, keeper in kept_for.items() if doc_id != keeper)
    united: dict[str, dict[str, int]] = {}
    unequal = 0
    for query_id, docs in qrels.items():
        united[query_id] = {}
        for doc_id, grade in docs.items():
            earlier = united[query_id].get(kept_for[doc_id])
            unequal += earlier is not None and earlier != grade
            united[query_id][kept_for[doc_id]] = grade if earlier is None else max(earlier, grade)
    return Merged(tuple(kept), united, merges, tuple(_notes(kept, merges, unequal)))


def _notes(kept: Sequence[Document], merges: Sequence[Merge], unequal: int) -> list[str]:
    notes = []
    if merges:
        shown = ", ".join(f"{m.doc_id} = {m.kept}" for m in merges[:3]) + (" ..." if len(merges) > 3 else "")
        subject = counted(len(merges), "document is", "documents are")
        notes.append(
            f"{subject} identical to an earlier one (language, title and text) and united with it, "
            f"judgements included: {shown}"
        )
    if unequal:
        subject = counted(unequal, "judgement")
        notes.append(f"{subject} of identical documents had unequal grades: the highest is kept")
    seen = {(d.lang, d.title, d.text) for d in kept}
    for change, what in (
        (str.strip, "white space around {it}"),
        (partial(unicodedata.normalize, "NFC"), "Unicode form (NFC, NFD)"),
    ):
        alike = len(seen)
        seen = {(lang, change(title), change(text)) for lang, title, text in seen}
        if alike := alike - len(seen):
            subject = counted(alike, "document differs", "documents differ")
            difference = what.format(it="it" if alike == 1 else "them")
            notes.append(f"{subject} from another one only in {difference}: kept apart")
    return notes
