"""Which process writes a run: a run whose process was killed says RUNNING for ever unless somebody ends it."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from xlembed.tracking.errors import hide_secrets, store_words

HOST_TAG = "xlembed.host"
PROCESS_TAG = "xlembed.process"
BOOT = Path("/proc/sys/kernel/random/boot_id")
log = logging.getLogger(__name__)


def owner_tags() -> dict[str, str]:
    """Tags by which another process can tell whether this one still lives."""
    return {HOST_TAG: _host(), PROCESS_TAG: f"{os.getpid()} {_start(os.getpid())}"}


def end_abandoned_runs() -> None:
    """Mark runs KILLED that say RUNNING and whose process on this host is gone; a store that refuses is only told."""
    try:
        client = MlflowClient()
        for run in _running_here(client):
            # Asked again: it may have ended itself since, and its process is gone now.
            if not _lives(run.data.tags.get(PROCESS_TAG, "")) and _still_running(client, run.info.run_id):
                _end(client, run.info.run_id)
    except (MlflowException, SQLAlchemyError) as error:
        log.warning("runs of killed processes could not be marked: %s", hide_secrets(store_words(str(error))))


def _end(client: MlflowClient, run_id: str) -> None:
    reason = "its process was killed; a later command noticed, and that is the end time"
    or_another(
        lambda: client.set_tag(run_id, "end_reason", reason),
        lambda: "end_reason" in client.get_run(run_id).data.tags,
    )
    client.set_terminated(run_id, "KILLED")


def or_another(set_tag: Callable[[], object], is_set: Callable[[], bool]) -> None:
    """Set a tag that several processes may set at once: MLflow looks first, then inserts, and refuses all but one."""
    try:
        set_tag()
    except (MlflowException, SQLAlchemyError):
        if not is_set():
            raise


def _running_here(client: MlflowClient) -> Sequence[Run]:
    experiments = [found.experiment_id for found in client.search_experiments()]
    wanted = f"attributes.status = 'RUNNING' and tags.`{HOST_TAG}` = '{_host()}'"
    return client.search_runs(experiments, wanted) if experiments else []


def _still_running(client: MlflowClient, run_id: str) -> bool:
    return str(client.get_run(run_id).info.status) == "RUNNING"


def _host() -> str:
    """This machine, or this container on it: process numbers mean something only there."""
    marks = []
    with contextlib.suppress(OSError):  # only on Linux
        marks.append(Path("/etc/machine-id").read_text("ascii").strip())
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    digest = hashlib.sha256(" ".join(marks).encode()).hexdigest()  # a machine's id is nobody else's business
    return f"{socket.gethostname()} {digest[:12]}"


def _start(pid: int) -> str:
    """When a process started, untouched by a corrected clock; empty: there is no such process."""
    try:
        if BOOT.exists():
            # The name of the program may hold spaces and brackets; field 22 counts from behind it.
            ticks = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
            return f"{BOOT.read_text('ascii').strip()}:{ticks}"
        return f"{psutil.Process(pid).create_time():.0f}"
    except (OSError, psutil.Error):
        return ""


def _lives(process: str) -> bool:
    """Whether the process of a tag is there; one that cannot be read counts as living."""
    pid, _, start = process.partition(" ")
    if not pid.isdigit() or not start:
        return True
    return _start(int(pid)) == start and _status(int(pid)) != psutil.STATUS_ZOMBIE


def _status(pid: int) -> str:
    try:
        return str(psutil.Process(pid).status())
    except psutil.Error:
        return ""
