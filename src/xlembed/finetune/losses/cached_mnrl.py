"""The same as mnrl with batches larger than memory, by gradient caching (Gao et al. 2021)."""

from __future__ import annotations

from typing import Literal

from xlembed.fields import Positive, Rate
from xlembed.finetune.loss import Loss, Model, Module
from xlembed.finetune.losses.mnrl import directions


class LOSS(Loss):
    """The same as mnrl with batches larger than memory, by gradient caching (Gao et al. 2021)."""

    in_batch = True
    retrieval = True

    kind: Literal["cached_mnrl"]
    scale: Rate = 20.0
    symmetric: bool = False
    mini_batch: Positive = 32

    def build(self, model: Model) -> Module:
        """The library's; over a static model plain mnrl: the same numbers, without a body there is nothing to cache."""
        from sentence_transformers.base.losses.gradcache import has_static_embedding_input
        from sentence_transformers.sentence_transformer import losses

        told = {"scale": self.scale, **directions(self.symmetric)}
        if has_static_embedding_input(model):
            return losses.MultipleNegativesRankingLoss(model, **told)
        return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=self.mini_batch, **told)
