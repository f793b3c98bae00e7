"""A smaller corpus that keeps every judged document."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence

from xlembed.data.task import Document
from xlembed.words import Lang


def sample_documents(
    documents: Sequence[Document], judged: Collection[str], n_per_language: int, seed: int
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """Documents in their order, at most `n_per_language` of each language, and notes on what was left out.

    All judged documents are kept, even when they are more. The others are chosen by the hash of seed and id:
    the choice depends on nothing else, so a larger sample contains the smaller one.
    """
    by_lang: dict[Lang, list[Document]] = defaultdict(list)
    for document in documents:
        by_lang[document.lang].append(document)
    chosen: set[str] = set()
    notes = []
    for lang, all_of_lang in sorted(by_lang.items()):
        must = {d.doc_id for d in all_of_lang if d.doc_id in judged}
        others = sorted(
            (d.doc_id for d in all_of_lang if d.doc_id not in must),
            key=lambda doc_id: sample_key(seed, doc_id),
        )
        taken = must | set(others[: max(0, n_per_language - len(must))])
        chosen |= taken
        if len(taken) < len(all_of_lang):
            more = f", more than the {n_per_language} asked for" if len(must) > n_per_language else ""
            notes.append(
                f"{lang}: {len(taken)} of {len(all_of_lang)} documents sampled (seed {seed}), "
                f"all {len(must)} judged ones among them{more}"
            )
    return tuple(d for d in documents if d.doc_id in chosen), tuple(notes)


def sample_key(seed: int, doc_id: str) -> bytes:
    """By which documents are chosen, the smallest first."""
    return hashlib.sha256(f"{seed}\t{doc_id}".encode()).digest()
