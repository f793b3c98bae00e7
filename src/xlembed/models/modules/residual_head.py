"""A deeper head: residual blocks with layer norm, then a linear layer."""

from __future__ import annotations

from typing import Any

from torch import nn

from xlembed.models.modules.saved import SavedModule


class ResidualHead(SavedModule):
    """`blocks` times x + Linear(ReLU(Linear(LayerNorm(x)))), then LayerNorm and Linear to `out_features`."""

    config_keys: list[str] = ["in_features", "hidden_features", "out_features", "blocks"]  # noqa: RUF012 (as the class above has it)

    def __init__(self, in_features: int, hidden_features: int, out_features: int, blocks: int) -> None:
        super().__init__(
            in_features=in_features, hidden_features=hidden_features, out_features=out_features, blocks=blocks
        )
        self.body = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(in_features),
                nn.Linear(in_features, hidden_features),
                nn.ReLU(),
                nn.Linear(hidden_features, in_features),
            )
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(in_features)
        self.out = nn.Linear(in_features, out_features)

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """`sentence_embedding`: (batch, in_features) -> (batch, out_features)."""
        vectors = features["sentence_embedding"]
        for block in self.body:
            vectors = vectors + block(vectors)
        features["sentence_embedding"] = self.out(self.norm(vectors))
        return features
