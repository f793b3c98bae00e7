"""A late-interaction model in one of its two roles: a vector per token (Khattab and Zaharia 2020, "ColBERT")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.util import batch_to_device

from xlembed.models.card import ModelCard
from xlembed.models.encoder import refuse_no_numbers
from xlembed.models.sentence_encoder import Loaded, memory_told
from xlembed.words import Role, TokenVectors, UserError


@dataclass(kw_only=True, eq=False)
class TokenEncoder(Loaded):
    """What `load_token_encoders` gives back for a role; an `Encoder` whose vectors are those of tokens.

    The model is shared by both roles. Queries may be filled up with expansion tokens, documents may lose tokens of a
    skip list, and each role may have a length of its own.
    """

    role: Role

    def encode_batch(self, texts: Sequence[str], role: Role) -> TokenVectors:
        """Vectors of each text's tokens, as the model's own modules leave them.

        Raises:
            OutOfMemory: if the batch does not fit into the device's memory.
            UserError: if the model computes something that is no number.
        """
        if role is not self.role:
            raise ValueError(f"this encodes in the role {self.role}, asked for {role}")
        found = np.empty(len(texts), dtype=object)
        with memory_told(self.model.device):
            parts = self._forward([self.prompts[role] + text for text in texts]) if texts else []
        for i, part in enumerate(parts):
            refuse_no_numbers(part, self.name)
            found[i] = part
        return found

    def _forward(self, inputs: list[str]) -> list[np.ndarray]:
        features = batch_to_device(self.model.preprocess(inputs, task=self.role.value), self.model.device)
        if features["input_ids"].numel() == 0:
            return [np.zeros((0, self.dim), np.float32)] * len(inputs)
        with torch.inference_mode():
            out = self.model(features, task=self.role.value)
            vectors, masks = out["token_embeddings"].float(), out["attention_mask"].bool()
            return [vector[mask].cpu().numpy() for vector, mask in zip(vectors, masks, strict=True)]


def token_encoders(
    model: MultiVectorEncoder, card: ModelCard, name: str, limit: int | None, instruction: str = ""
) -> dict[Role, TokenEncoder]:
    """A loaded model in both roles.

    Raises:
        UserError: its vectors have another dimension than the card says, or the card asks for what only vectors of
            whole texts can have.
    """
    if card.layer_norm or any(card.adapter(role) for role in Role):
        raise UserError(f"{name}: adapters and layer_norm are not known for late-interaction models")
    dim = model.get_embedding_dimension()
    if dim is None:
        raise ValueError(f"{name}: no module says how long a token's vector is")
    if card.dim and card.dim != dim:
        raise UserError(f"{name}: the card says {card.dim} dimensions, the files give {dim}: another model?")
    prompts = {role: card.prompt(role, instruction) for role in Role}
    return {
        role: TokenEncoder(
            model=model,
            name=name,
            prompts=prompts,
            dim=dim,
            max_tokens=_cut(model[0], role, limit),
            role=role,
        )
        for role in Role
    }


def _cut(body: torch.nn.Module, role: Role, limit: int | None) -> int | None:
    """Let the role's own length be no longer than the limit; returns the one in force."""
    name = f"{role}_length"
    own = getattr(body, name, None)
    if own and limit and own > limit:
        setattr(body, name, limit)
    expansion = getattr(body, "query_expansion", None) if role is Role.QUERY else None
    if expansion and expansion["strategy"] == "fixed":
        return int(expansion["length"])
    lengths = [length for length in (own, limit) if length]
    return min(lengths) if lengths else None
