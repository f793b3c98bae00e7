"""Losses of sentence-transformers, changed where ours need more; circle loss, which it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.merged_forward import embed_columns
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.util import cos_sim
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


def circle_loss(similarities: Tensor, own: Tensor, *, margin: float, gamma: float) -> Tensor:
    """Mean over rows of log(1 + sum_j exp(gamma a_j (s_j - m)) * sum_i exp(-gamma a_i (s_i - 1 + m))).

    i runs over the row's positives, j over its negatives; the weights a_i = max(0, 1 + m - s_i) and a_j = max(0, s_j +
    m) say how far a similarity is from its optimum and take no gradient: equation 6 of Sun et al. 2020
    (arXiv:2002.10857), pair-wise labels. `own` is True where the candidate is a positive of the anchor; similarities
    are cosines, shape (anchors, candidates).
    """
    to_positive = torch.clamp(1 + margin - similarities.detach(), min=0)
    to_negative = torch.clamp(similarities.detach() + margin, min=0)
    positive = -gamma * to_positive * (similarities - (1 - margin))
    negative = gamma * to_negative * (similarities - margin)
    nothing = float("-inf")
    sums = torch.logsumexp(positive.masked_fill(~own, nothing), dim=1) + torch.logsumexp(
        negative.masked_fill(own, nothing), dim=1
    )
    return nn.functional.softplus(sums).mean()


class CircleLoss(nn.Module):
    """Circle loss (Sun et al. 2020): the further a pair is from where it should be, the harder it is pulled.

    Columns anchor, positive and any number of negatives; every other row's positive and all rows'
    negatives are negatives of an anchor.
    """

    def __init__(self, model: SentenceTransformer, *, margin: float = 0.25, gamma: float = 80.0) -> None:
        super().__init__()
        self.model = model
        self.margin = margin
        self.gamma = gamma

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None = None) -> Tensor:
        """The loss of one batch; `labels` are not looked at."""
        return self.compute_loss_from_embeddings(embed_columns(self.model, sentence_features))

    def compute_loss_from_embeddings(self, embeddings: Sequence[Tensor]) -> Tensor:
        """The loss from vectors: anchors, positives, negatives, ...; each of shape (batch, dim)."""
        anchors, *candidates = embeddings
        similarities = cos_sim(anchors, torch.cat(candidates))
        own = torch.zeros_like(similarities, dtype=torch.bool)
        own.fill_diagonal_(True)
        return circle_loss(similarities, own, margin=self.margin, gamma=self.gamma)
