"""A vector per token of every text: encoded once into the store of vectors, read back as it is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings.assignment import load_options
from xlembed.embeddings.crew import Alone, Crew
from xlembed.embeddings.encode import EncodeReport, Progress, encode_texts
from xlembed.embeddings.encoding import locate_store, open_workers
from xlembed.embeddings.store import Located, VectorStore, open_vectors, text_keys
from xlembed.models.fingerprint import Fingerprint
from xlembed.models.spec import ModelRef
from xlembed.words import Role, UserError, Vectors
from xlembed.workspace import Workspace

if TYPE_CHECKING:
    from xlembed.models.token_encoder import TokenEncoder

log = logging.getLogger(__name__)

MOST_BYTES = 8 * 2**30
"""Of the documents' vectors. Exact search reads them all for every few queries: what a machine does not keep in its
file cache comes from the disk each time, and the products alone take seconds per query then."""
SHARD_TEXTS = 128
"""Texts that become durable together: of 500 tokens and 1,024 numbers each, 260 MB."""
SAMPLE = 1000
"""Texts whose tokens are counted for an estimate."""


@dataclass(frozen=True)
class TokenEncoding:
    """A late-interaction model as the settings use it.

    Attributes:
        base: fingerprint of everything that determines a vector.
        store: vectors of that fingerprint.
        encoders: loads the model, once.
        crew: encodes texts for the store.
        notes: what must be known beside its scores.
    """

    base: Fingerprint
    store: VectorStore
    encoders: Callable[[], Mapping[Role, TokenEncoder]]
    crew: Crew
    notes: tuple[str, ...] = ()


class TokenTable:
    """Token vectors of a list of texts, in its order; they stay in memory maps until they are asked for.

    Args:
        located: all of them.

    Attributes:
        counts: tokens of each text, int64, shape (n,).
        dim: numbers of a token's vector.
    """

    def __init__(self, located: Located) -> None:
        self._shards, self._shard_of = located.shards, located.shard_of
        self.dim = located.shards[0].dim if located.shards else 0
        self.counts = np.zeros(len(self._shard_of), dtype=np.int64)
        self._starts = np.zeros_like(self.counts)
        for number, shard in enumerate(located.shards):
            if shard.counts is None:
                raise ValueError(f"{shard.vectors} holds a vector per text")
            places = np.flatnonzero(self._shard_of == number)
            rows = located.row_of[places]
            self.counts[places] = shard.counts[rows]
            self._starts[places] = (np.cumsum(shard.counts) - shard.counts)[rows]

    def take(self, rows: NDArray[np.int64]) -> Vectors:
        """Of some texts, one below the other: float32, shape (sum of their counts, dim).

        Raises:
            UserError: if a shard went away in the meantime.
        """
        counts = self.counts[rows]
        inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places = np.repeat(self._starts[rows], counts) + inside
        shards = np.repeat(self._shard_of[rows], counts)
        found = np.empty((len(places), self.dim), dtype=np.float32)
        for number in np.unique(shards):
            here = shards == number
            found[here] = open_vectors(self._shards[number].vectors)[places[here]]
        return found


def open_token_encoding(ref: ModelRef, workspace: Workspace) -> TokenEncoding:
    """Find the model's files; nothing is loaded yet.

    Raises:
        UserError: they cannot be found or fetched, or the device is not there.
    """
    settings = workspace.settings.encode
    _, base, store, notes = locate_store(ref, workspace)

    @cache
    def encoders() -> Mapping[Role, TokenEncoder]:
        from xlembed.models.loading import load_token_encoders  # torch only when something must be encoded

        return load_token_encoders(ref, **load_options(settings))

    crew = open_workers(ref, settings, base) or Alone(encoders, settings.batch_tokens)
    return TokenEncoding(base, store, encoders, crew, notes)


def encode_tokens(
    encoding: TokenEncoding,
    texts: Sequence[str],
    role: Role,
    progress: Callable[[Progress], None] | None = None,
) -> EncodeReport:
    """Make sure that the store holds the token vectors of each text.

    Raises:
        UserError: as `encode_texts`; and documents whose vectors would be too large.
    """
    if len(encoding.store.locate(role, text_keys(texts)).missing) and role is Role.DOCUMENT:
        _refuse_too_large(encoding, texts)
    return encode_texts(encoding.crew, texts, role, encoding.store, shard_size=SHARD_TEXTS, progress=progress)


def read_tokens(store: VectorStore, texts: Sequence[str], role: Role) -> TokenTable:
    """The token vectors of texts that were encoded, in their order.

    Raises:
        UserError: one is not there, or damaged.
    """
    located = store.locate(role, text_keys(texts))
    if len(located.missing):
        raise UserError(
            f"{len(located.missing):,} of {len(texts):,} {role} texts have no token vectors in {store.folder}: run "
            "xlembed encode"
        )
    return TokenTable(located)


def _refuse_too_large(encoding: TokenEncoding, texts: Sequence[str]) -> None:
    """Told before hours of encoding, from the tokens of a part of the texts."""
    encoder = encoding.encoders()[Role.DOCUMENT]
    part = texts[:: max(1, len(texts) // SAMPLE)]
    counts = np.array(encoder.token_counts(part, Role.DOCUMENT))
    tokens = int(np.minimum(counts, encoder.max_tokens or counts.max()).sum()) / len(part)
    whole = tokens * len(texts) * encoder.dim * encoding.store.dtype.itemsize
    told = (
        f"{len(texts):,} documents of about {tokens:.0f} tokens, {encoder.dim} numbers of "
        f"{encoding.store.dtype.itemsize} bytes each: about {whole / len(texts) / 1e3:,.1f} kB per document, "
        f"{whole / 2**30:,.1f} GiB"
    )
    log.info("token vectors of %s", told)
    if whole > MOST_BYTES:
        raise UserError(
            f"token vectors of {told}, more than the {MOST_BYTES / 2**30:g} GiB that are searched exactly. Take fewer "
            "documents (--max-documents-per-language), cut them shorter (+maxN), or store float16 "
            "(encode.storage_dtype)"
        )
