"""Multiple negatives ranking loss (InfoNCE): the other positives of the batch are the negatives."""

from __future__ import annotations

from typing import Any, Literal

from xlembed.fields import Rate
from xlembed.finetune.loss import Loss, Model, Module


class LOSS(Loss):
    """Multiple negatives ranking loss (InfoNCE): the other positives of the batch are the negatives."""

    in_batch = True
    retrieval = True

    kind: Literal["mnrl"]
    scale: Rate = 20.0
    symmetric: bool = False
    """Anchors are ranked for each positive too."""

    def build(self, model: Model) -> Module:
        """The library's."""
        from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

        return MultipleNegativesRankingLoss(model, scale=self.scale, **directions(self.symmetric))


def directions(symmetric: bool) -> dict[str, Any]:
    """What the library calls them."""
    if not symmetric:
        return {}
    return {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
