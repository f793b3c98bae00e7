"""Vectors behind a score that tell no text from another: zeros, and all the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings.export import Embeddings
from xlembed.embeddings.store import CHUNK_ROWS

SAME = 1e-6
"""Cosines nearer to each other than this are ties (docs/evaluate.md)."""


def zero_vectors(embeddings: Embeddings | None) -> dict[str, list[str]]:
    """Ids of the texts without any known token, by role."""
    if embeddings is None:
        return {"documents": [], "queries": []}
    return {
        "documents": [embeddings.doc_ids[i] for i in np.flatnonzero(_is_zero(embeddings.documents))],
        "queries": [embeddings.query_ids[i] for i in np.flatnonzero(_is_zero(embeddings.queries))],
    }


def _is_zero(stored: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray(~np.asarray(stored).any(axis=1))


def vector_warnings(embeddings: Embeddings) -> list[str]:
    """What is wrong with vectors behind a score: prompts that are missing, rows of zeros, all rows the same."""
    warnings = list(embeddings.manifest.get("notes", ()))
    for plural, stored in (("documents", embeddings.documents), ("queries", embeddings.queries)):
        zero = _is_zero(stored)
        if zero.all():
            warnings.append(f"zero vectors for all {len(zero):,} {plural}: they tell none from another")
        elif zero.any():
            end = " (these rank last)" if plural == "documents" else ""
            warnings.append(f"zero vectors for {int(zero.sum()):,} of {len(zero):,} {plural}{end}")
        if (found := _n_if_same(stored, np.flatnonzero(~zero))) > 1:
            warnings.append(
                f"the vectors of {found:,} {plural}, all that are not zero, point the same way (cosines above "
                f"1 - {SAME:g}): they tell none from another"
            )
    return warnings


def _n_if_same(stored: NDArray[np.floating], rows: NDArray[np.intp]) -> int:
    """How many vectors these rows are if all point one way, else 0; looks no further than the first that differs."""
    if not len(rows):
        return 0
    first = _unit(stored[rows[:1]])[0]
    for start in range(0, len(rows), CHUNK_ROWS):
        if (_unit(stored[rows[start : start + CHUNK_ROWS]]) @ first < 1 - SAME).any():
            return 0
    return len(rows)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = np.asarray(vectors, dtype=np.float64)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True))
