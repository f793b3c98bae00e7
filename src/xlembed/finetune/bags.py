"""Ragged lists of numbers, and sums of matrix rows over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Bags:
    """Lists of row numbers, end to end.

    Example:
        >>> bags = Bags.of([[3, 1], [], [2]])
        >>> bags.take(np.array([2, 0])).items.tolist()
        [2, 3, 1]
    """

    items: Integers
    sizes: Integers

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Bags:
        """Bags from Python lists."""
        sizes = np.array([len(entry) for entry in lists], dtype=np.int64)
        return cls(np.array([item for entry in lists for item in entry], dtype=np.int64), sizes)

    @property
    def starts(self) -> Integers:
        """Where each bag begins in `items`."""
        return np.cumsum(self.sizes) - self.sizes

    def take(self, numbers: Integers, starts: Integers | None = None) -> Bags:
        """The bags with these numbers, in this order; `starts` saves adding up the sizes again."""
        sizes = self.sizes[numbers]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        begins = (self.starts if starts is None else starts)[numbers]
        return Bags(self.items[within + np.repeat(begins, sizes)], sizes)


def used_rows(items: Integers, n_rows: int) -> tuple[Integers, Integers]:
    """The distinct items, ascending, and each item's place among them.

    Example:
        >>> rows, places = used_rows(np.array([7, 2, 7]), 10)
        >>> rows.tolist(), places.tolist()
        ([2, 7], [1, 0, 1])
    """
    flags = np.zeros(n_rows, dtype=bool)
    flags[items] = True
    rows = np.flatnonzero(flags)
    places = np.empty(n_rows, dtype=np.int64)
    places[rows] = np.arange(len(rows))
    return rows, places[items]


def sum_rows(matrix: torch.Tensor, bags: Bags) -> torch.Tensor:
    """Per bag, the sum of the matrix rows it lists; shape (n_bags, dim); zeros for an empty bag."""
    result: torch.Tensor = _SumRows.apply(matrix, bags)  # type: ignore[no-untyped-call]
    return result


class _SumRows(torch.autograd.Function):
    """EmbeddingBag whose gradient is an EmbeddingBag over the transposed lists.

    PyTorch's own backward of EmbeddingBag on a CPU takes three times as long, and this one adds up in
    a fixed order whatever the number of threads.
    """

    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor, bags: Bags) -> torch.Tensor:
        ctx.bags = bags
        ctx.n_rows = matrix.shape[0]
        return _embedding_bag(matrix, bags.items, bags.starts)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        bags: Bags = ctx.bags
        order = np.argsort(bags.items, kind="stable")
        owners = np.repeat(np.arange(len(bags.sizes)), bags.sizes)[order]
        counts = np.bincount(bags.items, minlength=ctx.n_rows)
        return _embedding_bag(gradient.contiguous(), owners, np.cumsum(counts) - counts), None


def _embedding_bag(matrix: torch.Tensor, items: Integers, starts: Integers) -> torch.Tensor:
    return torch.nn.functional.embedding_bag(
        torch.from_numpy(items), matrix, torch.from_numpy(starts), mode="sum"
    )
