"""How hard the server is pushed: fewer and smaller requests under pressure, growing back when it goes well."""

from __future__ import annotations

import random
import threading
import time

from xlembed.types import UserError

SMALLEST = 64 * 1024
"""Bytes of a request below which shrinking helps no more."""
CALM = 8
"""Requests that must succeed in a row before the pace grows."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds; the bound of the pause doubles with each failure in a row (full jitter, AWS Architecture Blog 2015)."""


class Pace:
    """Shared by all workers; additive increase, multiplicative decrease (Chiu & Jain 1989).

    Args:
        workers: most requests at a time.
        request_bytes: most bytes of one request.
        patience: seconds without any progress after which the load gives up.
    """

    def __init__(self, workers: int, request_bytes: int, patience: float) -> None:
        self._most_workers, self._most_bytes = workers, request_bytes
        self._workers, self._bytes = workers, request_bytes
        self._patience = patience
        self._calm = 0
        self._active = 0
        self._progress = time.monotonic()
        self._turn = threading.Condition()
        self._stopped = False
        self.pressures = 0

    @property
    def request_bytes(self) -> int:
        """Bytes that a request may have now."""
        return self._bytes

    @property
    def workers(self) -> int:
        """Requests that may be under way now."""
        return self._workers

    @property
    def stopped(self) -> bool:
        """Whether workers should end."""
        return self._stopped

    def enter(self) -> bool:
        """Wait until a request may be sent; False if the load was stopped meanwhile."""
        with self._turn:
            self._turn.wait_for(lambda: self._stopped or self._active < self._workers)
            if self._stopped:
                return False
            self._active += 1
            return True

    def leave(self) -> None:
        """The request is over."""
        with self._turn:
            self._active -= 1
            self._turn.notify_all()

    def progressed(self) -> None:
        """The server did some of what it was asked; the wait for it begins anew."""
        with self._turn:
            self._progress = time.monotonic()

    def went_well(self) -> None:
        """A request was done in full."""
        with self._turn:
            self._progress = time.monotonic()
            self._calm += 1
            if self._calm >= CALM:
                self._calm = 0
                self._workers = min(self._most_workers, self._workers + 1)
                self._bytes = min(self._most_bytes, self._bytes + self._most_bytes // 8)
                self._turn.notify_all()

    def slow_down(self) -> None:
        """The server is under pressure: half the requests, half their size."""
        with self._turn:
            self.pressures += 1
            self._calm = 0
            self._workers = max(1, self._workers // 2)
            self._bytes = max(min(SMALLEST, self._most_bytes), self._bytes // 2)

    def pause(self, failures: int, why: str) -> None:
        """Wait before the next try.

        Args:
            failures: tries that failed in a row, from 1.
            why: the last failure.

        Raises:
            UserError: nothing at all was written for `patience` seconds.
        """
        waited = time.monotonic() - self._progress
        if waited > self._patience:
            raise UserError(
                f"the server took nothing for {waited:.0f} s ({why}); what it has is kept: "
                "run the same command to go on when it is well again"
            )
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10))
        with self._turn:
            self._turn.wait_for(lambda: self._stopped, timeout=random.uniform(0, longest))

    def stop(self) -> None:
        """Send everybody home."""
        with self._turn:
            self._stopped = True
            self._turn.notify_all()
