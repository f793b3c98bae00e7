import sys
from types import SimpleNamespace

import numpy as np
import pytest

from xlembed.embeddings.memory import peak_mb, reset_peak


@pytest.mark.skipif(sys.platform != "linux", reason="the peak can be reset on Linux only")
def test_peak_of_the_process_counts_from_the_reset() -> None:
    np.ones(25_000_000)  # 200 MB, freed again
    reset_peak("cpu")
    start = peak_mb("cpu")
    np.ones(12_500_000)
    assert start + 80 < peak_mb("cpu") < start + 150


def test_cuda_is_asked_where_the_encoder_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    cuda = SimpleNamespace(
        reset_peak_memory_stats=asked.append, max_memory_allocated=lambda device: 3_000_000
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    reset_peak("cuda:0")
    assert asked == ["cuda:0"] and peak_mb("cuda:0") == 3
