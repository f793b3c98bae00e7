"""Several sets of rows -> the batches of an epoch: weighted, shuffled by seed, without false negatives in a batch."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from xlembed.data.text_digest import text_digest
from xlembed.training.loop import EpochBatches
from xlembed.words import UserError

Integers = NDArray[np.integer[Any]]
"""Row numbers, shape (rows,)."""
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
    them wait, or at the end. `marks` are those of every row that `rows` may name.
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


class Rows(Dataset[dict[str, Any]]):
    """Texts and labels as the trainer's collator reads them.

    Columns are called c0, c1, ...: the collator tells columns apart by the beginnings of their names, and
    `negative` is one of `negative_1`.
    """

    def __init__(self, columns: Sequence[Sequence[str]], labels: NDArray[np.float32] | None = None) -> None:
        self._columns = columns
        self._labels = labels

    @property
    def column_names(self) -> list[str]:
        """Asked for by the trainer."""
        return [f"c{i}" for i in range(len(self._columns))]

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, row: int) -> dict[str, Any]:
        values: dict[str, Any] = {f"c{i}": texts[row] for i, texts in enumerate(self._columns)}
        if self._labels is not None:
            values["label"] = torch.from_numpy(np.array(self._labels[row]))
        return values


class OrderedBatches(EpochBatches):
    """Consecutive slices of `order(epoch)`; `epoch` is set from outside before each pass.

    A last batch of a single row, which has no negatives, is left out; with several processes also the
    batches that not every process would get.
    """

    def __init__(self, n_rows: int, batch: int, order: Callable[[int], Integers], processes: int = 1) -> None:
        super().__init__(range(n_rows), batch, drop_last=False)
        self._n_rows = n_rows
        self._order = order
        self._length = len(order(0))
        if processes == 1:
            self._batches = self._length // batch + (self._length % batch >= 2)
        else:
            self._batches = self._length // batch // processes * processes
        if not self._batches:
            raise UserError(
                f"too few rows: {self._length} in an epoch give no full batch for each of {processes} processes "
                f"(batch: {batch})"
                if processes > 1
                else f"too few rows: an epoch needs at least 2, found {self._length}"
            )

    @property
    def rows(self) -> int:
        """Rows seen in an epoch."""
        return min(self._batches * self.batch_size, self._length)

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[int]]:
        order = np.asarray(self._order(self.epoch))
        if len(order) != self._length or order.min() < 0 or order.max() >= self._n_rows:
            raise ValueError(
                f"epoch {self.epoch}: expected {self._length} rows from 0 to {self._n_rows - 1}, found "
                f"{len(order)} from {order.min()} to {order.max()}"
            )
        for i in range(self._batches):
            yield [int(row) for row in order[i * self.batch_size : (i + 1) * self.batch_size]]
