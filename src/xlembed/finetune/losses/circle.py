"""Circle loss (Sun et al. 2020) with in-batch negatives."""

from __future__ import annotations

from typing import Literal

from xlembed.fields import Rate, Share
from xlembed.finetune.loss import Loss, Model, Module


class LOSS(Loss):
    """Circle loss (Sun et al. 2020) with in-batch negatives."""

    in_batch = True
    retrieval = True

    kind: Literal["circle"]
    margin: Share = 0.25
    gamma: Rate = 80.0

    def build(self, model: Model) -> Module:
        """Ours."""
        from xlembed.finetune.loss_modules import CircleLoss

        return CircleLoss(model, margin=self.margin, gamma=self.gamma)
