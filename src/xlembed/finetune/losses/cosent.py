"""Pairs with a higher score get a higher cosine (Su 2022)."""

from __future__ import annotations

from typing import Literal

from xlembed.data.pairs import Kind
from xlembed.fields import Rate
from xlembed.finetune.loss import Loss, Model, Module


class LOSS(Loss):
    """Pairs with a higher score get a higher cosine (Su 2022)."""

    reads = (Kind.SCORED,)
    labels = "scores"

    kind: Literal["cosent"]
    scale: Rate = 20.0

    def build(self, model: Model) -> Module:
        """The library's."""
        from sentence_transformers.sentence_transformer.losses import CoSENTLoss

        return CoSENTLoss(model, scale=self.scale)
