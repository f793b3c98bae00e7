"""What a loaded model can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from xlembed.words import Role, UserError, Vectors


class OutOfMemory(RuntimeError):
    """A batch did not fit; the caller halves it and goes on."""


def refuse_no_numbers(values: NDArray[Any], name: str) -> None:
    """NaN and infinity are an overflow, or damaged weights.

    Raises:
        UserError: there are some.
    """
    if not np.isfinite(values).all():
        raise UserError(
            f"{name}: the model computed values that are no numbers; in float16 that is an overflow: use +bf16 or "
            "float32. There the weights hold such values, or too large ones"
        )


def unit_length(vectors: Vectors, name: str) -> Vectors:
    """As float32 of unit length; zeros stay zeros.

    Raises:
        UserError: a vector of the model `name` holds something else than finite numbers.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    refuse_no_numbers(lengths, name)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return np.asarray(unit, dtype=np.float32)


class AnyEncoder(Protocol):
    """A loaded model that turns texts and a role into numbers: a vector per text, or one per token."""

    @property
    def dim(self) -> int:
        """Dimension of the base vectors."""

    @property
    def device(self) -> str:
        """Where it computes: ``cpu``, ``cuda:0``, ``mps``."""

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        """Tokens of each text with its prompt and special tokens, before truncation to the maximum length."""

    @property
    def max_tokens(self) -> int | None:
        """Inputs are cut here; None if the model has no limit."""

    @property
    def pads(self) -> bool:
        """Whether a text in a batch costs as much as the longest one beside it."""

    def encode_batch(self, texts: Sequence[str], role: Role) -> NDArray[Any]:
        """As `Encoder.encode_batch`; with a vector per token `TokenVectors`."""


class Encoder(AnyEncoder, Protocol):
    """A loaded model that turns texts and a role into vectors.

    Not safe to share between threads: the adapter of a role is state of the model.
    """

    def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
        """Vectors of one batch: float32, shape (len(texts), dim), unit length.

        Prompts are added here. A text without any known token comes back as zeros.

        Raises:
            OutOfMemory: if the batch does not fit into the device's memory.
        """


@runtime_checkable
class TokenisesAhead(Protocol):
    """An encoder that can be given its texts in two steps."""

    def tokenise(self, texts: Sequence[str], role: Role) -> Any:
        """What `encode_tokenised` takes; in one other thread, which also counts tokens, while a batch is computed."""

    def encode_tokenised(self, tokenised: Any) -> NDArray[Any]:
        """As `encode_batch` of the texts."""
