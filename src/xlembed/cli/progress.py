"""Progress of long work on stderr: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from xlembed.cli.console import open_console, print_line

LINE_EVERY_SECONDS = 10.0


class Bars:
    """A `stages.Watch` that shows rate and time left."""

    def __init__(self, title: str) -> None:
        self._console = open_console(stderr=True)
        self._title = title
        self._bars = Progress(
            TextColumn(title), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TimeRemainingColumn(), console=self._console,
        )  # fmt: skip
        self._ids: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}
        self._said: dict[str, float] = {}

    def __enter__(self) -> Bars:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:  # elsewhere it would print an empty line
            self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` is reached; 0: nobody knows of how many."""
        now = time.monotonic()
        seconds = now - self._started.setdefault(what, now)
        rate = f"{done / seconds:,.0f}/s" if 0 < seconds <= done else ""
        if self._console.is_terminal:
            if what not in self._ids:
                self._ids[what] = self._bars.add_task(what, total=total or None, rate="")
            self._bars.update(self._ids[what], completed=done, total=total or None, rate=rate)
        elif (done < total or not total) and now - self._said.setdefault(what, now) >= LINE_EVERY_SECONDS:
            self._said[what] = now
            left = f"{seconds / done * (total - done):,.0f} s left" if done and total else ""
            of = f"{done:,}/{total:,}" if total else f"{done:,}"
            numbers = ", ".join(filter(None, [f"{of} {rate}".rstrip(), left]))
            print_line(self._console, f"{self._title}: {what} {numbers}")
