"""An encoder over a sentence-transformers model: prompts, adapters and unit length are ours."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import batch_to_device

from xlembed.models.encoder import OutOfMemory
from xlembed.words import Role, UserError, Vectors

KEPT = 4096
"""Texts whose tokens are remembered between counting and encoding them: more than a shard has."""

MEMORY_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate",
)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch says that memory ran out: by class, or in words where there is no class for it (CPU)."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error).lower() for words in MEMORY_WORDS
    )


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


def refuse_no_numbers(vectors: Vectors, name: str) -> None:
    """NaN and infinity are an overflow.

    Raises:
        UserError: there are some.
    """
    if not np.isfinite(vectors).all():
        raise UserError(
            f"{name}: the model computed values that are no numbers; in float16 that is an "
            "overflow: "
            "use +bf16 or float32"
        )


class SentenceEncoder:
    """What `load_encoder` gives back; see `Encoder`."""

    pads = True

    def __init__(
        self,
        *,
        model: SentenceTransformer,
        name: str,
        prompts: Mapping[Role, str],
        adapters: Mapping[Role, str | None],
        layer_norm: bool,
        dim: int,
        max_tokens: int | None,
    ) -> None:
        self._model = model
        self._name = name
        self._prompts = prompts
        self._adapters = adapters
        self._layer_norm = layer_norm
        self._dim = dim
        self._max_tokens = max_tokens
        self._active: str | None = None

    @property
    def dim(self) -> int:
        """Dimension of the base vectors."""
        return self._dim

    @property
    def device(self) -> str:
        """Where it computes."""
        return str(self._model.device)

    @property
    def max_tokens(self) -> int | None:
        """Inputs are cut here; None if the model has no limit."""
        return self._max_tokens

    def prompt(self, role: Role) -> str:
        """The exact text put before an input of this role."""
        return self._prompts[role]

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        """Tokens of each text with its prompt and special tokens, before truncation."""
        if not texts:
            return []
        inputs = [self._prompts[role] + text for text in texts]
        return self._counts(inputs)

    def _counts(self, inputs: list[str]) -> list[int]:
        tokenizer: Any = self._model.tokenizer
        found = tokenizer(inputs, truncation=False, padding=False, return_attention_mask=False, verbose=False)
        return [len(ids) for ids in found["input_ids"]]

    def _features(self, inputs: list[str]) -> dict[str, Any]:
        return self._model.preprocess(inputs)

    def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
        """Vectors of one batch: float32, shape (len(texts), dim), unit length; zeros for no tokens.

        Raises:
            OutOfMemory: if the batch does not fit into the device's memory.
            UserError: if the model computes something that is no number.
        """
        if not texts:
            return np.zeros((0, self._dim), np.float32)
        return self.encode_tokenised(self.tokenise(texts, role))

    def tokenise(self, texts: Sequence[str], role: Role) -> tuple[Role, int, dict[str, Any]]:
        """Role, number and features of texts, prompts added."""
        return role, len(texts), self._features([self._prompts[role] + text for text in texts])

    def encode_tokenised(self, tokenised: tuple[Role, int, dict[str, Any]]) -> Vectors:
        """As `encode_batch` of the texts."""
        role, n_texts, features = tokenised
        self._activate(self._adapters[role])
        with memory_told(self._model.device):
            vectors = self._forward(features, n_texts)
        refuse_no_numbers(vectors, self._name)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        return np.asarray(unit, dtype=np.float32)

    def _forward(self, tokenised: dict[str, Any], n_texts: int) -> Vectors:
        features = batch_to_device(tokenised, self._model.device)
        if features["input_ids"].numel() == 0:
            return np.zeros((n_texts, self._dim), np.float32)
        with torch.inference_mode():
            pooled = self._model(features)["sentence_embedding"].float()
            if self._layer_norm:
                pooled = torch.nn.functional.layer_norm(pooled, pooled.shape[-1:])
        vectors: Vectors = pooled.cpu().numpy()
        mask = features.get("attention_mask")
        if mask is not None and mask.ndim == 2 and len(mask) == len(vectors):
            vectors[(mask.sum(dim=1) == 0).cpu().numpy()] = 0
        return vectors

    def _activate(self, adapter: str | None) -> None:
        if adapter == self._active:
            return
        body: Any = self._model[0].model
        if adapter is None:
            body.disable_adapters()
        else:
            if self._active is None:
                body.enable_adapters()
            body.set_adapter(adapter)
        self._active = adapter


class StaticEncoder(SentenceEncoder):
    """Over a table of token vectors: there tokenising takes most of the time, so each text is tokenised once.

    Its tokenizer is one of `tokenizers` and adds no special tokens.
    """

    pads = False

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._known: dict[str, NDArray[np.int64]] = {}

    def _counts(self, inputs: list[str]) -> list[int]:
        self._known = {} if len(self._known) > KEPT else self._known
        return [len(ids) for ids in self._ids(inputs)]

    def _features(self, inputs: list[str]) -> dict[str, Any]:
        cut = self._model.tokenizer.truncation or {"max_length": None, "direction": "right"}
        kept = slice(-cut["max_length"], None) if cut["direction"] == "left" else slice(cut["max_length"])
        ids = [of_text[kept] for of_text in self._ids(inputs)]
        starts = np.cumsum([0, *map(len, ids[:-1])])
        return {"input_ids": torch.from_numpy(np.concatenate(ids)), "offsets": torch.from_numpy(starts)}

    def _ids(self, inputs: list[str]) -> list[NDArray[np.int64]]:
        """All token ids of each input; those of the last inputs are remembered."""
        if new := [text for text in dict.fromkeys(inputs) if text not in self._known]:
            found = self._tokenizer.encode_batch(new, add_special_tokens=False)
            self._known |= {
                text: np.array(of.ids, dtype=np.int64) for text, of in zip(new, found, strict=True)
            }
        return [self._known[text] for text in inputs]

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizer = self._model.tokenizer
        if tokenizer.truncation:
            tokenizer = copy.deepcopy(tokenizer)
            tokenizer.no_truncation()
        return tokenizer
