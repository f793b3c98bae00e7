"""The one way in which stages turn a model and the settings into an encoder, its fingerprint and its stored vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xlembed.embeddings.store import VectorStore
from xlembed.models.encoder import Encoder
from xlembed.models.fingerprint import Fingerprint, base_fingerprint
from xlembed.models.hub import locate
from xlembed.models.spec import ModelRef
from xlembed.stages.workspace import Workspace


@dataclass(frozen=True)
class Encoding:
    """A model as the settings use it.

    Attributes:
        folder: with the weights.
        base: fingerprint of everything that determines a vector.
        store: vectors of that fingerprint.
        encoder: loads the model, once.
    """

    folder: Path
    base: Fingerprint
    store: VectorStore
    encoder: Callable[[], Encoder]


def open_encoding(ref: ModelRef, workspace: Workspace) -> Encoding:
    """Find the model's files; nothing is loaded yet.

    Raises:
        UserError: they cannot be found or fetched.
    """
    settings = workspace.settings.encode
    folder = locate(ref, settings.trust_remote_code)
    base = base_fingerprint(
        ref,
        folder,
        storage_dtype=settings.storage_dtype,
        instruction=settings.instruction,
        trust_remote_code=settings.trust_remote_code,
    )
    store = VectorStore(workspace.cache / "vectors", base.digest, settings.storage_dtype, base.description)

    @cache
    def encoder() -> Encoder:
        from xlembed.models.loading import load_encoder  # torch only when something must be encoded

        return load_encoder(
            ref,
            device=settings.device,
            trust_remote_code=settings.trust_remote_code,
            instruction=settings.instruction,
            folder=folder,
        )

    return Encoding(folder, base, store, encoder)
