"""What a worker must know to encode with a model, wherever it runs, and how it begins and answers there."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from xlembed.embeddings.work import NotFinite, Work
from xlembed.models.encoder import AnyEncoder
from xlembed.models.fingerprint import Fingerprint, base_fingerprint
from xlembed.models.hub import locate
from xlembed.models.spec import ModelRef
from xlembed.settings import EncodeSettings
from xlembed.words import Kind, Role, UserError


@dataclass(frozen=True)
class Assignment:
    """A model and how it is used; goes to other processes.

    Attributes:
        ref: the model.
        settings: number formats, instruction, device.
        digest: of the base fingerprint, so that a worker elsewhere knows whether it would make the same vectors.
    """

    ref: ModelRef
    settings: EncodeSettings
    digest: str

    def encoders(self, device: str = "") -> Mapping[Role, AnyEncoder]:
        """Load the model, for both roles.

        Args:
            device: in place of the settings' one.

        Raises:
            UserError: as `load_encoder`.
        """
        from xlembed.models.loading import load_encoder, load_token_encoders  # torch only where there is work

        options = load_options(self.settings) | ({"device": device} if device else {})
        if self.ref.card.kind is Kind.LATE_INTERACTION:
            return load_token_encoders(self.ref, **options)
        return dict.fromkeys(Role, load_encoder(self.ref, **options))

    def elsewhere(self) -> Assignment:
        """The same for another machine."""
        return replace(self, ref=from_anywhere(self.ref))

    def check(self) -> None:
        """Nothing, if this machine makes the very vectors that are asked for.

        Raises:
            UserError: its files, versions or settings are others, or it lacks the model.
        """
        _, base = locate_model(self.ref, self.settings, self.settings.storage_dtype)
        if base.digest != self.digest:
            raise UserError(
                f"{self.ref.slug}: a worker would make other vectors than those asked for: its weights or its versions "
                f"of libraries differ (there: {base.description['libraries']}). Set it up like the machine that asks"
            )


def from_anywhere(ref: ModelRef) -> ModelRef:
    """The same model, asked for in any folder: on another machine its folder lies at the same place, or not at all."""
    reranker = ref.reranker and from_anywhere(ref.reranker)
    return replace(ref, folder=ref.folder and ref.folder.resolve(), reranker=reranker)


def start_work(assignment: Assignment, device: str, threads: int, *, loud: bool = True) -> Work:
    """In a process of its own: what it does; the model is loaded with the first text.

    Args:
        assignment: which model.
        device: where it computes.
        threads: it computes and tokenises with; libraries that are not loaded yet follow the environment.
        loud: whether it may warn while it loads the model, where others would say the same.
    """
    os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)

    @cache
    def encoders() -> Mapping[Role, AnyEncoder]:
        logging.disable(logging.NOTSET if loud else logging.WARNING)
        try:
            return assignment.encoders(device)
        finally:
            logging.disable(logging.NOTSET)

    return Work(encoders)


def answer(function: Callable[..., Any], *args: Any) -> tuple[bool, Any]:
    """What it gives, or (False, error) with an error that survives the way to another process."""
    try:
        return True, function(*args)
    except (UserError, NotFinite) as error:
        return False, error
    except Exception as error:
        return False, RuntimeError(f"in a worker: {error}\n{traceback.format_exc()}")


def locate_model(ref: ModelRef, settings: EncodeSettings, storage_dtype: str) -> tuple[Path, Fingerprint]:
    """The model's files, and the fingerprint of all that determines what it says of a text.

    Raises:
        UserError: they cannot be found or fetched, or the device is not there.
    """
    check_device(settings)
    folder = locate(ref, settings.trust_remote_code)
    base = base_fingerprint(
        ref,
        folder,
        storage_dtype=storage_dtype,
        instruction=settings.instruction,
        trust_remote_code=settings.trust_remote_code,
    )
    return folder, base


def load_options(settings: EncodeSettings) -> dict[str, Any]:
    """How models are loaded."""
    names = ("device", "trust_remote_code", "instruction")
    return {name: getattr(settings, name) for name in names}


def check_device(settings: EncodeSettings) -> None:
    """Refuse a device that is not there, also where all vectors are stored and nothing is computed.

    Raises:
        UserError: if it is not there.
    """
    if settings.device not in ("", "cpu"):
        from xlembed.models.loading import choose_device  # torch only where it must be asked

        choose_device(settings.device)
