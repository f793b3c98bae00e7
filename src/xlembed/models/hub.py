"""From a model as asked for to a folder on disk."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from xlembed.hub import fetch
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
    ),
    *("*.onnx_data", "onnx/*", "openvino/*", "*.md", "*.png", "*.jpg", "*.pdf", ".gitattributes"),
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
            f"{ref.slug}: needs Python code from its repository ({card.hub_id or ref.folder}), which is not run "
            "unless asked for. Read that code first; then pass --trust-remote-code true (encode.trust_remote_code: "
            "true in params.yaml)."
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
    folder = fetch(hub_id, revision, ignore=NOT_NEEDED, advice=advice)
    if places := [place.relative_to(folder).as_posix() for place in places_without_safetensors(folder)]:
        wanted = [f"{place}/pytorch_model*.bin".removeprefix("./") for place in places]
        fetch(hub_id, folder.name, allow=wanted, advice=advice)
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
        repository: fetch(
            repository,
            card.code_revision,
            allow=["*.py", "*.json"],
            advice=advice.replace("REPO", repository),
        )
        for repository in repositories
    }


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
