"""The one way in which stages turn a model and the settings into an encoder, its fingerprint and its stored vectors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xlembed.embeddings import backends
from xlembed.embeddings.assignment import Assignment, load_options, locate_model
from xlembed.embeddings.crew import Crew, Workers, alone
from xlembed.embeddings.export import load_export
from xlembed.embeddings.given import GivenVectors, given_fingerprint
from xlembed.embeddings.service import ServiceEncoder
from xlembed.embeddings.store import VectorStore
from xlembed.models.card import Service
from xlembed.models.encoder import Encoder
from xlembed.models.fingerprint import Fingerprint
from xlembed.models.folder import prompt_notes, similarity_notes
from xlembed.models.safety import check_vectors
from xlembed.models.spec import ModelRef
from xlembed.registry import load_entry
from xlembed.settings import EncodeSettings
from xlembed.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoding:
    """A model as the settings use it.

    Attributes:
        folder: with the weights.
        base: fingerprint of everything that determines a vector.
        store: vectors of that fingerprint.
        encoder: loads the model, once.
        crew: encodes texts for the store.
        notes: what must be known beside its scores.
        shard_texts: texts that become durable together.
        spent: what a service was asked, and its cost; empty where there is nothing to pay.
    """

    folder: Path
    base: Fingerprint
    store: VectorStore
    encoder: Callable[[], Encoder]
    crew: Crew
    notes: tuple[str, ...] = ()
    shard_texts: int = 1024
    spent: Callable[[], str] = lambda: ""


def open_encoding(ref: ModelRef, workspace: Workspace) -> Encoding:
    """Find the model's files; nothing is loaded yet.

    Raises:
        UserError: they cannot be found or fetched, the device is not there, or the model has no vector of a text.
    """
    check_vectors(ref)
    if ref.card.given:
        return open_given(ref, workspace)
    if ref.card.api:
        return open_service(ref, ref.card.api, workspace)
    settings = workspace.settings.encode
    folder, base, store, notes = locate_store(ref, workspace)

    @cache
    def encoder() -> Encoder:
        from xlembed.models.loading import load_encoder  # torch only when something must be encoded

        return load_encoder(ref, folder=folder, **load_options(settings))

    crew = open_workers(ref, settings, base) or alone(encoder, settings.batch_tokens)
    return Encoding(folder, base, store, encoder, crew, notes)


def open_workers(ref: ModelRef, settings: EncodeSettings, base: Fingerprint) -> Workers | None:
    """The workers that the settings ask for; None: this process is enough."""
    found: Workers | None = load_entry(backends, settings.backend).BACKEND(
        Assignment(ref, settings, base.digest)
    )
    return found


def open_given(ref: ModelRef, workspace: Workspace) -> Encoding:
    """Vectors that were made elsewhere, as if a model gave them.

    Raises:
        UserError: their folder is missing, truncated or altered.
    """
    folder = ref.folder or Path()
    found = load_export(folder)
    dtype = workspace.settings.encode.storage_dtype
    base = given_fingerprint(found.manifest, dtype)
    store = VectorStore(workspace.cache / "vectors", base.digest, dtype, base.description)
    given = cache(lambda: GivenVectors(ref.slug, found))
    return Encoding(folder, base, store, given, alone(given), tuple(found.manifest.get("notes", ())))


def open_service(ref: ModelRef, service: Service, workspace: Workspace) -> Encoding:
    """A service, as if it were a model that runs here; nothing is sent yet.

    Raises:
        UserError: there is no address.
    """
    settings = workspace.settings.encode
    encoder = ServiceEncoder(ref.slug, ref.card, service, workspace.root, settings.instruction)
    base = encoder.fingerprint(settings.storage_dtype)
    store = VectorStore(workspace.cache / "vectors", base.digest, settings.storage_dtype, base.description)
    together = service.batch * service.concurrency  # what an error or an interruption may cost
    crew = alone(lambda: encoder, settings.batch_tokens)
    return Encoding(Path(), base, store, lambda: encoder, crew, (), together, encoder.spent)


def locate_store(
    ref: ModelRef, workspace: Workspace
) -> tuple[Path, Fingerprint, VectorStore, tuple[str, ...]]:
    """The model's files, its fingerprint, the store of its vectors, and what must be known beside its scores.

    Raises:
        UserError: as `locate_model`.
    """
    settings = workspace.settings.encode
    folder, base = locate_model(ref, settings, settings.storage_dtype)
    notes = [*prompt_notes(ref.card, ref.folder or folder), *similarity_notes(folder)]
    for note in notes:
        log.warning("%s: %s", ref.slug, note)
    store = VectorStore(workspace.cache / "vectors", base.digest, settings.storage_dtype, base.description)
    return folder, base, store, tuple(notes)
