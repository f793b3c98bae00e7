"""How many parameters a model has, and how many of them are trained."""

from __future__ import annotations

from dataclasses import dataclass

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding

from xlembed.models.modules.attention_pooling import AttentionPooling
from xlembed.models.modules.weighted_pooling import WeightedPooling

POOLINGS = (Pooling, WeightedPooling, AttentionPooling)
PARTS = ("embeddings", "body", "adapters", "pooling", "head")


@dataclass(frozen=True)
class Part:
    """One row of the table."""

    part: str
    trainable: int
    total: int


def trainable_parameters(model: SentenceTransformer) -> list[Part]:
    """A row per part that has parameters; each parameter is in one part.

    `embeddings` are the token vectors, `adapters` what LoRA adds to the body.
    """
    counts = {part: [0, 0] for part in PARTS}
    for number, module in enumerate(model):
        tokens = token_vectors(model) if number == 0 else set()
        for name, parameter in module.named_parameters():
            if number == 0:
                part = "adapters" if ".lora_" in name else "embeddings" if id(parameter) in tokens else "body"
            else:
                part = "pooling" if isinstance(module, POOLINGS) else "head"
            counts[part][0] += parameter.numel() if parameter.requires_grad else 0
            counts[part][1] += parameter.numel()
    return [Part(part, *counts[part]) for part in PARTS if counts[part][1]]


def token_vectors(model: SentenceTransformer) -> set[int]:
    """`id` of the parameters that hold one vector per token."""
    body = model[0]
    if isinstance(body, StaticEmbedding):
        return {id(parameter) for parameter in body.parameters()}
    inner = getattr(body, "model", None)
    table = inner.get_input_embeddings() if inner is not None else None
    return {id(parameter) for parameter in table.parameters()} if table is not None else set()
