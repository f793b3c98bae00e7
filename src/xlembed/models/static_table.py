"""A static model without torch: a table of token vectors, a text's vector the mean of its tokens'.

It gives what sentence-transformers' `StaticEmbedding` and `Normalize` give on a processor, to the bit: sums in the
order of the tokens, and squares summed in eight lanes. The libraries that are not imported take longer than a small
task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.models.card import ModelCard
from xlembed.models.encoder import OutOfMemory, unit_length
from xlembed.models.folder import folder_modules, stored_dim
from xlembed.models.limits import length_limit
from xlembed.models.selfcheck import check_tokenizer
from xlembed.models.spec import ModelRef
from xlembed.words import DType, Role, Vectors

WEIGHT = "embedding.weight"
READABLE = {"F32", "F16"}
"""Number formats of a table; NumPy has no others of safetensors'."""
LANES = 8
"""Partial sums of torch's Euclidean norm."""
SMALLEST = 1e-12
"""What torch divides by at least."""
KEPT = 4096
"""Texts whose tokens are remembered between counting and encoding them: more than a shard has."""


class TokenIds:
    """Token ids of texts by a tokenizer of `tokenizers`, without special tokens.

    Each text is counted and encoded, and tokenising takes most of the time: the ids of the last texts are remembered.
    """

    def __init__(self, tokenizer: Any, dtype: type[np.integer[Any]]) -> None:
        self._tokenizer, self._dtype = tokenizer, dtype
        self.known: dict[str, NDArray[Any]] = {}

    def __call__(self, texts: Sequence[str]) -> list[NDArray[Any]]:
        """All ids of each text."""
        if new := [text for text in dict.fromkeys(texts) if text not in self.known]:
            found = self._tokenizer.encode_batch(new, add_special_tokens=False)
            self.known |= {
                text: np.array(of.ids, dtype=self._dtype) for text, of in zip(new, found, strict=True)
            }
        return [self.known[text] for text in texts]

    def counts(self, texts: Sequence[str]) -> list[int]:
        """How many each text has."""
        self.known = {} if len(self.known) > KEPT else self.known
        return [len(ids) for ids in self(texts)]


class StaticTable:
    """See `Encoder`."""

    device = "cpu"
    pads = False

    def __init__(
        self,
        table: NDArray[np.float32],
        tokenizer: Any,
        prompts: Mapping[Role, str],
        max_tokens: int | None,
        *,
        normalised: bool,
        name: str,
    ) -> None:
        self._name = name
        self.dim = int(table.shape[1])
        self.max_tokens = max_tokens
        self._table = table
        self._ids = TokenIds(tokenizer, np.int32)
        self._prompts = prompts
        self._normalised = normalised

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        """Tokens of each text with its prompt, before truncation."""
        return self._ids.counts([self._prompts[role] + text for text in texts])

    def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
        """Vectors of one batch: float32, shape (len(texts), dim), unit length; zeros for no tokens.

        Raises:
            OutOfMemory: if the batch does not fit into memory.
            UserError: if the table holds values that are no numbers.
        """
        try:
            ids = [of[: self.max_tokens] for of in self._ids([self._prompts[role] + text for text in texts])]
            means = self._means(ids)
            if self._normalised:
                means /= np.maximum(norms(means), np.float32(SMALLEST))[:, None]
            return unit_length(means, self._name)
        except MemoryError as error:
            raise OutOfMemory(str(error)) from error

    def _means(self, ids: Sequence[NDArray[np.int32]]) -> Vectors:
        from scipy.sparse import csr_array  # a row's sum in the order of its entries

        counts = np.array([len(of) for of in ids], dtype=np.int64)
        tokens = np.concatenate([*ids, np.zeros(0, np.int32)])
        places = np.concatenate([[0], np.cumsum(counts)])
        chosen = csr_array(
            (np.ones(len(tokens), np.float32), tokens, places), shape=(len(ids), len(self._table))
        )
        sums: Vectors = chosen @ self._table
        return sums / np.maximum(counts, 1).astype(np.float32)[:, None]


def norms(vectors: Vectors) -> NDArray[np.float32]:
    """Euclidean norm of each row in float32, added as torch does: lane by lane, then the lanes, then the rest."""
    whole = vectors.shape[1] // LANES * LANES
    squares = vectors * vectors
    sums = np.zeros((len(vectors), LANES), np.float32)
    for start in range(0, whole, LANES):
        sums += squares[:, start : start + LANES]
    total = sums[:, 0]
    for more in (*sums.T[1:], *squares[:, whole:].T):
        total = total + more
    return np.sqrt(total)


def open_static_table(
    ref: ModelRef, card: ModelCard, folder: Path, device: str, instruction: str
) -> StaticTable | None:
    """A folder's model as a table; None where it is something else, or is not whole, which torch's way tells.

    Raises:
        UserError: the tokenizer does not know the card's languages.
    """
    modules = folder_modules(folder)
    ours = [module.type.startswith("sentence_transformers.") and module.kind for module in modules]
    if ours not in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"]):
        return None
    if device not in ("", "cpu") or ref.dtype is not DType.FLOAT32 or card.layer_norm or stored_dim(folder):
        return None
    found = _read(folder / modules[0].path)
    if found is None or (card.dim and found[0].shape[1] != card.dim):
        return None
    table, tokenizer = found
    check_tokenizer(tokenizer, card.languages, ref.slug)
    return StaticTable(
        table,
        tokenizer,
        {role: card.prompt(role, instruction) for role in Role},
        length_limit(folder, ref.max_tokens, card.config_overrides),
        normalised=len(modules) == 2,
        name=ref.slug,
    )


def _read(place: Path) -> tuple[NDArray[np.float32], Any] | None:
    """Table and tokenizer; None if they do not fit each other, or cannot be read."""
    from safetensors import safe_open
    from tokenizers import Tokenizer

    try:
        with safe_open(place / "model.safetensors", framework="np") as file:
            if set(file.keys()) != {WEIGHT} or file.get_slice(WEIGHT).get_dtype() not in READABLE:
                return None
            table = np.ascontiguousarray(file.get_tensor(WEIGHT), dtype=np.float32)
        tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
    except Exception:  # Rust's own kinds
        return None
    if table.ndim != 2 or tokenizer.get_vocab_size() > len(table) or tokenizer.truncation:
        return None
    tokenizer.no_padding()
    return table, tokenizer
