"""Worker processes on this machine: one per share of its cores, or per GPU."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from xlembed.embeddings.assignment import Assignment, answer, start_work
from xlembed.embeddings.crew import END_SECONDS, Told, WorkerLost, Workers

SPAWN = multiprocessing.get_context("spawn")
"""A fork would copy locks that other threads of ours hold, and CUDA does not survive one."""


def open_processes(assignment: Assignment) -> Workers | None:
    """Processes, each started with its first piece of work; None: this process is enough."""
    size = assignment.settings.workers or 1
    if size == 1:
        return None

    @contextmanager
    def hire() -> Iterator[list[Process]]:
        devices, threads = _shares(assignment.settings.device, size)
        yield [Process(assignment, device, threads, number == 0) for number, device in enumerate(devices)]

    return Workers(hire)


BACKEND = open_processes


def _shares(device: str, size: int) -> tuple[list[str], int]:
    """The device of each worker, and how many threads it gets."""
    import torch

    from xlembed.models.loading import choose_device

    device = choose_device(device)
    found = torch.cuda.device_count() if device == "cuda" else 0
    devices = [f"cuda:{number % found}" for number in range(size)] if found else [device] * size
    return devices, max(1, torch.get_num_threads() // size)


class Process:
    """One worker; see `crew.Worker`.

    Args:
        assignment: what it loads.
        device: where it computes.
        threads: it computes with.
        loud: whether it may warn while it loads the model.
    """

    def __init__(self, assignment: Assignment, device: str, threads: int, loud: bool) -> None:
        self._given = (assignment, device, threads, loud)
        self._process: Any = None
        self._pipe: Connection | None = None
        self._closed = False

    def ready(self) -> None:
        """It is started when there is work."""

    def call(self, method: str, args: Sequence[Any], told: Told) -> Any:
        """Hand over, and wait for the answer.

        Raises:
            WorkerLost: the process ended.
            Exception: what went wrong there.
        """
        pipe = self._pipe or self._start()
        try:
            pipe.send((method, args))
            while isinstance(answered := pipe.recv(), int):
                told(answered)
        except (EOFError, ConnectionError) as error:
            self._pipe = None
            self._process.join(END_SECONDS)
            raise WorkerLost(f"process {self._process.pid}, exit code {self._process.exitcode}") from error
        done, found = answered
        if not done:
            raise found
        return found

    def _start(self) -> Connection:
        if self._closed:
            raise WorkerLost("closed")
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_work, args=(theirs, *self._given), daemon=True)
        self._process.start()
        theirs.close()  # so that its end is noticed here
        return self._pipe

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._closed = True
        if self._process is not None:
            self._process.terminate()


def _work(pipe: Connection, assignment: Assignment, device: str, threads: int, loud: bool) -> None:
    """The process: answers until nobody asks any more; numbers of texts that are encoded go before the answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this
    work = start_work(assignment, device, threads, loud=loud)
    work.told = pipe.send
    while True:
        try:
            method, args = pipe.recv()
        except EOFError:  # the parent is gone
            return
        pipe.send(answer(getattr(work, method), *args))
