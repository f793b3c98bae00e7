"""One linear layer per language family."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from xlembed.models.modules.families import FAMILIES
from xlembed.models.modules.saved import SavedModule


class FamilyHead(SavedModule):
    """Each text goes through the layer of its family, which `FamilyTransformer` tells."""

    config_keys: list[str] = ["in_features", "out_features"]  # noqa: RUF012 (as the class above has it)

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features=in_features, out_features=out_features)
        self.layers = nn.ModuleDict({name: nn.Linear(in_features, out_features) for name in FAMILIES})

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """`sentence_embedding`: (batch, in_features) -> (batch, out_features); `family`: (batch,) codes."""
        vectors, families = features["sentence_embedding"], features["family"]
        outs = torch.stack([layer(vectors) for layer in self.layers.values()], dim=1)
        features["sentence_embedding"] = outs[torch.arange(len(vectors), device=vectors.device), families]
        return features
