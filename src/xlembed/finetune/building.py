"""A base model and what a recipe puts on it -> the model that is trained, and its ordinary folder afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, StaticEmbedding
from torch import nn

from xlembed.files import atomic_folder
from xlembed.finetune import recipe as recipes
from xlembed.finetune.recipe import LoraRecipe, Recipe
from xlembed.models.folder import CARD_FILE
from xlembed.models.modules.attention_pooling import AttentionPooling
from xlembed.models.modules.family_transformer import FamilyTransformer
from xlembed.models.modules.weighted_pooling import WeightedPooling
from xlembed.models.report import quiet_transformers
from xlembed.words import UserError

POOLINGS = (Pooling, WeightedPooling, AttentionPooling)
TARGETS = {
    "query": ("query", "q_proj", "q_lin", "q"),
    "key": ("key", "k_proj", "k_lin", "k"),
    "value": ("value", "v_proj", "v_lin", "v"),
    "output": ("o_proj", "out_lin", "o", "out_proj"),
}
"""Our words for linear layers of attention -> what bodies call them."""
FUSED = ("qkv_proj", "Wqkv", "qkv", "query_key_value")
"""One layer for query, key and value: asked for by any of the three."""


def build_model(base: SentenceTransformer, recipe: Recipe) -> SentenceTransformer:
    """The base with the recipe's pooling, head and adapter; only what is to be trained requires a gradient.

    New weights come from the recipe's seed. The base is changed in place.

    Raises:
        UserError: a part that does not fit the base.
    """
    _refuse_unfit(base, recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        modules = _modules(base, recipe)
    model = SentenceTransformer(
        modules=modules, device=str(base.device), prompts={k: v or "" for k, v in base.prompts.items()}
    )
    model.default_prompt_name = None
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    for module in modules:
        if isinstance(module, WeightedPooling):
            module.factors.requires_grad_(module.learned)
    _freeze(model, recipe)
    return model.train()


def _refuse_unfit(base: SentenceTransformer, recipe: Recipe) -> None:
    if not isinstance(base[0], StaticEmbedding):
        return
    parts = {"pooling": recipe.pooling, "adapter": recipe.adapter, "student": recipe.student}
    unfit = [name for name, part in parts.items() if part is not None]
    if recipe.head is not None and recipe.head.by_family:
        unfit.append(f"head: {recipe.head.kind}")
    if unfit:
        raise UserError(
            f"{recipe.name}: {recipe.base} is a table of token vectors without a body: {', '.join(unfit)} cannot be "
            "put on it"
        )


def _modules(base: SentenceTransformer, recipe: Recipe) -> list[nn.Module]:
    modules = list(base)
    if recipe.pooling is not None:
        dim = _width(modules[:1])
        found = [i for i, module in enumerate(modules) if isinstance(module, POOLINGS)]
        if not found:
            raise UserError(
                f"{recipe.name}: pooling: {recipe.base} has no pooling of its own to put another in place of"
            )
        modules[found[0]] = _pooling(recipe.pooling, dim)
    if recipe.head is not None:
        place = next((i for i, m in enumerate(modules) if isinstance(m, Normalize)), len(modules))
        width = _width(modules[:place])
        modules[place:place] = recipe.head.modules(width)
    routed = recipe.adapter is not None and recipe.adapter.per_family
    by_family = routed or (recipe.head is not None and recipe.head.by_family)
    if by_family and not isinstance(modules[0], FamilyTransformer):
        modules[0] = FamilyTransformer.around(modules[0], list(base.prompts.values()))
    if recipe.adapter is not None:
        _put_adapter(modules[0], recipe.adapter)
    return modules


def _width(modules: Sequence[nn.Module]) -> int:
    for module in reversed(modules):
        if (dim := getattr(module, "get_embedding_dimension", lambda: None)()) is not None:
            return int(dim)
    raise UserError("the base model does not say how wide its vectors are")


def _pooling(settings: Any, dim: int) -> nn.Module:
    if isinstance(settings, recipes.WeightedPooling):
        return WeightedPooling(dim, {str(k): v for k, v in settings.weights.items()}, settings.learned)
    if isinstance(settings, recipes.AttentionPooling):
        return AttentionPooling(dim)
    pooling: nn.Module = Pooling(dim, settings.kind)
    return pooling


def _put_adapter(body: Any, settings: LoraRecipe) -> None:
    """LoRA (Hu et al. 2022) by peft, on exactly the layers that the recipe names."""
    config: dict[str, Any] = {
        "r": settings.r,
        "lora_alpha": settings.alpha,
        "lora_dropout": settings.dropout,
        "target_modules": target_layers(body.model, settings),
    }
    if not settings.per_family:
        inject_adapter_in_model(LoraConfig(**config), body.model)
    elif getattr(body, "lora", None) is None:  # else they are there from the stage before
        body.add_adapters(config)


def target_layers(body: nn.Module, settings: LoraRecipe) -> list[str]:
    """Full names of the body's linear layers that get an adapter, in their order.

    Raises:
        UserError: a target that the body does not have, with those it has; or fewer layers than asked for.
    """
    linear = [
        name.replace(".base_layer", "")
        for name, module in body.named_modules()
        if isinstance(module, nn.Linear) and "pooler" not in name and ".lora_" not in name
    ]
    short = {name.rsplit(".", 1)[-1] for name in linear}
    wanted: set[str] = set()
    for target in settings.targets:
        if target == "all-linear":
            wanted |= short
            continue
        names = {name for name in TARGETS.get(target, (target,)) if name in short}
        if not names and target in ("query", "key", "value"):
            names = {name for name in FUSED if name in short}
        if target == "output" and not names:
            names = {n for n in ("attention.output.dense",) if any(name.endswith(n) for name in linear)}
        if not names:
            raise UserError(
                f"adapter.targets: the body has no {target!r}; its linear layers are {', '.join(sorted(short))}, and "
                "all-linear takes them all"
            )
        wanted |= names
    chosen = [name for name in linear if any(name == w or name.endswith(f".{w}") for w in wanted)]
    if settings.last_layers is None:
        return chosen
    numbers = {name: int(found[0]) for name in chosen if (found := re.findall(r"\.(\d+)\.", f".{name}."))}
    depth = max(numbers.values()) + 1
    if settings.last_layers > depth:
        raise UserError(f"adapter.last_layers: {settings.last_layers} asked for, the body has {depth}")
    return [name for name, number in numbers.items() if number >= depth - settings.last_layers]


def _freeze(model: SentenceTransformer, recipe: Recipe) -> None:
    """What the recipe does not train: a frozen body, all but the adapters, and a pooler that nothing reads."""
    for name, parameter in model[0].named_parameters():
        if recipe.body == "freeze" or ".pooler." in f".{name}":
            parameter.requires_grad_(False)
        elif recipe.adapter is not None:
            parameter.requires_grad_(".lora_" in name)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserError(f"{recipe.name}: nothing is left to train")


def finish_model(model: SentenceTransformer) -> SentenceTransformer:
    """The model with plain LoRA merged into its body, so that the folder is an ordinary one.

    Adapters per family stay beside the body: which one a text takes is known only then.
    """
    if getattr(model[0], "lora", None) is None:
        for parent in list(model[0].modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, BaseTunerLayer):
                    child.merge()
                    setattr(parent, name, child.get_base_layer())
    return model.eval()


def save_model(model: SentenceTransformer, folder: Path, card: Mapping[str, Any]) -> None:
    """A sentence-transformers folder: safetensors, the prompts of both roles, and what the model is for.

    What is empty in the card (see `models.folder.read_own_card`) is left out.
    """
    with atomic_folder(folder) as temporary, quiet_transformers():
        model.save_pretrained(str(temporary), create_model_card=False, safe_serialization=True)
        for path in temporary.rglob("config.json"):
            _forget_places(path)
        told = {key: value for key, value in card.items() if value}
        text = yaml.safe_dump(told, allow_unicode=True, sort_keys=False)
        (temporary / CARD_FILE).write_text(text, encoding="utf-8")
        (temporary / "README.md").write_text(_readme(told), encoding="utf-8")


def _forget_places(path: Path) -> None:
    """Where the base lay on this machine is nobody's business."""
    config = json.loads(path.read_text(encoding="utf-8"))
    if config.pop("_name_or_path", None) is not None:
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _readme(card: Mapping[str, Any]) -> str:
    lines = [
        f"- {key}: {', '.join(value) if isinstance(value, list) else value}" for key, value in card.items()
    ]
    return "\n".join(["A sentence-transformers model, fine-tuned by xlembed.", "", *lines]) + "\n"


POOLINGS = (Pooling, WeightedPooling, AttentionPooling)
PARTS = ("embeddings", "body", "adapters", "pooling", "head")


def trainable_parameters(model: SentenceTransformer) -> list[dict[str, Any]]:
    """A row (`part`, `trainable`, `total`) per part that has parameters; each parameter is in one part.

    `embeddings` are the token vectors, `adapters` what LoRA adds to the body.
    """
    counts = {part: [0, 0] for part in PARTS}
    for number, module in enumerate(model):
        tokens = token_vectors(model) if number == 0 else set()
        for name, parameter in module.named_parameters():
            if number == 0:
                part = "adapters" if ".lora_" in name else "embeddings" if id(parameter) in tokens else "body"
            else:
                part = "pooling" if isinstance(module, POOLINGS) else "head"
            counts[part][0] += parameter.numel() if parameter.requires_grad else 0
            counts[part][1] += parameter.numel()
    rows = [(part, *counts[part]) for part in PARTS if counts[part][1]]
    return [{"part": part, "trainable": trainable, "total": total} for part, trainable, total in rows]


def token_vectors(model: SentenceTransformer) -> set[int]:
    """`id` of the parameters that hold one vector per token."""
    body = model[0]
    if isinstance(body, StaticEmbedding):
        return {id(parameter) for parameter in body.parameters()}
    inner = getattr(body, "model", None)
    table = inner.get_input_embeddings() if inner is not None else None
    return {id(parameter) for parameter in table.parameters()} if table is not None else set()
