"""Elasticsearch nodes of the tests' own: started, stopped, killed and started again on the same data."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import elasticsearch
from elasticsearch import Elasticsearch, OrjsonSerializer

from xlembed.search.elastic.connection import Server

HEAP = "512m"
START_SECONDS = 150


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """One server; `close` ends it whatever happened before."""

    def __init__(self, scripts: Path, data: Path, *settings: str) -> None:
        self._scripts, self.data, self._settings = scripts, data, settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> Node:
        """Start, on the data that is there."""
        done = subprocess.run(
            [self._scripts / "start", str(self.port), str(self.data), *self._settings],
            env={**os.environ, "ES_HEAP": HEAP},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"the node did not start: {done.stderr[-2000:]}")
        return self

    def stop(self, *, kill: bool = False) -> None:
        """Clean, or like a power cut."""
        subprocess.run(
            [self._scripts / "stop", str(self.data), *(["KILL"] if kill else [])], check=True, timeout=60
        )

    def close(self) -> None:
        file = self.data / "pid"
        if file.is_file():
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)
        shutil.rmtree(self.data, ignore_errors=True)

    def server(self, url: str | None = None, **options: object) -> Server:
        """A connection to it, or through something in between."""
        return plain_server(url or self.url, **options)


def plain_server(url: str, **options: object) -> Server:
    client = Elasticsearch(
        [url],
        max_retries=0,
        retry_on_timeout=False,
        serializer=OrjsonSerializer(),
        **{"request_timeout": 60, **options},  # type: ignore[arg-type]
    )
    return Server(client, (8, 19), ".".join(map(str, elasticsearch.__version__)), url)
