"""Trainings that kill themselves; run by test_training.py: python killed_training.py WHERE MODEL MOMENT...

Each is a process of its own, forked where nothing has been imported but modules; how each ended is printed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from small_model import small_model
from xlembed.finetune.blending import Integers
from xlembed.finetune.dev import DevData
from xlembed.finetune.recipe import Stage
from xlembed.finetune.training import StageData, train_stage
from xlembed.training import checkpoints, loop

N = 26
ANCHORS = [f"w{i}" for i in range(N)]
POSITIVES = [f"v{i}" for i in range(N)]
STAGE = Stage.model_validate(
    {
        "name": "toy",
        "data": [{"pairs": "p"}],
        "loss": "mnrl",
        "batch": 4,
        "accumulate": 2,
        "epochs": 4,
        "learning_rate": 3e-3,
        "looks": 5,
        "dev": {"pairs": "d", "metric": "MRR@10"},
        "early_stopping": {"patience": 5},
    }
)
"""Batches of 4, the last of 2; 4 updates in an epoch, 16 in all; looks after 4, 7, 10, 13 and 16."""


def order(epoch: int) -> Integers:
    return np.random.default_rng(epoch).permutation(N)


def data() -> StageData:
    dev = [
        {"anchor": anchor, "positive": positive} for anchor, positive in zip(ANCHORS, POSITIVES, strict=True)
    ]
    return StageData({"anchor": ANCHORS, "positive": POSITIVES}, order, dev=DevData(dev, "MRR@10"))


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def train(where: Path, folder: Path, moment: str) -> None:
    torch.set_num_threads(1)
    model = small_model(folder, [*ANCHORS, *POSITIVES], dropout=0.2)
    when, at = moment.split("@")

    def log(values: Mapping[str, float], step: int) -> None:
        if when == "log" and step == int(at):
            kill()

    if when == "weights":  # half of the file is written

        def save(model: torch.nn.Module, path: Path) -> None:
            checkpoints.save_weights(model, path)
            if path.parent.name == f"checkpoint-{at}":
                os.truncate(path, path.stat().st_size // 2)
                kill()

        loop.save_weights = save  # type: ignore[attr-defined]
    if when == "seal":  # everything is written, only the seal is missing

        def seal(path: Path) -> None:
            if path.name == f"checkpoint-{at}":
                kill()
            checkpoints.seal(path)

        loop.seal = seal  # type: ignore[attr-defined]
    train_stage(model, STAGE, data(), where, seed=5, log=log)


def main(where: Path, folder: Path, moments: list[str]) -> None:
    for moment in moments:
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        else:
            train(where, folder, moment)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
