"""A weighted sum of poolings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from sentence_transformers.sentence_transformer.modules import Pooling

from xlembed.models.modules.saved import SavedModule


class WeightedPooling(SavedModule):
    """a * mean + b * max + ...: each part pooled by sentence-transformers, then weighted and summed.

    `weights` gives each pooling mode its first weight.
    """

    width_key = "embedding_dimension"
    learned: bool
    config_keys: list[str] = ["embedding_dimension", "weights", "learned"]  # noqa: RUF012 (as the class above has it)

    def __init__(self, embedding_dimension: int, weights: Mapping[str, float], learned: bool = False) -> None:
        super().__init__(embedding_dimension=embedding_dimension, weights=dict(weights), learned=learned)
        self._parts = [Pooling(embedding_dimension, mode) for mode in weights]
        self.factors = torch.nn.Parameter(torch.tensor(list(weights.values())), requires_grad=learned)

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """`token_embeddings` (batch, tokens, dim) -> `sentence_embedding` (batch, dim)."""
        pooled = torch.stack([part(dict(features))["sentence_embedding"] for part in self._parts])
        features["sentence_embedding"] = torch.einsum("p,pbd->bd", self.factors.to(pooled.dtype), pooled)
        return features
