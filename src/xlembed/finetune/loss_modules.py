"""Losses of sentence-transformers, changed where ours need more."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from sentence_transformers.sentence_transformer import losses
from torch import Tensor, nn

MSELoss = losses.MSELoss
DISTANCES = {
    # Plain class attributes: an Enum whose values are functions has no members.
    "cosine": losses.TripletDistanceMetric.COSINE,
    "euclidean": losses.TripletDistanceMetric.EUCLIDEAN,
}


class TripletLoss(losses.TripletLoss):
    """The library's, with any number of negatives per row: the mean over them."""

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor) -> Tensor:
        """The loss from vectors: anchors, positives, negatives, ...; each of shape (batch, dim)."""
        anchors, positives, *negatives = embeddings
        each = [
            super(TripletLoss, self).compute_loss_from_embeddings([anchors, positives, n], labels)
            for n in negatives
        ]
        return torch.stack(each).mean()


class UnitMSELoss(losses.MSELoss):
    """Mean squared error to the teacher's vectors at unit length.

    `MatryoshkaLoss` cuts both sides but brings only the student's back to unit length; against a
    target that is shorter the smaller sizes could never reach zero.
    """

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None) -> Tensor:
        """The loss of one batch; `labels` are the teacher's vectors, shape (batch, dim)."""
        if labels is not None:
            labels = nn.functional.normalize(labels, dim=-1)
        loss: Tensor = super().forward(sentence_features, labels)
        return loss
