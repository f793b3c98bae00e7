"""A pair of model and task from encode to evaluate, on another machine: what it writes travels as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xlembed.data.task import Task
from xlembed.evaluate.eight_bits import check_eight_bits
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.evaluate.reuse import machine_digest
from xlembed.files import atomic_folder, atomic_path, temporary_folder
from xlembed.models.spec import ModelRef
from xlembed.stages import Stages
from xlembed.workspace import Workspace

Files = Mapping[str, bytes]
"""Path inside a folder -> content; a file alone has the path ``""``."""


@dataclass(frozen=True)
class PairDone:
    """What an evaluated pair sends back.

    Attributes:
        result: what `evaluate` gives, and the `speed` of its stages.
        written: its files, by the place that they belong to (`Workspace.evaluation`).
        speed: `speed/...` metrics.
        encoding: all that is known of the encoding, by role, and of the stages.
        n_encoded: texts that the store there lacked.
        checked: what 8 bits change, see `check_eight_bits`.
        machine: what the machine brought, see `machine_digest`.
    """

    result: dict[str, Any]
    written: Mapping[str, Files]
    speed: dict[str, float]
    encoding: dict[str, Any]
    n_encoded: int
    checked: str
    machine: str


def evaluate_pair(task: Task, ref: ModelRef, workspace: Workspace) -> PairDone:
    """Encode with the store of this machine, index and evaluate; nothing is left in its checkout.

    What is written until it is sent lies in the cache, where the next pair removes what a killed one left.

    Raises:
        UserError: as the stages.
    """
    settings = workspace.settings.model_copy(update={"encode": workspace.settings.encode.alone()})
    with temporary_folder(workspace.cache / "pair") as out:
        here = replace(workspace, settings=settings, out=out)
        stages = Stages()
        with stages("encode"):
            checked = check_eight_bits(task, ref, here)
            encoded = encode(task, ref, here)
        with stages("index"):
            index(task, ref, here)
        result = evaluate(task, ref, here, stage=stages)
        written = {name: _read(place) for name, place in here.evaluation(task.name, ref.slug).items()}
    speed = {**encoded.speed_metrics(), **stages.metrics()}
    told = stages.to_json()
    return PairDone(
        result={**result, "speed": told},
        written=written,
        speed=speed,
        encoding={**encoded.to_json(), **told},
        n_encoded=encoded.n_encoded,
        checked=checked,
        machine=machine_digest(ref, here),
    )


def write_pair(done: PairDone, task: str, model: str, workspace: Workspace) -> None:
    """Its files at their places here, each folder in one step."""
    for name, place in workspace.evaluation(task, model).items():
        files = done.written[name]
        if "" in files:
            with atomic_path(place) as path:
                path.write_bytes(files[""])
            continue
        with atomic_folder(place) as folder:
            for inside, content in files.items():
                (folder / inside).parent.mkdir(parents=True, exist_ok=True)
                (folder / inside).write_bytes(content)


def _read(place: Path) -> Files:
    if place.is_file():
        return {"": place.read_bytes()}
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }
