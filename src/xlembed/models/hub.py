"""From a model as asked for to a folder on disk; the one place that talks to the Hub."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from xlembed.models.card import ModelCard
from xlembed.models.digest import check_weights
from xlembed.models.folder import code_repositories, places_without_safetensors
from xlembed.models.packaged import ensure_folder
from xlembed.models.pickled import with_safetensors
from xlembed.models.spec import ModelRef
from xlembed.words import UserError

log = logging.getLogger(__name__)

NOT_NEEDED = [
    *(
        "*.bin",
        "*.pt",
        "*.pth",
        "*.ckpt",
        "*.h5",
        "*.msgpack",
        "*.ot",
        "*.pkl",
        "*.gguf",
        "*.tflite",
        "*.onnx",
        "*.onnx_data",
    ),
    *("onnx/*", "openvino/*", "*.md", "*.png", "*.jpg", "*.pdf", ".gitattributes"),
]
"""Files of a repository that are not read: pickled weights (see `_fetch_weights`), other formats, pictures."""


def locate(ref: ModelRef, trust_remote_code: bool = False) -> Path:
    """The folder that holds the model, its weights as safetensors; fetched from the Hub if it is not on this machine.

    Raises:
        UserError: the model needs code that was not allowed, the folder is missing, its weights are damaged or hold
            more than tensors, or the Hub cannot give it; the message says which repository is missing, how to fetch
            it elsewhere and how to pass the folder.
    """
    return usable(ref.card, _find(ref, trust_remote_code))


def usable(card: ModelCard, folder: Path) -> Path:
    """A model folder with whole weights as safetensors: itself, or its copy in the cache if they are pickled.

    Raises:
        UserError: weights are damaged, or hold more than tensors.
    """
    check_weights(folder, card.sha256)
    return with_safetensors(folder)


def _find(ref: ModelRef, trust_remote_code: bool) -> Path:
    card = ref.card
    if card.lexical:
        raise UserError(f"{ref.slug}: finds texts by their words; it has no vectors and nothing to load")
    if not card.has_files:
        raise UserError(f"{ref.slug}: its weights are not at hand, and this needs the model itself")
    if card.requires_remote_code and not trust_remote_code:
        raise UserError(
            f"{ref.slug}: needs Python code from its repository ({card.hub_id or ref.folder}), which is not "
            "run unless asked for. "
            "Read that code first; then pass --trust-remote-code true (encode.trust_remote_code: true in "
            "params.yaml)."
        )
    if ref.folder is not None:
        ensure_folder(card, ref.folder)
        if not ref.folder.is_dir():
            hint = " The bundled weights are missing from this installation." if card.bundled else ""
            raise UserError(f"{ref.slug}: {ref.folder} is no folder.{hint}")
        return ref.folder
    if card.hub_id is None:
        raise UserError(f"{ref.slug}: has neither a folder nor a Hub id")
    return _fetch_weights(card.hub_id, card.revision, _advice(ref))


def _fetch_weights(hub_id: str, revision: str | None, advice: str) -> Path:
    """What is read of a repository; of pickled weights only those that it does not offer as safetensors."""
    folder = _fetch(hub_id, revision, ignore=NOT_NEEDED, advice=advice)
    if places := [place.relative_to(folder).as_posix() for place in places_without_safetensors(folder)]:
        wanted = [f"{place}/pytorch_model*.bin".removeprefix("./") for place in places]
        _fetch(hub_id, folder.name, allow=wanted, advice=advice)
    return folder


def locate_code(card: ModelCard, folder: Path) -> dict[str, Path]:
    """Other repositories that the folder's remote code comes from, each with its snapshot on disk.

    The snapshot's own name is the commit that the code is run from.

    Raises:
        UserError: if one cannot be fetched.
    """
    repositories = code_repositories(folder)
    if card.code_revision is None and repositories:
        log.warning("%s: code of %s is not pinned (field code_revision)", card.name, ", ".join(repositories))
    advice = "Fetch it there into the local cache (`hf download REPO`) and copy the cache folder here."
    return {
        repository: _fetch(
            repository,
            card.code_revision,
            allow=["*.py", "*.json"],
            advice=advice.replace("REPO", repository),
        )
        for repository in repositories
    }


def _fetch(
    repository: str,
    revision: str | None,
    *,
    ignore: list[str] | None = None,
    allow: list[str] | None = None,
    advice: str,
) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    reachable = _is_reachable()
    try:
        found = snapshot_download(
            repository,
            revision=revision,
            ignore_patterns=ignore,
            allow_patterns=allow,
            local_files_only=not reachable,
        )
        return Path(found)
    except (OSError, ConnectionError, HFValidationError) as error:
        # Only our own words: the text of a failed request may hold what was sent with it.
        reason = _reason(error, repository, reachable)
    except Exception as error:
        if not type(error).__module__.startswith(("huggingface_hub", "httpx", "httpcore", "requests")):
            raise
        reason = _reason(error, repository, reachable)
    where = f"{repository} (revision {revision or 'main'})"
    raise UserError(
        f"{where} is not in the local cache and could not be fetched from the Hub: {reason}.\n{advice}"
    )


def _is_reachable() -> bool:
    """Whether the Hub answers at all; without asking first, its client would try again for half a minute."""
    from huggingface_hub import constants, get_session

    if _is_offline():
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=5)
    except Exception as error:
        log.debug("%s: %s", constants.ENDPOINT, type(error).__name__)
        return False
    return True


def _reason(error: BaseException, repository: str, reachable: bool) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.IncompleteSnapshotError):
        return "only a part of it is there, and the Hub cannot be reached"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"access is gated; accept the terms at https://huggingface.co/{repository} and log in with `hf "
            "auth login`, "
            "or set HF_TOKEN"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return "the repository has no such revision"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the Hub knows no such repository (or it is private and no token that may read it is set)"
    if isinstance(error, errors.OfflineModeIsEnabled) or (
        isinstance(error, errors.LocalEntryNotFoundError) and _is_offline()
    ):
        return "offline mode is on (HF_HUB_OFFLINE)"
    if isinstance(error, errors.HFValidationError):
        return "that is no valid repository id"
    if isinstance(error, errors.HfHubHTTPError):
        status = getattr(getattr(error, "response", None), "status_code", "unknown")
        return f"the Hub answered with status {status}"
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
        return f"writing failed ({error.strerror})"
    if reachable:
        return "the transfer broke off; run the same command again, finished files are kept"
    return "the Hub cannot be reached"


def _is_offline() -> bool:
    from huggingface_hub.constants import is_offline_mode

    return bool(is_offline_mode())


def _advice(ref: ModelRef) -> str:
    card = ref.card
    revision = f" --revision {card.revision}" if card.revision else ""
    folder = re.sub(r"[^A-Za-z0-9._-]", "-", card.name)
    lines = [
        "Where the Hub can be reached, run",
        f"    hf download {card.hub_id}{revision} --local-dir {folder}",
        "and copy the folder here, hidden files too. Then",
    ]
    from xlembed.models.catalogue import catalogue

    if card.name in catalogue():
        lines += [
            "pass it under this card's name by an entry in params.yaml, so that its prompts are kept:",
            f"    models: {{{card.name}: {{source: ./{folder}, card: {card.name}}}}}",
            f"(`-m ./{folder}` alone uses only the prompts that the folder itself stores).",
        ]
    else:
        lines.insert(0, f"(If a folder was meant: there is no folder {card.hub_id} here.)")
        lines += [
            f"pass `-m ./{folder}`, or give it an entry under `models:` in params.yaml (source: ./{folder})."
        ]
    return "\n".join(lines)
