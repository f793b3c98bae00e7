"""Vectors of texts as documents, whatever of them the store has already."""

from __future__ import annotations

from collections.abc import Sequence

from xlembed.embeddings.derive import derive
from xlembed.embeddings.encode import Progress, encode_texts
from xlembed.embeddings.encoding import Encoding
from xlembed.models.spec import ModelRef
from xlembed.words import Role, Vectors
from xlembed.workspace import Watch, Workspace


def document_vectors(
    encoding: Encoding, texts: Sequence[str], ref: ModelRef, workspace: Workspace, watch: Watch, what: str
) -> Vectors:
    """Encode what the store lacks; then all of them, cut as the model's name says and of unit length.

    Args:
        encoding: of the model.
        texts: in any number, repeats too.
        ref: says to how many dimensions.
        workspace: settings.
        watch: told of the work.
        what: as which it is told.

    Returns:
        float32, shape (n_texts, dim), in memory.
    """

    def tell(progress: Progress) -> None:
        watch(what, progress.n_done, progress.n_total)

    budget = workspace.settings.encode.batch_tokens
    encode_texts(
        encoding.encoder,
        texts,
        Role.DOCUMENT,
        encoding.store,
        batch_tokens=budget,
        shard_size=encoding.shard_texts,
        progress=tell,
    )
    return derive(encoding.store.read(Role.DOCUMENT, texts).load(), ref.variation.dim)
