"""What is refused before a model is loaded: weights that are programs, and code that nobody allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlembed.models.folder import (
    body_config,
    body_folder,
    folder_modules,
    is_late_interaction,
    read_json,
    remote_classes,
)
from xlembed.models.hub import locate
from xlembed.models.spec import ModelRef
from xlembed.words import Kind, UserError


def refuse_unsafe(ref: ModelRef, folder: Path, trust_remote_code: bool) -> None:
    """Everything that the small files show to be wrong, before any weight is read."""
    if ref.card.requires_remote_code and not trust_remote_code:
        locate(ref, trust_remote_code)
    if (body_folder(folder) / "adapter_config.json").is_file():
        raise UserError(
            f"{ref.slug}: {folder} is an adapter without its base model. Merge them (merge_and_unload) and "
            "save the whole model."
        )
    _refuse_other_kind(ref, folder)
    config = body_config(folder)
    if trust_remote_code:
        return
    if config.get("model_type") == "nomic_bert" and config.get("num_experts"):
        raise UserError(
            f"{ref.slug}: a nomic_bert with experts has no class in transformers; the dense class would "
            "load with random "
            "weights. Read the repository's code, then pass --trust-remote-code true."
        )
    for module in folder_modules(folder):
        activation = read_json(folder / module.path / "config.json").get("activation_function")
        if module.kind == "Dense" and activation and not str(activation).startswith("torch."):
            # sentence-transformers would fall back to tanh with a warning.
            raise UserError(
                f"{ref.slug}: {folder / module.path} uses the activation {activation!r}, which is code "
                "outside torch; "
                "read it, then pass --trust-remote-code true."
            )
    foreign = {
        reference: file for reference, file in remote_classes(folder).items() if not _is_native(file, config)
    }
    if foreign:
        reference, file = next(iter(foreign.items()))
        raise UserError(
            f"{ref.slug}: {folder / file} names {reference}, Python code from a repository that installed "
            "transformers "
            f"(model type {config.get('model_type')!r}) has no class of its own for. It is not run unless "
            "asked for: read it, "
            "then pass --trust-remote-code true (encode.trust_remote_code: true in params.yaml)."
        )


def _refuse_other_kind(ref: ModelRef, folder: Path) -> None:
    """A vector per token from weights that were not made for it would need a projection, which would be random."""
    asked = ref.card.kind is Kind.LATE_INTERACTION
    if asked and not is_late_interaction(folder):
        raise UserError(
            f"{ref.slug}: {folder} holds no late-interaction model (no MultiVectorMask in modules.json, not saved by "
            "PyLate or ColBERT): its projection would be random. Leave out kind: late_interaction"
        )
    if not asked and is_late_interaction(folder):
        raise UserError(
            f"{ref.slug}: {folder} holds a late-interaction model. Say so in params.yaml: "
            f"`models: {{NAME: {{source: {ref.card.hub_id or folder}, kind: late_interaction}}}}`; a Hub id alone is "
            "known as one from its second use on"
        )


def _is_native(file: str, config: dict[str, Any]) -> bool:
    """Whether transformers has its own class where the folder names code; loading checks the weights."""
    if file != "config.json":
        return (
            file == "tokenizer_config.json"
        )  # a tokenizer is rebuilt from tokenizer.json; the self-check watches it
    from transformers import CONFIG_MAPPING

    return config.get("model_type") in CONFIG_MAPPING
