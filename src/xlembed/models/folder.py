"""What a model folder says about itself, read from its small files: no torch, no weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from xlembed.files import read_yaml
from xlembed.models.card import ModelCard
from xlembed.types import UserError

NO_LIMIT = 1_000_000
"""Tokenizers write 1e30 for "no limit"; no model reads this many tokens."""
OFFSET_POSITIONS = frozenset({"xlm-roberta", "xlm-roberta-xl", "roberta", "camembert", "mpnet"})
"""Bodies whose position table starts after the padding id: 514 rows serve 512 tokens."""
ROTARY = frozenset(
    {
        "nomic_bert",
        "gte",
        "jina_embeddings_v3",
        "qwen2",
        "qwen3",
        "llama",
        "mistral",
        "gemma3_text",
        "modernbert",
    }
)
"""Bodies without a position table: the stated length is what they were trained for, not where they break."""
LEGACY_POOLING = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max", "lasttoken": "lasttoken"}


CARD_FILE = "xlembed_card.yaml"
"""In a fine-tuned folder: what it is for, as fields of a model card."""
CARD_FIELDS = ("languages", "licence", "objective", "training_data", "parameters", "notes", "base")
OWN_MODULES = "xlembed.models.modules."
"""Types in modules.json that come with this package."""


@dataclass(frozen=True)
class FolderModule:
    """One entry of modules.json."""

    kind: str
    """The class without its module: `Transformer`, `Pooling`, `Dense`, `Normalize`, `StaticEmbedding`."""
    type: str
    path: str


def read_json(path: Path) -> Any:
    """A JSON file of a model folder; an empty object if it is not there.

    Raises:
        UserError: if it is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON: {error}") from None


def folder_modules(folder: Path) -> tuple[FolderModule, ...]:
    """The modules that the folder lists, in order; empty without modules.json."""
    listed = read_json(folder / "modules.json") or []
    try:
        return tuple(
            FolderModule(str(m["type"]).rsplit(".", 1)[-1], str(m["type"]), str(m["path"])) for m in listed
        )
    except (KeyError, TypeError):
        raise UserError(f"{folder / 'modules.json'}: expected a list of objects with type and path") from None


def body_folder(folder: Path) -> Path:
    """Where the first module, the one that reads text, has its files."""
    modules = folder_modules(folder)
    return folder / modules[0].path if modules else folder


def stored_pooling(folder: Path) -> str | None:
    """How the folder's own modules pool, in words; None if it has no pooling module."""
    for module in folder_modules(folder):
        if module.kind == "Pooling":
            config = read_json(folder / module.path / "config.json")
            mode = config.get("pooling_mode")
            if mode is None:  # written before sentence-transformers 5: one flag per mode
                flags = [
                    key.removeprefix("pooling_mode_")
                    for key, on in config.items()
                    if key.startswith("pooling_mode_") and on
                ]
                mode = [LEGACY_POOLING.get(flag, flag) for flag in flags]
            return mode if isinstance(mode, str) else "+".join(mode)
        if module.kind == "StaticEmbedding":
            return "static"
    return None


def stored_prompts(folder: Path) -> dict[str, str]:
    """Role -> prompt that the folder stores for queries and documents; empty ones left out."""
    prompts = read_json(folder / "config_sentence_transformers.json").get("prompts") or {}
    found = {"query": prompts.get("query"), "document": prompts.get("document") or prompts.get("passage")}
    return {role: text for role, text in found.items() if text}


def with_folder_prompts(card: ModelCard, folder: Path) -> ModelCard:
    """The card as it is in force: a model without a card takes the prompts that its folder stores."""
    if not card.folder_prompts:
        return card
    return card.model_copy(update={f"{role}_prompt": text for role, text in stored_prompts(folder).items()})


def fine_tuned_from(folder: Path) -> str | None:
    """The base model that a fine-tuned folder names, "an unnamed model" if it names none; None for other folders."""
    path = folder / CARD_FILE
    if not path.is_file():
        return None
    try:
        fields = read_yaml(path)
    except UserError:
        return "an unnamed model"  # `with_own_card` says what is wrong with the file
    return str(fields.get("base") or "an unnamed model") if isinstance(fields, dict) else "an unnamed model"


def with_own_card(card: ModelCard, folder: Path) -> ModelCard:
    """The card with what a fine-tuned folder says of itself.

    Raises:
        UserError: the file in the folder is no such card.
    """
    path = folder / CARD_FILE
    if not path.is_file():
        return card
    fields = read_yaml(path)
    if not isinstance(fields, dict) or (wrong := [key for key in fields if key not in CARD_FIELDS]):
        told = f"unknown {', '.join(map(str, wrong))}" if isinstance(fields, dict) else "no fields"
        raise UserError(f"{path}: {told}; expected {', '.join(CARD_FIELDS)}")
    fields.pop("base", None)
    try:
        return ModelCard.model_validate({**card.model_dump(), **fields})
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None


def length_limit(folder: Path, asked: int | None, config_overrides: Mapping[str, Any]) -> int | None:
    """Tokens at which inputs are cut: as asked, else the folder's own limit; never above the position table.

    None if nothing limits the length.
    """
    wanted = asked or _stored_limit(folder)
    table = _position_limit({**read_json(body_folder(folder) / "config.json"), **config_overrides})
    limits = [limit for limit in (wanted, table) if limit]
    return min(limits) if limits else None


def _stored_limit(folder: Path) -> int | None:
    body = body_folder(folder)
    truncation = (
        read_json(body / "tokenizer.json").get("truncation") or {}
        if stored_pooling(folder) == "static"
        else {}
    )
    found = (
        read_json(body / "sentence_bert_config.json").get("max_seq_length"),
        read_json(body / "tokenizer_config.json").get("model_max_length"),
        truncation.get("max_length"),
        read_json(body / "config.json").get("max_position_embeddings"),
    )
    return next((int(n) for n in found if isinstance(n, int | float) and 0 < n < NO_LIMIT), None)


def _position_limit(config: dict[str, Any]) -> int | None:
    rows = config.get("max_position_embeddings")
    kind = config.get("model_type")
    if not isinstance(rows, int) or rows < 1 or kind in ROTARY or config.get("auto_map"):
        return None
    if kind in OFFSET_POSITIONS:
        padding = 1 if kind == "mpnet" else config.get("pad_token_id", 1)
        return rows - padding - 1
    return rows


def remote_classes(folder: Path) -> dict[str, str]:
    """Class reference -> file that names it, for every class that lies outside the installed libraries."""
    found: dict[str, str] = {}
    for module in folder_modules(folder):
        if not module.type.startswith(("sentence_transformers.", OWN_MODULES)):
            found[module.type] = "modules.json"
    for name in ("config.json", "tokenizer_config.json"):
        path = body_folder(folder) / name
        for value in (read_json(path).get("auto_map") or {}).values():
            for reference in value if isinstance(value, list) else [value]:
                if reference:
                    found[str(reference)] = name
    return found


def code_repositories(folder: Path) -> tuple[str, ...]:
    """Other repositories that the folder's remote code comes from (`owner/name--module.Class`)."""
    found = {r.split("--", 1)[0] for r in remote_classes(folder) if "--" in r}
    return tuple(sorted(r for r in found if re.fullmatch(r"[\w.-]+/[\w.-]+", r)))
