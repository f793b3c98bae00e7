"""Peak memory of an encoder's work between two points, where the system can tell."""

from __future__ import annotations

import sys
from typing import Any

from xlembed import stages


def reset_peak(device: str) -> None:
    """Begin the peak at what is in use now (CUDA, Linux); elsewhere it counts since the process's start."""
    if cuda := _cuda(device):
        cuda.reset_peak_memory_stats(device)
    else:
        stages.reset_peak()


def peak_mb(device: str) -> float:
    """Peak in 10^6 bytes: what torch allocated on a CUDA device, else this process's resident size."""
    if cuda := _cuda(device):
        return float(cuda.max_memory_allocated(device)) / 1e6
    return stages.peak_mb()


def _cuda(device: str) -> Any:
    """`torch.cuda` if the encoder computes there; then torch is loaded already."""
    return sys.modules["torch"].cuda if device.startswith("cuda") and "torch" in sys.modules else None
