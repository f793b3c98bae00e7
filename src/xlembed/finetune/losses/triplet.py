"""Distance to the positive at least `margin` below the distance to the negative."""

from __future__ import annotations

from typing import Literal

from xlembed.data.pairs import Kind
from xlembed.fields import Rate
from xlembed.finetune.loss import Loss, Model, Module


class LOSS(Loss):
    """Distance to the positive at least `margin` below the distance to the negative."""

    reads = (Kind.TRIPLETS, Kind.PAIRS, Kind.TRANSLATIONS)
    columns = 3
    retrieval = True

    kind: Literal["triplet"]
    distance: Literal["cosine", "euclidean"] = "cosine"
    margin: Rate = 0.2

    def build(self, model: Model) -> Module:
        """The library's, with any number of negatives per row."""
        from xlembed.finetune.loss_modules import DISTANCES, TripletLoss

        return TripletLoss(model, distance_metric=DISTANCES[self.distance], triplet_margin=self.margin)
