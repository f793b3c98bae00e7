"""An encoder over a sentence-transformers model: prompts, adapters and unit length are ours."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from sentence_transformers.base.modules import Router
from sentence_transformers.util import batch_to_device

from xlembed.models.encoder import OutOfMemory, unit_length
from xlembed.models.static_table import TokenIds
from xlembed.words import Role, Vectors

MEMORY_WORDS = re.compile("out of memory|not enough memory|can(no|')t allocate memory|failed to allocate")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch says that memory ran out: by class, or in words where there is no class for it (CPU)."""
    return isinstance(error, torch.OutOfMemoryError) or bool(MEMORY_WORDS.search(str(error).lower()))


@contextmanager
def memory_told(device: torch.device) -> Iterator[None]:
    """Running out of memory inside is raised as `OutOfMemory`, what was held on the device given back."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemory(str(error)) from error
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        if device.type == "cuda":
            torch.cuda.empty_cache()
        elif device.type == "mps":
            torch.mps.empty_cache()
        raise OutOfMemory(str(error)) from error


@dataclass(kw_only=True, eq=False)
class Loaded:
    """What encoders over a model of sentence-transformers share; `name` is for messages.

    Inputs are cut at `max_tokens`; None: the model has no limit.
    """

    pads: ClassVar[bool] = True
    model: Any
    name: str
    prompts: Mapping[Role, str]
    dim: int
    max_tokens: int | None

    @property
    def device(self) -> str:
        """Where it computes."""
        return str(self.model.device)

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        """Tokens of each text with its prompt and special tokens, before truncation; without expansion."""
        return self._counts([self.prompts[role] + text for text in texts]) if texts else []

    def _counts(self, inputs: list[str]) -> list[int]:
        settings = {"truncation": False, "padding": False, "return_attention_mask": False, "verbose": False}
        return [len(ids) for ids in self.model.tokenizer(inputs, **settings)["input_ids"]]


@dataclass(kw_only=True, eq=False)
class SentenceEncoder(Loaded):
    """What `load_encoder` gives back; see `Encoder`."""

    adapters: Mapping[Role, str | None]
    layer_norm: bool
    _active: str | None = None

    def _features(self, texts: Sequence[str], role: Role) -> dict[str, Any]:
        prompt = self.prompts[role]
        # A pooling without the prompt must be told where it ends.
        apart = prompt and any(not getattr(module, "include_prompt", True) for module in self.model)
        asked = (list(texts), prompt) if apart else ([prompt + text for text in texts], None)
        return dict(self.model.preprocess(asked[0], prompt=asked[1]))

    def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
        """Vectors of one batch: float32, shape (len(texts), dim), unit length; zeros for no tokens.

        Raises:
            OutOfMemory: if the batch does not fit into the device's memory.
            UserError: if the model computes something that is no number.
        """
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return self.encode_tokenised(self.tokenise(texts, role))

    def tokenise(self, texts: Sequence[str], role: Role) -> tuple[Role, int, dict[str, Any]]:
        """Role, number and features of texts, prompts added."""
        return role, len(texts), self._features(texts, role)

    def encode_tokenised(self, tokenised: tuple[Role, int, dict[str, Any]]) -> Vectors:
        """As `encode_batch` of the texts."""
        role, n_texts, features = tokenised
        self._activate(self.adapters[role])
        with memory_told(self.model.device):
            vectors = self._forward(features, n_texts, role)
        return unit_length(vectors, self.name)

    def _forward(self, tokenised: dict[str, Any], n_texts: int, role: Role) -> Vectors:
        features = batch_to_device(tokenised, self.model.device)
        if features["input_ids"].numel() == 0:
            return np.zeros((n_texts, self.dim), np.float32)
        task = {"task": role.value} if any(isinstance(module, Router) for module in self.model) else {}
        with torch.inference_mode():
            pooled = self.model(features, **task)["sentence_embedding"].float()
            if self.layer_norm:
                pooled = torch.nn.functional.layer_norm(pooled, pooled.shape[-1:])
        vectors: Vectors = pooled[:, : self.dim].cpu().numpy()
        mask = features.get("attention_mask")
        if mask is not None and mask.ndim == 2 and len(mask) == len(vectors):
            vectors[(mask.sum(dim=1) == 0).cpu().numpy()] = 0
        return vectors

    def _activate(self, adapter: str | None) -> None:
        if adapter == self._active:
            return
        body: Any = self.model[0].model
        if adapter is None:
            body.disable_adapters()
        else:
            if self._active is None:
                body.enable_adapters()
            body.set_adapter(adapter)
        self._active = adapter


@dataclass(kw_only=True, eq=False)
class StaticEncoder(SentenceEncoder):
    """Over a table of token vectors: each text is tokenised once (`TokenIds`).

    Its tokenizer is one of `tokenizers` and adds no special tokens.
    """

    pads: ClassVar[bool] = False

    def _counts(self, inputs: list[str]) -> list[int]:
        return self._ids.counts(inputs)

    def _features(self, texts: Sequence[str], role: Role) -> dict[str, Any]:
        cut = self.model.tokenizer.truncation or {"max_length": None, "direction": "right"}
        kept = slice(-cut["max_length"], None) if cut["direction"] == "left" else slice(cut["max_length"])
        ids = [of_text[kept] for of_text in self._ids([self.prompts[role] + t for t in texts])]
        starts = np.cumsum([0, *map(len, ids[:-1])])
        return {"input_ids": torch.from_numpy(np.concatenate(ids)), "offsets": torch.from_numpy(starts)}

    @cached_property
    def _ids(self) -> TokenIds:
        tokenizer = self.model.tokenizer
        if tokenizer.truncation:
            tokenizer = copy.deepcopy(tokenizer)
            tokenizer.no_truncation()
        return TokenIds(tokenizer, np.int64)
