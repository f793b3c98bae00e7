"""Vectors of texts, whatever of them the store has already."""

from __future__ import annotations

from collections.abc import Sequence

from xlembed.embeddings.derive import derive
from xlembed.embeddings.encode import Progress, encode_texts
from xlembed.embeddings.encoding import Encoding
from xlembed.models.spec import ModelRef
from xlembed.words import Role, Vectors
from xlembed.workspace import Watch


def document_vectors(
    encoding: Encoding, texts: Sequence[str], ref: ModelRef, watch: Watch, what: str
) -> Vectors:
    """As `text_vectors`, of texts as documents."""
    return text_vectors(encoding, texts, ref, watch, what, Role.DOCUMENT)


def text_vectors(
    encoding: Encoding,
    texts: Sequence[str],
    ref: ModelRef,
    watch: Watch,
    what: str,
    role: Role,
) -> Vectors:
    """Encode what the store lacks; then all of them, cut as the model's name says and of unit length.

    Args:
        encoding: of the model.
        texts: in any number, repeats too.
        ref: says to how many dimensions.
        watch: told of the work.
        what: as which it is told.
        role: of the texts.

    Returns:
        float32, shape (n_texts, dim), in memory.
    """

    def tell(progress: Progress) -> None:
        watch(what, progress.n_done, progress.n_total)

    with encoding.crew as crew:
        encode_texts(crew, texts, role, encoding.store, shard_size=encoding.shard_texts, progress=tell)
    return derive(encoding.store.read(role, texts).load(), ref.variation.dim)
