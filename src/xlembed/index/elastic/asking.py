"""Administrative requests: asked again while the server is away or busy, and refused in words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError

from xlembed.index.elastic.connection import Server, disk_full, is_disk_full, refusal
from xlembed.index.elastic.ingest import Trouble, free_disk, judge_error
from xlembed.index.elastic.pace import FIRST_PAUSE

LONGEST_PAUSE = 5.0
"""Seconds between two tries: such a request costs little, and waiting for a restart should not last."""


def ask(server: Server, call: Callable[[], Any], patience: float = 0.0) -> Any:
    """What the server answers to a request that may be repeated without harm.

    Args:
        server: for messages.
        call: the request.
        patience: seconds for which trouble that may pass is waited out.

    Raises:
        UserError: the server refuses, or stayed away for longer.
    """
    give_up = time.monotonic() + patience
    longest = FIRST_PAUSE
    while True:
        try:
            return call()
        except (ApiError, TransportError) as error:
            trouble, kind, reason = judge_error(error)
            if is_disk_full(kind, reason):
                raise disk_full(server.url, free_disk(server.client)) from None
            if trouble is Trouble.FATAL or time.monotonic() >= give_up:
                raise refusal(error, server.url) from None
        time.sleep(random.uniform(longest / 2, longest))
        longest = min(LONGEST_PAUSE, 2 * longest)
