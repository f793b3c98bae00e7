"""A task's texts in memory, found by their words: what is searched, and what determines the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xlembed.data.task import Document, Task
from xlembed.search.analysis import analyser_name
from xlembed.search.bm25 import PARAMETERS, Bm25Words, bm25_fingerprint, library_versions


def open_local_words(task: Task, texts: Sequence[str]) -> tuple[Bm25Words, dict[str, Any]]:
    """Questions to a task's documents, and what determines the answers; indexed anew each time."""
    words = Bm25Words(
        [d.doc_id for d in task.documents],
        [d.lang for d in task.documents],
        [searched_text(d) for d in task.documents],
        texts,
    )
    return words, describe_local_words(task)


def describe_local_words(task: Task) -> dict[str, Any]:
    """What determines the answers, beside the texts."""
    return {
        "similarity": PARAMETERS["type"],
        "parameters": PARAMETERS,
        "analyzers": {lang: analyser_name(lang) for lang in sorted(task.languages)},
        "libraries": library_versions(),
        "fingerprint": bm25_fingerprint(task.languages),
    }


def searched_text(document: Document) -> str:
    """Title and text, as the server's index holds them."""
    return f"{document.title}\n{document.text}" if document.title else document.text
