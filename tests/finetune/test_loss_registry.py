"""A loss from outside the package is one file: a recipe names it, it trains, and nothing else is edited."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
USE = """
import sys
import xlembed.finetune.losses as losses
losses.__path__.append(sys.argv[1])
from small_model import static_model
from xlembed.finetune.loss import build_loss, loss_classes
from xlembed.finetune.recipe import Stage
stage = Stage.model_validate({"name": "s", "data": [{"pairs": "p"}], "loss": {"kind": "near", "strength": 2}})
built = build_loss(stage.loss, static_model({"a": (1.0, 0.0), "b": (0.0, 1.0)}))
print(sorted(loss_classes()), stage.model_dump()["loss"], built.scale)
"""


def test_a_loss_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text(LOSS, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", USE, tmp_path], env=environment, check=True, capture_output=True, text=True
    )
    assert "'near'" in done.stdout and "{'matryoshka': (), 'kind': 'near', 'strength': 2.0} 2" in done.stdout
