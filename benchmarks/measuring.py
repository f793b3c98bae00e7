"""What the benchmarks share: rounds of ours and a peer in turns, medians and ratios, memory, a page's filled part."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xlembed.files import atomic_writer

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
        print(" | ".join(filter(None, line.cells())), flush=True)


def kilobytes(field: str, process: int | str = "self") -> int:
    """What Linux says of a process's memory; 0 once it has ended.

    RssAnon: its own now, mapped files are the page cache's. VmHWM: the most until now, with mapped files.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)


def write_between(page: Path, begin: str, text: str) -> None:
    """Put a text between a page's line `begin` and the next `<!-- end -->`."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(begin)
    _, end, after = rest.partition("<!-- end -->")
    if not mark or not end:
        raise SystemExit(f"{page}: expected {begin} and <!-- end --> behind it")
    with atomic_writer(page) as file:
        file.write(f"{before}{mark}\n\n{text}\n\n{end}{after}")
