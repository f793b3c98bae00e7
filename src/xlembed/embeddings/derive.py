"""Base vectors to the vectors that are searched: truncated, of unit length again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlembed.words import UserError, Vectors

CHUNK_ROWS = 8192
"""Rows that are in memory in float64 at a time."""


def derive(vectors: NDArray[np.floating], dim: int | None) -> Vectors:
    """The first `dim` numbers of each row, brought to unit length again; rows of zeros stay zeros.

    A row's result depends on that row alone. A memory map is read chunk by chunk; the result is in memory.

    Args:
        vectors: float32 or float16, shape (n, width).
        dim: numbers kept; None keeps all.

    Returns:
        float32, shape (n, dim).

    Raises:
        UserError: if `dim` is not between 1 and the width.
    """
    width = checked_dim(vectors.shape[1], dim)
    derived = np.empty((len(vectors), width), dtype=np.float32)
    for start in range(0, len(vectors), CHUNK_ROWS):
        block = vectors[start : start + CHUNK_ROWS, :width].astype(np.float64)
        length = np.sqrt(np.square(block).sum(axis=1, keepdims=True))
        derived[start : start + CHUNK_ROWS] = block / np.where(length > 0, length, 1)
    return derived


def checked_dim(width: int, dim: int | None) -> int:
    """The number of dimensions that are kept of `width`.

    Raises:
        UserError: if `dim` is not between 1 and `width`.
    """
    if dim is None:
        return width
    if not 1 <= dim <= width:
        raise UserError(f"cannot keep {dim} dimensions: the model's vectors have {width}")
    return dim
