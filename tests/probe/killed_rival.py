"""A fine-tuning that kills itself; run by test_rival.py: python killed_rival.py BASE WORK UPDATE."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from probe.rival_fakes import texts_and_scores
from xlembed.data.scored import ScoredKind
from xlembed.probe.rival import FittedRival, train_rival
from xlembed.probe.rival_recipe import RivalRecipe
from xlembed.workspace import Watch, unwatched

RECIPE = RivalRecipe.model_validate(
    {
        "name": "toy",
        "base": "toy",
        "adapter": {"r": 4, "alpha": 8, "dropout": 0.2},
        "learning_rate": 1e-2,
        "epochs": 4,
        "batch": 8,
        "accumulation": 2,
    }
)
"""48 texts: 3 updates in an epoch, 12 in all."""


def train(base: Path, work: Path, watch: Watch = unwatched, recipe: RivalRecipe = RECIPE) -> FittedRival:
    texts, scores = texts_and_scores(48, 0)
    validation = texts_and_scores(24, 1)
    return train_rival(
        recipe, base, texts, scores, *validation, kind=ScoredKind.SCORES, work=work, device="cpu", watch=watch
    )


def main(base: Path, work: Path, update: int) -> None:
    torch.set_num_threads(1)

    def watch(what: str, done: int, total: int) -> None:
        if done == update:
            os.kill(os.getpid(), signal.SIGKILL)

    train(base, work, watch)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
