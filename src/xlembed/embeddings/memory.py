"""Peak memory of the work between two points, where the system can tell."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import psutil

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak(device: str) -> None:
    """Begin the peak at what is in use now (CUDA, Linux); elsewhere it counts since the process's start."""
    if cuda := _cuda(device):
        cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")  # the kernel's word for "forget the peak"


def peak_mb(device: str) -> float:
    """Peak in 10^6 bytes: what torch allocated on a CUDA device, else this process's resident size."""
    if cuda := _cuda(device):
        return float(cuda.max_memory_allocated(device)) / 1e6
    # Not getrusage on Linux: its maximum is inherited from the process that started this one.
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource  # not there on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def _cuda(device: str) -> Any:
    """`torch.cuda` if the encoder computes there; then torch is loaded already."""
    return sys.modules["torch"].cuda if device.startswith("cuda") and "torch" in sys.modules else None
