"""Time and peak memory of the parts of a job."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")

Stage = Callable[[str], AbstractContextManager[None]]
"""Entered around a part of a job, by its name."""


def unmeasured(name: str) -> AbstractContextManager[None]:
    """For callers that do not look."""
    return contextlib.nullcontext()


class Stages:
    """What each part of a job took; parts may be entered again, and inside each other.

    Inside an inner part nothing counts for the outer one, so that the seconds of all parts sum up to those of the job.

    >>> stages = Stages()
    >>> with stages("search"):
    ...     with stages("ranks"):
    ...         pass
    >>> [*stages.seconds]
    ['search', 'ranks']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        """Name -> seconds, in the order in which they were entered."""
        self.peak_memory_mb: dict[str, float] = {}
        """Name -> the largest resident size while it ran, 10^6 bytes (outside of Linux: since the process's start)."""
        self._open: list[str] = []
        self._since = time.perf_counter()

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure what is done inside."""
        self._account()
        self._open.append(name)
        try:
            yield
        finally:
            self._account()
            self._open.pop()

    def metrics(self) -> dict[str, float]:
        """`speed/PART_seconds` and `speed/PART_peak_memory_mb`, and the same of `total`."""
        return {
            f"speed/{name}_{what}": value
            for what, values in self.to_json().items()
            for name, value in values.items()
        }

    def to_json(self) -> dict[str, dict[str, float]]:
        """`seconds` and `peak_memory_mb`, each by part, with their `total`: the sum, and the largest."""
        return {
            "seconds": {**self.seconds, "total": sum(self.seconds.values())},
            "peak_memory_mb": {
                **self.peak_memory_mb,
                "total": max(self.peak_memory_mb.values(), default=0.0),
            },
        }

    def _account(self) -> None:
        """What was spent since the last change of parts belongs to the part that is open."""
        now = time.perf_counter()
        if self._open:
            name = self._open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
            self.peak_memory_mb[name] = max(self.peak_memory_mb.get(name, 0.0), peak_mb())
        reset_peak()
        self._since = now


def reset_peak() -> None:
    """Begin the peak at what is in use now (Linux); elsewhere it counts since the process's start."""
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")  # the kernel's word for "forget the peak"


def peak_mb() -> float:
    """The largest resident size of this process since `reset_peak`, in 10^6 bytes."""
    # Not getrusage on Linux: its maximum is inherited from the process that started this one.
    with contextlib.suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource  # not there on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
