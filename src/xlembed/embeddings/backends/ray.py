"""Workers of a Ray cluster: one per GPU, or per machine; they hold the model, the store stays here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from xlembed.embeddings.assignment import Assignment, answer, start_work
from xlembed.embeddings.cluster import connect, how_lost
from xlembed.embeddings.crew import Told, WorkerLost, Workers


def open_actors(assignment: Assignment) -> Workers:
    """Actors, which are there when there is work."""
    settings = assignment.settings

    @contextmanager
    def hire() -> Iterator[list[Actor]]:
        with connect(settings) as ray:
            resources = ray.cluster_resources()
            gpus = 0 if settings.device == "cpu" else int(resources.get("GPU", 0))
            machines = sum(node["Alive"] for node in ray.nodes())
            size = settings.workers or gpus or machines
            threads = max(1, int(resources.get("CPU", 1)) // size)
            yield [Actor(ray, assignment.elsewhere(), threads, min(1, gpus / size)) for _ in range(size)]

    return Workers(hire)


BACKEND = open_actors


class Actor:
    """One worker; see `crew.Worker`. Ray places it, and another one when it is lost.

    Args:
        ray: the library, connected.
        assignment: what it loads.
        threads: it computes with.
        gpus: the share of one that it needs.
    """

    def __init__(self, ray: Any, assignment: Assignment, threads: int, gpus: float) -> None:
        self._ray = ray
        self._place = ray.remote(Host).options(num_gpus=gpus).remote
        self._given = (assignment, threads, gpus)
        self._actor: Any = None

    def ready(self) -> None:
        """Wait until it has a place, and makes the vectors that are asked for.

        Raises:
            WorkerLost: it ended.
            Exception: what went wrong there.
        """
        if self._actor is None:
            self._actor = self._place(*self._given)
            self._get(self._actor.check.remote())

    def call(self, method: str, args: Sequence[Any], told: Told) -> Any:
        """Hand over, and wait for the answer.

        Raises:
            WorkerLost: it ended.
            Exception: what went wrong there.
        """
        found = self._get(self._actor.call.remote(method, args))
        if method == "encode":
            told(len(args[0].texts))
        return found

    def _get(self, reference: Any) -> Any:
        try:
            done, found = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            self._actor = None
            raise WorkerLost(how_lost(error)) from error
        if not done:
            raise found
        return found

    def close(self) -> None:
        """End it, whatever it is doing."""
        if (actor := self._actor) is not None:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)


class Host:
    """The process of a worker, on any machine of the cluster."""

    def __init__(self, assignment: Assignment, threads: int, gpus: float) -> None:
        self._assignment = assignment
        self._work = start_work(assignment, "cuda" if gpus else "cpu", threads)

    def check(self) -> tuple[bool, Any]:
        """Whether it makes the vectors that are asked for."""
        return answer(self._assignment.check)

    def call(self, method: str, args: Sequence[Any]) -> tuple[bool, Any]:
        """What this method of its `Work` gives."""
        return answer(getattr(self._work, method), *args)
