"""What the benchmarks share: interleaved rounds of ours and a peer, their medians and the ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Job = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """One comparison: seconds of both, the median of the rounds' ratios (ours / peer), and what else is to be said."""

    what: str
    ours: float
    peer_name: str
    peer: float
    ratio: float
    note: str = ""

    def cells(self) -> list[str]:
        """For a table."""
        peer = f"{self.peer:.2f} s" if self.peer_name else ""
        ratio = f"{self.ratio:.2f}" if self.peer_name else ""
        return [self.what, f"{self.ours:.2f} s", self.peer_name, peer, ratio, self.note]


def interleaved(
    what: str,
    ours: Job,
    peer_name: str,
    peer: Job,
    note: str = "",
    rounds: int = 3,
    clock: Callable[[], float] = time.process_time,
) -> Line:
    """Each in turn, so that what the machine does besides meets both alike; processor time unless said otherwise."""

    def seconds(job: Job) -> float:
        start = clock()
        job()
        return clock() - start

    both = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    mine, theirs = (statistics.median(column) for column in zip(*both, strict=True))
    return Line(what, mine, peer_name, theirs, statistics.median(a / b for a, b in both), note)


def say(lines: Sequence[Line]) -> None:
    """One line each."""
    for line in lines:
        print(" | ".join(filter(None, line.cells())))
