"""The door to Ray: a cluster that is there, or one on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xlembed.settings import EncodeSettings
from xlembed.words import UserError


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
