"""One thread for what must come out the same to the last bit: how sums are shared out decides how they are rounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """No more in numpy, scipy and scikit-learn."""
    with threadpool_limits(1):
        yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """No more in torch."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
