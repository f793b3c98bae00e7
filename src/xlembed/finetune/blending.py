"""Several sets of rows -> the order of an epoch: weighted, shuffled by seed, without false negatives in a batch."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.data.text_digest import text_digest

Integers = NDArray[np.int64]
GROUP = "group "
LOOKAHEAD = 8
"""Batches of rows that may wait."""


def epoch_rows(sizes: Sequence[int], weights: Sequence[float], seed: int, epoch: int) -> Integers:
    """Which rows an epoch sees, shuffled; rows are numbered through the sets.

    The epoch has as many rows as the sets together. With equal weights each comes once; else a row of a set with twice
    the weight comes twice as often: whole repeats first, the rest drawn without replacement.

    >>> sorted(epoch_rows([2, 3], [1, 1], seed=1, epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    rng = np.random.default_rng([seed, epoch])
    n_rows = np.array(sizes, dtype=np.float64)
    shares = n_rows * np.asarray(weights) / (n_rows * np.asarray(weights)).sum()
    counts = np.floor(shares * n_rows.sum()).astype(np.int64)
    # What rounding left goes to the sets that lost most by it.
    lost = shares * n_rows.sum() - counts
    counts[np.argsort(-lost, kind="stable")[: int(n_rows.sum()) - int(counts.sum())]] += 1
    parts, start = [], 0
    for size, count in zip(sizes, counts.tolist(), strict=True):
        whole, rest = divmod(count, size)
        drawn = rng.choice(size, rest, replace=False)
        parts.append(start + np.concatenate([np.tile(np.arange(size), whole), drawn]))
        start += size
    rows: Integers = rng.permutation(np.concatenate(parts)).astype(np.int64)
    return rows


def spread(rows: Integers, marks: Sequence[frozenset[str]], batch: int) -> Integers:
    """The same rows, reordered so that few in a batch share a mark: none where that can be had.

    Texts and group of a row are its marks: two rows that share one are no negatives of each other. A row that collides
    waits for the next batch it fits into; batches are filled up with rows that collide only when `LOOKAHEAD` batches of
    them wait, or at the end.

    Args:
        rows: in shuffled order.
        marks: of every row that `rows` may name.
        batch: rows per batch.
    """
    waiting: deque[int] = deque()
    coming = deque(_evenly(rows.tolist(), marks))
    ordered: list[int] = []
    while waiting or coming:
        taken: set[str] = set()
        chosen: list[int] = []
        still: list[int] = []
        while len(chosen) < batch and (waiting or (coming and len(still) < LOOKAHEAD * batch)):
            row = waiting.popleft() if waiting else coming.popleft()
            if taken.isdisjoint(marks[row]):
                taken |= marks[row]
                chosen.append(row)
            else:
                still.append(row)
        short = batch - len(chosen)
        ordered += [*chosen, *still[:short]]
        waiting.extendleft(reversed(still[short:]))  # the longest waiting first
    return np.array(ordered, dtype=np.int64)


def _evenly(rows: Sequence[int], marks: Sequence[frozenset[str]]) -> list[int]:
    """Rows of a large group spread over the epoch, else they are what is left for the last batches."""
    groups = [next((mark for mark in sorted(marks[row]) if mark.startswith(GROUP)), None) for row in rows]
    sizes, seen = Counter(groups), Counter[str | None]()
    places: list[tuple[float, int]] = []
    for i, (row, group) in enumerate(zip(rows, groups, strict=True)):
        place = i / len(rows)
        if (
            group is not None
        ):  # the k-th of n goes into the k-th n-th of the epoch, at its own random place there
            place = (seen[group] + place) / sizes[group]
            seen[group] += 1
        places.append((place, row))
    return [row for _, row in sorted(places)]


def row_marks(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[frozenset[str]]:
    """What makes two rows no negatives of each other: a text in common, or the group."""
    return [
        frozenset(
            [text_digest(row[column]) for column in columns]
            + ([f"{GROUP}{row['group']}"] if row.get("group") is not None else [])
        )
        for row in rows
    ]
