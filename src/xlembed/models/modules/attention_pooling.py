"""Pooling by a learned query over the tokens."""

from __future__ import annotations

import math
from typing import Any

import torch

from xlembed.models.modules.saved import SavedModule


class AttentionPooling(SavedModule):
    """Mean of the tokens weighted by softmax(token . query / sqrt(dim)); padding has weight 0.

    The query starts at zero, where this is the plain mean.
    """

    width_key = "embedding_dimension"
    config_keys: list[str] = ["embedding_dimension"]  # noqa: RUF012 (as the class above has it)

    def __init__(self, embedding_dimension: int) -> None:
        super().__init__(embedding_dimension=embedding_dimension)
        self.query = torch.nn.Parameter(torch.zeros(embedding_dimension))

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """`token_embeddings` (batch, tokens, dim) -> `sentence_embedding` (batch, dim)."""
        tokens = features["token_embeddings"]
        scores = tokens.float() @ self.query.float() / math.sqrt(len(self.query))
        scores = scores.masked_fill(features["attention_mask"] == 0, torch.finfo(scores.dtype).min)
        shares = torch.softmax(scores, dim=1).to(tokens.dtype)
        features["sentence_embedding"] = torch.einsum("bt,btd->bd", shares, tokens)
        return features
