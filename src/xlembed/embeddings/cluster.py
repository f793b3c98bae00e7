"""The door to Ray: a cluster that is there, or one on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xlembed.embeddings.assignment import answer
from xlembed.embeddings.crew import MOST_LOSSES, too_many_lost
from xlembed.settings import EncodeSettings
from xlembed.words import UserError

log = logging.getLogger(__name__)


@contextmanager
def connect(settings: EncodeSettings) -> Iterator[Any]:
    """The library, connected; nothing is reported to its makers, and no dashboard is started.

    Raises:
        UserError: it is not installed, or there is no cluster at the address.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # It prints to stdout, amid our JSON; what of it matters is told here.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        import ray
    except ImportError:
        raise UserError("encode.backend ray needs the package ray: pip install 'xlembed[ray]'") from None
    if ray.is_initialized():
        yield ray
        return
    own = {"num_cpus": settings.workers or os.cpu_count(), "include_dashboard": False}
    try:
        ray.init(
            address=settings.address or "local",
            logging_level=logging.ERROR,
            log_to_driver=False,
            **({} if settings.address else own),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"--address {settings.address}: no Ray cluster can be reached there: {error}"
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def each_done(
    settings: EncodeSettings, function: Callable[..., Any], calls: Sequence[Sequence[Any]]
) -> Iterator[tuple[int, Any]]:
    """Call a function on a cluster, as they are finished: the number of the call, and what it gave, or its error.

    A call whose process or machine is lost is made again elsewhere, until it has cost three of them; the error of one
    stops no other. Ray's own retries are off: it makes a call that is out of memory again without end.

    Args:
        settings: say which cluster, how many calls at a time (default: one per processor) and whether on GPUs.
        function: of a module that the workers can import.
        calls: arguments of each.
    """
    with connect(settings) as ray:
        resources = ray.cluster_resources()
        on_gpu = settings.device != "cpu" and resources.get("GPU", 0) > 0
        cpus = max(1, int(resources.get("CPU", 1)) // settings.workers) if settings.workers else 1
        remote = ray.remote(answer).options(num_cpus=cpus, num_gpus=int(on_gpu), max_retries=0)
        sent = {id(value): ray.put(value) for args in calls for value in args}  # each once

        def send(number: int) -> Any:
            return remote.remote(function, *(sent[id(value)] for value in calls[number]))

        waiting, losses = {send(number): number for number in range(len(calls))}, Counter[int]()
        while waiting:
            (reference, *_), _ = ray.wait(list(waiting))
            number = waiting.pop(reference)
            try:
                found = ray.get(reference)[1]
            except ray.exceptions.RayTaskError as error:
                found = error
            except ray.exceptions.RayError as error:
                losses[number] += 1
                if losses[number] < MOST_LOSSES:
                    log.warning("a worker was lost (%s); its work is done again", how_lost(error))
                    waiting[send(number)] = number
                    continue
                found = too_many_lost(how_lost(error))
            yield number, found


def how_lost(error: Exception) -> str:
    """How a worker ended, in one line."""
    return " ".join(str(error).split())[:200].rstrip(".")
