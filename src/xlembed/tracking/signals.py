"""Keeping Ctrl-C and SIGTERM away from the few lines that must not be torn apart."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

PATIENCE = 3
"""Signals after which the user is believed to mean it: a tracking server may hang."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Interrupts wait until the block is done, then take effect; the third one at once.

    `mlflow run` answers Ctrl-C by a SIGTERM to its command, which has had the Ctrl-C already: without this the
    second signal would hit the lines that record the first.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def wait(signum: int, frame: FrameType | None) -> None:
        waiting.append(signum)
        if len(waiting) >= PATIENCE:
            raise KeyboardInterrupt

    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    # Ignored signals stay ignored, those without a handler go on killing, foreign handlers (None) are left alone.
    before = {s: handler for s, handler in before.items() if callable(handler)}
    for signum in before:
        signal.signal(signum, wait)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if waiting:
        handler = before[signal.Signals(waiting[0])]
        if callable(handler):
            handler(waiting[0], None)
