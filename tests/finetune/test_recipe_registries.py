"""A loss or a head from outside the package is one file: a recipe names it, and nothing else is edited."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LOSS = '''
from typing import Literal

from xlembed.finetune.loss import Loss


class LOSS(Loss):
    """Cosine distance of a pair."""

    kind: Literal["near"]

    def build(self, model):
        from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

        return MultipleNegativesRankingLoss(model, scale=self.strength)

    strength: float = 3.0
'''
PATHS = """
import sys
import xlembed.finetune.heads as heads
import xlembed.finetune.losses as losses
losses.__path__.append(sys.argv[1])
heads.__path__.append(sys.argv[2])
"""
USE = """
from small_model import static_model
from xlembed.finetune.loss import build_loss, loss_classes
from xlembed.finetune.recipe import Stage
stage = Stage.model_validate({"name": "s", "data": [{"pairs": "p"}], "loss": {"kind": "near", "strength": 2}})
built = build_loss(stage.loss, static_model({"a": (1.0, 0.0), "b": (0.0, 1.0)}))
print(sorted(loss_classes()), stage.model_dump()["loss"], built.scale)
"""
HEAD = '''
from typing import Literal

from xlembed.finetune.head import Head


class HEAD(Head):
    """Half of the dimensions."""

    kind: Literal["half"]

    def modules(self, width):
        from sentence_transformers.base.modules import Dense

        return [Dense(width, self.out, bias=False)]
'''
USE_HEAD = """
from small_model import static_model
from xlembed.finetune.building import build_model
from xlembed.finetune.recipe import Recipe
stage = {"name": "s", "data": [{"pairs": "p"}], "loss": "mnrl"}
recipe = Recipe.model_validate({"name": "r", "base": "b", "head": {"kind": "half", "out": 1}, "stages": [stage]})
built = build_model(static_model({"a": (1.0, 0.0), "b": (0.0, 1.0)}), recipe)
print(built.get_embedding_dimension(), recipe.head.kind)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the two programs print, one after the other in a process of their own."""
    losses, heads = (tmp_path_factory.mktemp(name) for name in ("losses", "heads"))
    (losses / "near.py").write_text(LOSS, encoding="utf-8")
    (heads / "half.py").write_text(HEAD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PATHS + USE + USE_HEAD, losses, heads],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def test_a_loss_is_one_file(said: list[str]) -> None:
    assert "'near'" in said[0] and "{'matryoshka': (), 'kind': 'near', 'strength': 2.0} 2" in said[0]


def test_a_head_is_one_file(said: list[str]) -> None:
    assert said[1] == "1 half"
