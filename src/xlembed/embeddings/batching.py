"""Which texts go through the model together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
"""int64, shape (n,): places in a list."""


def plan_batches(
    token_counts: Sequence[int] | NDArray[np.int64], batch_tokens: int, most: int | None = None
) -> list[Positions]:
    """Cut a list of texts into batches of similar length, longest first.

    Texts are sorted by token count, descending, equal ones in list order. A batch is as long as it may be
    while its longest text's tokens x its size <= `batch_tokens`; a text above the budget is a batch of its
    own. Longest first, because what does not fit into memory then fails at the start. What a batch holds follows from
    its first text alone, so whatever whole batches are taken out of the list, the others stay as they were.

    Args:
        token_counts: tokens of each text after truncation; 0 counts as 1.
        batch_tokens: padded tokens of one batch, at least 1.
        most: texts of one batch.

    Returns:
        Positions of each batch's texts; every position once; no batch for an empty list.

    >>> [batch.tolist() for batch in plan_batches([3, 9, 4, 4], batch_tokens=8)]
    [[1], [2, 3], [0]]
    """
    if batch_tokens < 1:
        raise ValueError(f"batch_tokens must be at least 1, found {batch_tokens}")
    counts = np.maximum(np.asarray(token_counts, dtype=np.int64), 1)
    order = np.argsort(-counts, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // int(counts[order[start]]))
        batches.append(order[start : start + (min(size, most) if most else size)])
        start += len(batches[-1])
    return batches
