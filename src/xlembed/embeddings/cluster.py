"""The door to Ray: a cluster that is there, or one on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xlembed.embeddings.assignment import answer
from xlembed.settings import EncodeSettings
from xlembed.words import UserError

RETRIES = 3
"""Of a call whose process or machine is lost."""


@contextmanager
def connect(settings: EncodeSettings) -> Iterator[Any]:
    """The library, connected; nothing is reported to its makers, and no dashboard is started.

    Raises:
        UserError: it is not installed, or there is no cluster at the address.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
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

    A call whose process or machine is lost is made again elsewhere, up to three times; the error of one stops no other.

    Args:
        settings: say which cluster, how many calls at a time (default: one per processor) and whether on GPUs.
        function: of a module that the workers can import.
        calls: arguments of each.
    """
    with connect(settings) as ray:
        resources = ray.cluster_resources()
        on_gpu = settings.device != "cpu" and resources.get("GPU", 0) > 0
        cpus = max(1, int(resources.get("CPU", 1)) // settings.workers) if settings.workers else 1
        remote = ray.remote(answer).options(num_cpus=cpus, num_gpus=int(on_gpu), max_retries=RETRIES)
        sent = {id(value): ray.put(value) for args in calls for value in args}  # each once
        waiting = {
            remote.remote(function, *(sent[id(value)] for value in args)): number
            for number, args in enumerate(calls)
        }
        while waiting:
            (reference, *_), _ = ray.wait(list(waiting))
            number = waiting.pop(reference)
            try:
                yield number, ray.get(reference)[1]
            except ray.exceptions.RayError as error:
                yield number, RuntimeError(f"its worker was lost: {' '.join(str(error).split())[:200]}")
