"""Who does the work of `work.Work`: this process alone, or several workers of a back end, any of which may be lost."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from xlembed.embeddings.work import Work
from xlembed.models.encoder import AnyEncoder
from xlembed.words import Role, UserError, counted

log = logging.getLogger(__name__)

Told = Callable[[int], None]
"""Told of texts, as they are encoded."""
MOST_LOSSES = 3
"""Of workers over one piece of work, and of one worker in a row: more is no accident."""

END_SECONDS = 10
"""For a worker to notice that it is no longer wanted."""


def untold(n_texts: int) -> None:
    """For callers that do not look."""


class Crew(Protocol):
    """Does pieces of work: calls of a method of `Work`."""

    @property
    def size(self) -> int:
        """Workers."""

    @property
    def under_way(self) -> int:
        """Pieces that are worth handing over at a time."""

    def submit(self, method: str, *args: Any, told: Told = untold) -> Future[Any]:
        """What the method gives, or raises. The call itself may do the work."""

    def __enter__(self) -> Crew:
        """Workers that come stay until the end."""

    def __exit__(self, *error: object) -> None:
        """Let them go; what is submitted later calls new ones."""


class Alone:
    """One worker, in this process and thread.

    Args:
        encoders: loads the model; called once, and only if there is work.
        batch_tokens: see `Work`.
    """

    size = under_way = 1

    def __init__(
        self, encoders: Callable[[], Mapping[Role, AnyEncoder]], batch_tokens: int | None = None
    ) -> None:
        self._work = Work(encoders, batch_tokens)

    def submit(self, method: str, *args: Any, told: Told = untold) -> Future[Any]:
        """The finished work; errors come at once. Tokens are counted in the background, where the encoder can."""
        if method == "measure":
            return self._work.begin_measure(*args)
        done: Future[Any] = Future()
        self._work.told = told
        done.set_result(getattr(self._work, method)(*args))
        return done

    def __enter__(self) -> Alone:
        """The model is loaded when there is work."""
        return self

    def __exit__(self, *error: object) -> None:
        """And stays loaded."""


def alone(load_encoder: Callable[[], AnyEncoder], batch_tokens: int | None = None) -> Alone:
    """A crew of one encoder, which serves both roles and is loaded when there is work."""
    loaded = cache(load_encoder)
    return Alone(lambda: dict.fromkeys(Role, loaded()), batch_tokens)


class WorkerLost(Exception):
    """A worker ended in the middle of its work; the message says how."""


def too_many_lost(how: str) -> UserError:
    """What is told after `MOST_LOSSES`; `how` the last one ended."""
    return UserError(
        f"{counted(MOST_LOSSES, 'worker')} were lost one after the other, the last one: {how}. Out of memory? Take "
        "fewer (--workers) or smaller batches (--batch-tokens); finished shards are kept"
    )


class Worker(Protocol):
    """One worker of a back end, used by one thread; everything it raises but `WorkerLost` ends the job."""

    def ready(self) -> None:
        """Return when it is there; one that was lost is replaced.

        Raises:
            WorkerLost: it ended meanwhile.
        """

    def call(self, method: str, args: Sequence[Any], told: Told) -> Any:
        """What this method of its `Work` gives.

        Raises:
            WorkerLost: it ended meanwhile.
        """

    def close(self) -> None:
        """End it, from any thread; calls of it then raise `WorkerLost`."""


@dataclass(eq=False)
class _Piece:
    method: str
    args: Sequence[Any]
    told: Told
    done: Future[Any] = field(default_factory=Future)
    losses: int = 0


class Workers:
    """Several workers, each with a thread that hands it one piece of work after the other.

    A piece whose worker is lost goes to whoever is free next; the lost one is replaced.

    Args:
        hire: a context in which workers are there; entered when there is work. What it holds is closed here.
    """

    def __init__(self, hire: Callable[[], AbstractContextManager[Sequence[Worker]]]) -> None:
        self._hire = hire
        self._team: _Team | None = None

    @property
    def size(self) -> int:
        """Workers; asked for when there is work."""
        return len(self._hired().workers)

    @property
    def under_way(self) -> int:
        """A piece in hand and one waiting for each."""
        return 2 * self.size

    def submit(self, method: str, *args: Any, told: Told = untold) -> Future[Any]:
        """What the method will give."""
        piece = _Piece(method, args, told)
        self._hired().pieces.put(piece)
        return piece.done

    def _hired(self) -> _Team:
        if self._team is None:
            context = self._hire()
            self._team = _Team(context, context.__enter__())
        return self._team

    def __enter__(self) -> Workers:
        """They are hired when there is work."""
        return self

    def __exit__(self, *error: object) -> None:
        """End all workers."""
        if self._team is not None:
            self._team.end()
            self._team = None


class _Team:
    """Workers that are there, and their threads."""

    def __init__(self, context: AbstractContextManager[Any], workers: Sequence[Worker]) -> None:
        self.workers, self._context = workers, context
        self.pieces: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self.closed = threading.Event()
        self._threads = [threading.Thread(target=_serve, args=(w, self), daemon=True) for w in workers]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self.closed.set()
        for worker in self.workers:
            self.pieces.put(None)
            worker.close()
        for thread in self._threads:
            thread.join(END_SECONDS)
        self._context.__exit__(None, None, None)


def _serve(worker: Worker, team: _Team) -> None:
    """One worker's thread: until it is closed, or fails."""
    lost = 0
    while not team.closed.is_set():
        piece: _Piece | None = None
        try:
            worker.ready()
            if (piece := team.pieces.get()) is None:
                return
            piece.done.set_result(_call(worker, piece))
            lost = 0
        except WorkerLost as error:
            lost += 1
            if team.closed.is_set():
                return
            log.warning("a worker was lost (%s); its texts are encoded again", error)
            if piece is not None:
                piece.losses += 1
            if max(lost, piece.losses if piece else 0) >= MOST_LOSSES:
                return _fail(too_many_lost(str(error)), piece or team.pieces.get())
            if piece is not None:
                team.pieces.put(piece)
        except BaseException as error:
            return _fail(error, piece or team.pieces.get())


def _call(worker: Worker, piece: _Piece) -> Any:
    """Its work; what was told of it is taken back if the worker is lost."""
    n_told = 0

    def told(n_texts: int) -> None:
        nonlocal n_told
        n_told += n_texts
        piece.told(n_texts)

    try:
        return worker.call(piece.method, piece.args, told)
    except WorkerLost:
        piece.told(-n_told)
        raise


def _fail(error: BaseException, piece: _Piece | None) -> None:
    """The piece of work ends with the error; a worker that cannot begin takes the next one along."""
    if piece is not None:
        piece.done.set_exception(error)
