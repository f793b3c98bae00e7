"""The losses of recipes, built over those of sentence-transformers: one builder per kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.gradcache import has_static_embedding_input
from sentence_transformers.sentence_transformer import losses
from torch import Tensor, nn

from xlembed.finetune import recipe
from xlembed.finetune.circle import CircleLoss
from xlembed.types import UserError

Builder = Callable[[Any, SentenceTransformer], nn.Module]


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


def _mnrl(settings: recipe.MnrlLoss | recipe.CachedMnrlLoss, model: SentenceTransformer) -> nn.Module:
    return losses.MultipleNegativesRankingLoss(model, scale=settings.scale, **_directions(settings.symmetric))


def _cached_mnrl(settings: recipe.CachedMnrlLoss, model: SentenceTransformer) -> nn.Module:
    if has_static_embedding_input(model):
        return _mnrl(settings, model)  # the same loss; without a body there are no activations to save
    return losses.CachedMultipleNegativesRankingLoss(
        model, scale=settings.scale, mini_batch_size=settings.mini_batch, **_directions(settings.symmetric)
    )


def _directions(symmetric: bool) -> dict[str, Any]:
    if not symmetric:
        return {}
    return {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}


def _triplet(settings: recipe.TripletLoss, model: SentenceTransformer) -> nn.Module:
    # Plain class attributes: an Enum whose values are functions has no members.
    distances = {
        "cosine": losses.TripletDistanceMetric.COSINE,
        "euclidean": losses.TripletDistanceMetric.EUCLIDEAN,
    }
    return TripletLoss(model, distance_metric=distances[settings.distance], triplet_margin=settings.margin)


def _cosent(settings: recipe.CosentLoss, model: SentenceTransformer) -> nn.Module:
    return losses.CoSENTLoss(model, scale=settings.scale)


def _circle(settings: recipe.CircleLoss, model: SentenceTransformer) -> nn.Module:
    return CircleLoss(model, margin=settings.margin, gamma=settings.gamma)


def _distillation(settings: recipe.DistillationLoss, model: SentenceTransformer) -> nn.Module:
    return UnitMSELoss(model) if settings.matryoshka else losses.MSELoss(model)


LOSSES: dict[str, Builder] = {
    "mnrl": _mnrl,
    "cached_mnrl": _cached_mnrl,
    "triplet": _triplet,
    "cosent": _cosent,
    "circle": _circle,
    "distillation": _distillation,
}
"""Kind -> builder."""


def build_loss(settings: recipe.LossRecipe, model: SentenceTransformer) -> nn.Module:
    """The loss of a stage over `model`, Matryoshka (Kusupati et al. 2022) round it where asked for.

    Columns come in the order anchor, positive, negatives. `cosent` takes scores as labels,
    `distillation` the teacher's vectors, shape (batch, dim); the other losses take no labels.
    `cached_mnrl` over a static model is plain `mnrl`: the same numbers, and nothing to cache.

    Raises:
        UserError: if a Matryoshka size is above the model's.
    """
    loss = LOSSES[settings.kind](settings, model)
    if not settings.matryoshka:
        return loss
    dim = model.get_embedding_dimension()
    if dim is not None and max(settings.matryoshka) > dim:
        raise UserError(
            f"matryoshka: the model's vectors have {dim} dimensions, found {max(settings.matryoshka)}; "
            f"take sizes up to {dim}"
        )
    return losses.MatryoshkaLoss(model, loss, list(settings.matryoshka))
