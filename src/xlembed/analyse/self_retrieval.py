"""Is anything wrong with the vectors before one reads scores? Faults, duplicates, self-retrieval, prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xlembed.stats.layout import Ints
from xlembed.words import Role, Vectors

SAME = 1e-6
"""Cosines this close are equal."""
DECIMALS = 5
BLOCK_CELLS = 2**24
"""Cosines that are in memory at one time."""


def vector_faults(vectors: NDArray[np.floating]) -> tuple[Ints, Ints]:
    """Rows of zeros, and rows that hold NaN or infinity.

    >>> [rows.tolist() for rows in vector_faults(np.array([[0, 0], [1, 0], [np.nan, 0]]))]
    [[0], [2]]
    """
    finite = np.isfinite(vectors).all(axis=1)
    zero = finite & ~vectors.any(axis=1)
    return np.flatnonzero(zero).astype(np.int64), np.flatnonzero(~finite).astype(np.int64)


def duplicate_rows(vectors: Vectors, rows: Ints) -> list[list[int]]:
    """Groups of rows whose vectors are equal to five decimals: texts that no search can tell apart.

    Args:
        vectors: float32, shape (n, dim).
        rows: int64; only these are looked at (leave out zeros and NaN).

    Returns:
        Groups of two or more rows, each ascending, in the order of their first rows.
    """
    groups: dict[bytes, list[int]] = {}
    for row in rows.tolist():
        key = (np.round(vectors[row], DECIMALS) + 0.0).astype(np.float32).tobytes()
        groups.setdefault(key, []).append(row)
    return [group for group in groups.values() if len(group) > 1]


def self_ranks(queries: Vectors, rows: Ints, documents: Vectors) -> Ints:
    """Rank of each document when its own text is asked: 1 + documents that are nearer (by more than 1e-6).

    Args:
        queries: vectors of the texts in the query role, float32, shape (n, dim), unit length.
        rows: of each one's document, int64, shape (n,).
        documents: float32, shape (m, dim), unit length or zeros.

    Returns:
        int64, shape (n,), from 1; duplicates of the document are not nearer than itself.
    """
    ranks = np.empty(len(rows), dtype=np.int64)
    size = max(1, BLOCK_CELLS // max(len(documents), 1))
    for start in range(0, len(rows), size):
        block = slice(start, start + size)
        cosines = queries[block] @ documents.T
        own = cosines[np.arange(len(cosines)), rows[block]]
        ranks[block] = 1 + (cosines > own[:, None] + SAME).sum(axis=1)
    return ranks


def missing_prompts(used: Mapping[str, str], asked: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Roles without a prompt although someone asks for one.

    Args:
        used: role -> what is put before its texts.
        asked: who asks (``card e5_base``) -> role -> prompt.

    Returns:
        A line for each role and asker.

    >>> missing_prompts({"query": "", "document": "text: "}, {"card e5": {"query": "query: ", "document": "text: "}})
    ["query: nothing is put before texts, but card e5 asks for 'query: '"]
    """
    return [
        f"{role}: nothing is put before texts, but {who} asks for {prompts[role]!r}"
        for who, prompts in asked.items()
        for role in map(str, Role)
        if prompts.get(role) and not used.get(role)
    ]


def doubled_prompts(used: Mapping[str, str], texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Roles whose texts begin with the prompt already, so that the model reads it twice.

    Args:
        used: role -> what is put before its texts.
        texts: role -> texts without prompt.

    >>> doubled_prompts({"query": "query: "}, {"query": ["query: where?", "when?"]})
    ["query: 1 of 2 texts begin with 'query:' already, and it is put before them again"]
    """
    lines = []
    for role, prompt in used.items():
        mark = prompt.strip()
        n = sum(text.lstrip().startswith(mark) for text in texts.get(role, ())) if mark else 0
        if n:
            lines.append(
                f"{role}: {n:,} of {len(texts[role]):,} texts begin with {mark!r} already, and it is put before them "
                "again"
            )
    return lines
