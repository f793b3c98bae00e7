"""A pair of model and task whose worker is killed in the middle of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from xlembed.data.task import Task
from xlembed.evaluate.pair import PairDone, evaluate_pair
from xlembed.models.spec import ModelRef
from xlembed.workspace import Workspace


def dying_pair(
    deaths: Path, wanted: Mapping[str, int], task: Task, ref: ModelRef, workspace: Workspace
) -> PairDone:
    """`evaluate_pair`, but the first so many workers of a task are killed after encoding; each leaves TASK.PROCESS."""

    def killed(*given: object) -> None:
        (deaths / f"{task.name}.{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    if len([*deaths.glob(f"{task.name}.*")]) >= wanted.get(task.name, 0):
        return evaluate_pair(task, ref, workspace)
    with mock.patch("xlembed.evaluate.pair.index", killed):
        return evaluate_pair(task, ref, workspace)
