"""Mixture of experts with soft routing."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from xlembed.models.modules.saved import SavedModule


class ExpertsHead(SavedModule):
    """Linear experts mixed by a softmax gate on the input (Jacobs et al. 1991): every expert takes part."""

    config_keys: list[str] = ["in_features", "out_features", "experts"]  # noqa: RUF012 (as the class above has it)

    def __init__(self, in_features: int, out_features: int, experts: int) -> None:
        super().__init__(in_features=in_features, out_features=out_features, experts=experts)
        self.gate = nn.Linear(in_features, experts)
        self.layers = nn.ModuleList(nn.Linear(in_features, out_features) for _ in range(experts))

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """`sentence_embedding`: (batch, in_features) -> (batch, out_features)."""
        vectors = features["sentence_embedding"]
        shares = torch.softmax(self.gate(vectors), dim=-1)
        outs = torch.stack([layer(vectors) for layer in self.layers], dim=1)
        features["sentence_embedding"] = torch.einsum("be,beo->bo", shares, outs)
        return features
