"""What a model folder says about itself, read from its small files: no torch, no weights."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from xlembed.fields import checked
from xlembed.files import read_yaml
from xlembed.models.card import ModelCard
from xlembed.models.catalogue import catalogue
from xlembed.words import Kind, Role, UserError

LEGACY_POOLING = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max", "lasttoken": "lasttoken"}
CARD_FILE = "xlembed_card.yaml"
"""In a fine-tuned folder: what it is for, as fields of a model card."""
CARD_FIELDS = ("languages", "licence", "objective", "training_data", "parameters", "notes", "base")
PROMPT_NAMES = {"query": ("query",), "document": ("document", "passage", "corpus")}
"""Role -> names under which sentence-transformers stores its prompt, the first one first."""
FAMILIES = {
    r"bge[-_]?m3": "bge_m3",
    r"bge[-_](small|base|large)(?![-_]zh)": "bge_large_en_v1_5",
    r"e5[-_]mistral": "e5_mistral_7b",
    r"(^|[^a-z0-9])e5([^a-z0-9].*)?instruct": "e5_large_instruct",
    r"(^|[^a-z0-9])e5([^a-z0-9]|$)": "e5_base",
    r"qwen": "qwen3_emb_06b",
    r"nomic[-_]?bert|nomic[-_]embed": "nomic_embed_v1_5",
    r"embedding[-_]?gemma": "embeddinggemma",
    r"jina[-_]?embeddings[-_]?v3": "jina_v3",
    r"llama[-_]embed[-_]nemotron": "nemotron_8b",
}
"""What a model calls itself -> the card that knows its family's prompts; the first match counts."""
OWN_MODULES = "xlembed.models.modules."
"""Types in modules.json that come with this package."""
ROUTERS = ("Router", "Asym")
"""Modules of sentence-transformers that have modules of their own for each role."""
PYLATE = "pylate.models.Dense.Dense"
"""A type in modules.json for which sentence-transformers has a class of its own."""
STANFORD = "HF_ColBERT"
"""Architecture of ColBERT's own checkpoints: the projection lies beside the body, settings in `artifact.metadata`."""


@dataclass(frozen=True)
class FolderModule:
    """One entry of modules.json."""

    kind: str
    """The class without its module: `Transformer`, `Pooling`, `Dense`, `Normalize`, `StaticEmbedding`."""
    type: str
    path: str


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a model folder; an empty object if it is not there.

    Raises:
        UserError: if it holds no JSON object.
    """
    found = _read_json(path)
    if found is None and not path.exists():
        return {}
    if not isinstance(found, dict):
        raise UserError(
            f"{path}: expected a JSON object ({{...}}), found {_kind(found)}. Fetch the file again."
        )
    return found


def _read_json(path: Path) -> Any:
    """None if it is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise UserError(f"{path}: not valid JSON: {error}. Fetch the file again.") from None


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", dict: "an object"}
    return "null" if value is None else names.get(type(value), "a number")


def object_in(path: Path, key: str) -> dict[str, Any]:
    """The object under a key of a JSON file; empty if it is missing or null.

    Raises:
        UserError: if something else stands there.
    """
    found = read_json(path).get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UserError(f"{path}: {key}: expected a JSON object ({{...}}), found {_kind(found)}")
    return found


def folder_modules(folder: Path) -> tuple[FolderModule, ...]:
    """The modules that the folder lists, in order; empty without modules.json.

    Raises:
        UserError: if modules.json is no list of modules inside the folder.
    """
    path = folder / "modules.json"
    listed = _read_json(path)
    if listed is None and not path.exists():
        return ()
    expected = "expected a list of objects, each with a type and a path inside the folder"
    if not isinstance(listed, list) or not listed:
        raise UserError(f"{path}: {expected}; found {_kind(listed) if listed != [] else 'an empty list'}")
    for module in listed:
        if not isinstance(module, dict) or not all(isinstance(module.get(k), str) for k in ("type", "path")):
            raise UserError(f"{path}: {expected}; found {json.dumps(module)[:80]}")
        place = PurePosixPath(module["path"])
        if place.is_absolute() or ".." in place.parts or "\0" in module["path"]:
            raise UserError(f"{path}: {expected}; found the path {module['path']!r}")
    return tuple(FolderModule(m["type"].rsplit(".", 1)[-1], m["type"], m["path"]) for m in listed)


def body_folder(folder: Path) -> Path:
    """Where the first module, the one that reads text, has its files."""
    modules = folder_modules(folder)
    return folder / modules[0].path if modules else folder


def body_config(folder: Path) -> dict[str, Any]:
    """The config.json of the module that reads text.

    Raises:
        UserError: if it is no JSON object, or its model type no text.
    """
    path = body_folder(folder) / "config.json"
    config = read_json(path)
    if not isinstance(config.get("model_type"), str | None):
        raise UserError(f"{path}: model_type: expected a text, found {_kind(config['model_type'])}")
    return config


PICKLED = "pytorch_model.bin"
PICKLED_INDEX = f"{PICKLED}.index.json"
NO_WEIGHTS = frozenset({"Pooling", "Normalize", "Dropout", "MultiVectorMask", "HierarchicalTokenPooling"})


def places_without_safetensors(folder: Path) -> list[Path]:
    """Folders of the modules that should have weights and have none as safetensors, in order; each once."""
    modules = folder_modules(folder)
    kept = [folder / m.path for m in modules if m.kind not in NO_WEIGHTS] if modules else [folder]
    safe = ("model.safetensors", "model.safetensors.index.json")
    return [place for place in dict.fromkeys(kept) if not any((place / name).is_file() for name in safe)]


def pickled_weights(folder: Path) -> list[Path]:
    """The pickled files that hold weights of the model and of its heads; none where safetensors lie beside them.

    Raises:
        UserError: if a list of shards is no such list, or names a file that is not there.
    """
    found: list[Path] = []
    for place in places_without_safetensors(folder):
        if (place / PICKLED).is_file():
            found.append(place / PICKLED)
        elif (place / PICKLED_INDEX).is_file():
            found += shards_of(place / PICKLED_INDEX)
    return found


def shards_of(index: Path) -> list[Path]:
    """The files that an index of shards names, sorted.

    Raises:
        UserError: as `pickled_weights`.
    """
    names = sorted({str(name) for name in object_in(index, "weight_map").values()})
    shards = [index.parent / name for name in names]
    wrong = [name for name in names if Path(name).name != name or not (index.parent / name).is_file()]
    if wrong:
        raise UserError(f"{index}: names {wrong[0]}, which is not beside it: fetch the missing files")
    if not shards:
        raise UserError(f"{index}: names no files: fetch it again")
    return shards


def stored_pooling(folder: Path) -> str | None:
    """How the folder's own modules pool, in words; None if it has no pooling module."""
    for module in folder_modules(folder):
        if module.kind == "Pooling":
            config = read_json(folder / module.path / "config.json")
            mode = config.get("pooling_mode")
            if not isinstance(mode, str | list | None):
                raise UserError(
                    f"{folder / module.path / 'config.json'}: pooling_mode: expected a text, found {mode!r}"
                )
            if mode is None:  # written before sentence-transformers 5: one flag per mode
                flags = [key.partition("pooling_mode_")[2] for key, on in config.items() if on]
                mode = [LEGACY_POOLING.get(flag, flag) for flag in flags if flag]
            return mode if isinstance(mode, str) else "+".join(map(str, mode))
        if module.kind == "StaticEmbedding":
            return "static"
    return None


def stored_dim(folder: Path) -> int | None:
    """Dimensions that sentence-transformers cuts the model's vectors to, if the folder says so."""
    found = read_json(folder / "config_sentence_transformers.json").get("truncate_dim")
    return found if isinstance(found, int) and found > 0 else None


def heeds_roles(folder: Path) -> bool:
    """Whether a module goes by more than a text with its prompt: a route per role, a pooling without the prompt."""
    for module in folder_modules(folder):
        config = read_json(folder / module.path / "config.json") if module.kind == "Pooling" else {}
        if module.kind in ROUTERS or config.get("include_prompt") is False:
            return True
    return False


def stored_prompts(folder: Path) -> dict[str, str]:
    """Role -> prompt that the folder stores for queries and documents; empty ones left out.

    Several names may stand for a role (`PROMPT_NAMES`); the first one that says something is taken.
    """
    prompts = _all_prompts(folder)
    found = {
        role: [prompts[name] for name in names if prompts.get(name)] for role, names in PROMPT_NAMES.items()
    }
    return {role: texts[0] for role, texts in found.items() if texts}


def is_stanford(folder: Path) -> bool:
    """Whether it is a checkpoint of ColBERT's own code."""
    names = body_config(folder).get("architectures")
    return not folder_modules(folder) and isinstance(names, list) and STANFORD in names


def is_late_interaction(folder: Path) -> bool:
    """Whether its files say that it gives a vector per token, as sentence-transformers, PyLate or ColBERT save them."""
    own = read_json(folder / "config_sentence_transformers.json")
    modules = folder_modules(folder)
    return (
        own.get("model_type") in ("MultiVectorEncoder", "ColBERT")
        or any(module.kind == "MultiVectorMask" or module.type == PYLATE for module in modules)
        or is_stanford(folder)
    )


def _token_prefixes(folder: Path) -> dict[str, str]:
    """Role -> marker that PyLate and ColBERT put before a text, ahead of any prompt."""
    if is_stanford(folder):
        told = read_json(folder / "artifact.metadata")
        names = (("query", "query_token_id", "[unused0]"), ("document", "doc_token_id", "[unused1]"))
        return {role: f"{told.get(key) or default} " for role, key, default in names}
    own = read_json(folder / "config_sentence_transformers.json")
    return {role: str(own[f"{role}_prefix"]) for role in PROMPT_NAMES if own.get(f"{role}_prefix")}


def _all_prompts(folder: Path) -> dict[str, str]:
    path = folder / "config_sentence_transformers.json"
    prompts = {name: text for name, text in object_in(path, "prompts").items() if text is not None}
    for name, text in prompts.items():
        if not isinstance(text, str):
            raise UserError(
                f"{path}: prompts: {name}: expected a text in quotes, found {json.dumps(text)[:80]}"
            )
    prefixes = _token_prefixes(folder).items()
    return prompts | {role: mark + prompts.get(role, "").removeprefix(mark) for role, mark in prefixes}


def prompt_notes(card: ModelCard, folder: Path) -> list[str]:
    """What must be known about the prompts of a model that has no card but its folder.

    A card that says its prompts itself gives no notes.
    """
    if not card.folder_prompts:
        return []
    notes = []
    prompts = _all_prompts(folder)
    known = [name for names in PROMPT_NAMES.values() for name in names]
    if unknown := sorted(name for name, text in prompts.items() if text and name not in known):
        notes.append(
            f"the folder's prompts {', '.join(map(repr, unknown))} are not used (queries take 'query'; documents take "
            f"{', '.join(map(repr, PROMPT_NAMES['document'][:-1]))} or {PROMPT_NAMES['document'][-1]!r})"
        )
    if not stored_prompts(folder) and (lender := _family(card, folder)):
        sides = [f"{role} {text!r}" for role in Role if (text := lender.prompt(role))]
        notes.append(
            f"no prompts are put before its texts, for its folder stores none; it looks like {lender.name}, whose "
            f"family expects {' and '.join(sides)}; without them scores are too low. If it is one, say so in "
            f"params.yaml: `models: {{NAME: {{source: ..., card: {lender.name}}}}}`"
        )
    return notes


def similarity_notes(folder: Path) -> list[str]:
    """What must be known of a model whose vectors were made to be compared otherwise than here."""
    made_for = read_json(folder / "config_sentence_transformers.json").get("similarity_fn_name")
    modules = folder_modules(folder)
    if made_for not in ("dot", "euclidean", "manhattan") or (modules and modules[-1].kind == "Normalize"):
        return []
    return [
        f"its folder says that its vectors are made for another similarity ({made_for}); they are compared by cosine, "
        "which does not look at lengths"
    ]


def _family(card: ModelCard, folder: Path) -> ModelCard | None:
    """The card of the catalogue whose prompts a model of this kind expects, told by what it calls itself."""
    config = body_config(folder)
    architectures = config.get("architectures")
    names = [
        card.hub_id,
        folder.resolve().name,
        card.name,
        config.get("_name_or_path"),
        fine_tuned_from(folder),
        *_base_models(folder),
        config.get("model_type"),
        *(architectures if isinstance(architectures, list) else []),
    ]
    for pattern, lender in FAMILIES.items():
        if any(isinstance(name, str) and re.search(pattern, name, re.IGNORECASE) for name in names):
            found = catalogue().get(lender)
            return found if found and any(found.prompt(role) for role in Role) else None
    return None


def _base_models(folder: Path) -> list[str]:
    """What the head of a README.md names as the base, as the Hub's model cards do."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    head = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    return re.findall(r"^base_model:[ \t\n-]*(\S+)", head[1], re.MULTILINE) if head else []


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


def with_own_kind(card: ModelCard, folder: Path) -> ModelCard:
    """The card of a model that has none but its folder: late interaction where the files say so."""
    return card.model_copy(update={"kind": Kind.LATE_INTERACTION}) if is_late_interaction(folder) else card


def with_own_card(card: ModelCard, folder: Path) -> ModelCard:
    """`with_own_kind`, and what a fine-tuned folder says of itself.

    Raises:
        UserError: the file in the folder is no such card.
    """
    card = with_own_kind(card, folder)
    path = folder / CARD_FILE
    if not path.is_file():
        return card
    fields = read_yaml(path)
    if not isinstance(fields, dict) or (wrong := [key for key in fields if key not in CARD_FIELDS]):
        told = f"unknown {', '.join(map(str, wrong))}" if isinstance(fields, dict) else "no fields"
        raise UserError(f"{path}: {told}; expected {', '.join(CARD_FIELDS)}")
    fields.pop("base", None)
    return checked(ModelCard, {**card.model_dump(), **fields}, path)


def remote_classes(folder: Path) -> dict[str, str]:
    """Class reference -> file that names it, for every class that lies outside the installed libraries."""
    found: dict[str, str] = {}
    for module in folder_modules(folder):
        if not module.type.startswith(("sentence_transformers.", OWN_MODULES, PYLATE)):
            found[module.type] = "modules.json"
    for name in ("config.json", "tokenizer_config.json"):
        path = body_folder(folder) / name
        for value in object_in(path, "auto_map").values():
            for reference in value if isinstance(value, list) else [value]:
                if reference:
                    found[str(reference)] = name
    return found


def code_repositories(folder: Path) -> tuple[str, ...]:
    """Other repositories that the folder's remote code comes from (`owner/name--module.Class`)."""
    found = {r.split("--", 1)[0] for r in remote_classes(folder) if "--" in r}
    return tuple(sorted(r for r in found if re.fullmatch(r"[\w.-]+/[\w.-]+", r)))
