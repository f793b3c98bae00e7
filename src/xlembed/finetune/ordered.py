"""Rows in a given order, cut into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from xlembed.training.loop import EpochBatches
from xlembed.words import UserError

Integers = NDArray[np.integer[Any]]
"""Row numbers, shape (rows,)."""


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
