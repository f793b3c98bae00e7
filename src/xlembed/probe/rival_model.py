"""A folder with a body -> the body with a fresh head and, if asked for, LoRA; what is trained requires a gradient."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.pytorch_utils import Conv1D

from xlembed.data.scored import ScoredKind
from xlembed.models.card import ModelCard
from xlembed.models.folder import body_folder, folder_modules
from xlembed.models.limits import OFFSET_POSITIONS
from xlembed.models.report import POOLER, quiet_transformers, refuse_bad_report, reports
from xlembed.models.safety import refuse_unsafe
from xlembed.models.spec import ModelRef
from xlembed.probe.rival_recipe import ALL_LINEAR, RivalAdapter, RivalRecipe
from xlembed.words import UserError

ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"


def open_tokenizer(name: str, folder: Path) -> Any:
    """The folder's tokenizer.

    Raises:
        UserError: there is none that can be loaded.
    """
    with _odd_files_told(f"{name}: no tokenizer in {folder}"), quiet_transformers():
        return AutoTokenizer.from_pretrained(
            str(body_folder(folder)), local_files_only=True, trust_remote_code=False
        )


@contextmanager
def _odd_files_told(said: str) -> Iterator[None]:
    """They make the libraries raise anything."""
    try:
        yield
    except Exception as error:
        raise UserError(f"{said}: {type(error).__name__}: {error}") from error


def build_rival(
    recipe: RivalRecipe, folder: Path, tokenizer: Any, n_outputs: int, kind: ScoredKind
) -> nn.Module:
    """The base with a fresh head, on the CPU; new weights come from the recipe's seed.

    Raises:
        UserError: pickled weights, foreign code, no body, weights that do not fit, unknown adapter targets.
    """
    refuse_unsafe(ModelRef(recipe.name, ModelCard(name=recipe.name), folder), folder, False)
    modules = folder_modules(folder)
    if modules and modules[0].kind != "Transformer":
        raise UserError(
            f"{recipe.name}: the base in {folder} begins with a {modules[0].kind}; a rival needs a transformer body"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = _with_head(recipe, folder, tokenizer, n_outputs, kind)
        if recipe.adapter is not None:
            model = with_adapter(model, recipe.adapter)
    for name, parameter in model.named_parameters():
        if recipe.adapter is None:
            parameter.requires_grad_(True)
        if parameter.requires_grad:
            parameter.data = parameter.data.float()  # half precision loses small updates
        if ".original_module." in name:
            parameter.requires_grad_(False)
    _exact_outputs(model, n_outputs)
    return model.eval()


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """(trained, all); the head that peft keeps a copy of counts once."""
    found = [p for name, p in model.named_parameters() if ".original_module." not in name]
    return sum(p.numel() for p in found if p.requires_grad), sum(p.numel() for p in found)


def padding_id(tokenizer: Any, config: Any) -> int:
    """The tokenizer's padding token, or what can stand for it.

    Raises:
        UserError: there is nothing to pad with.
    """
    if config.model_type in OFFSET_POSITIONS and config.pad_token_id is not None:
        return int(config.pad_token_id)  # these count positions by it
    eos = config.eos_token_id[0] if isinstance(config.eos_token_id, list) else config.eos_token_id
    choices = (tokenizer.pad_token_id, config.pad_token_id, tokenizer.eos_token_id, eos)
    found = next((int(choice) for choice in choices if choice is not None), None)
    if found is None:
        said = "the tokenizer has no padding token and no end token to stand for it; give it a pad_token"
        raise UserError(said)
    return found


def save_adapter(model: Any, folder: Path) -> None:
    """A peft folder: what LoRA and the head have learnt."""
    state = {n: t.detach().cpu().contiguous() for n, t in get_peft_model_state_dict(model).items()}
    save_file(state, folder / ADAPTER, metadata={"format": "pt"})
    model.peft_config["default"].save_pretrained(str(folder))


def load_adapter(model: Any, folder: Path) -> None:
    """What `save_adapter` wrote into a model that was built alike.

    Raises:
        UserError: it is of another model.
    """
    stored = load_file(folder / ADAPTER)
    wanted = get_peft_model_state_dict(model)
    if {n: t.shape for n, t in stored.items()} != {n: t.shape for n, t in wanted.items()}:
        raise UserError(f"{folder} holds the adapter of another model than the base that was given")
    set_peft_model_state_dict(model, stored)


def save_whole(model: Any, folder: Path) -> None:
    """Body and head as an ordinary transformers folder.

    LoRA is merged into the body, and `model` is of no use for training afterwards.
    """
    if isinstance(model, PeftModel):
        model = model.merge_and_unload()
    with quiet_transformers():
        model.save_pretrained(str(folder))


def load_whole(name: str, folder: Path, n_outputs: int) -> nn.Module:
    """What `save_whole` wrote, in float32.

    Raises:
        UserError: something is missing or does not fit.
    """
    model, report = _loaded(name, folder, _config(name, folder), torch.float32)
    refuse_bad_report(name, folder, report, (), uses_pooler=True)
    _exact_outputs(model, n_outputs)
    return model.eval()  # type: ignore[no-any-return]


def _with_head(
    recipe: RivalRecipe, folder: Path, tokenizer: Any, n_outputs: int, kind: ScoredKind
) -> nn.Module:
    body = body_folder(folder)
    frozen = recipe.adapter is not None
    dtype = torch.bfloat16 if frozen and recipe.dtype == "bfloat16" else torch.float32
    config = _config(recipe.name, body)
    config.pad_token_id = padding_id(tokenizer, config)
    config.num_labels = n_outputs
    config.problem_type = "regression" if kind is ScoredKind.SCORES else "multi_label_classification"
    model, report = _loaded(recipe.name, body, config, dtype)
    refuse_bad_report(recipe.name, folder, _of_the_body(report, model), (), uses_pooler=False)
    rows = model.base_model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise UserError(
            f"{recipe.name}: the tokenizer in {folder} knows {len(tokenizer)} tokens, the weights {rows}"
        )
    return model  # type: ignore[no-any-return]


def _config(name: str, folder: Path) -> Any:
    with _odd_files_told(f"{name}: no usable config.json in {folder}"):
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)


def _loaded(name: str, folder: Path, config: Any, dtype: torch.dtype) -> tuple[Any, Mapping[str, Any]]:
    """A transformers model and what its loading reports."""
    said = f"{name}: {folder} cannot be loaded with a head that scores texts"
    with _odd_files_told(said), reports() as found:
        model = AutoModelForSequenceClassification.from_pretrained(
            str(folder),
            config=config,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # a head for other labels is replaced; all else is refused below
        )
    return model, found[-1]


def _of_the_body(report: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """The report without heads: the new one is expected to be missing, that of another task to be left over."""
    prefix = model.base_model_prefix
    inside = {name for name, _ in model.base_model.named_children()} | {prefix}

    def told(name: str) -> list[Any]:
        named = [(key if isinstance(key, str) else key[0], key) for key in report.get(name, ())]
        return [key for text, key in named if text.split(".", 1)[0] in inside]

    names = ("missing_keys", "unexpected_keys", "mismatched_keys")
    return {**{name: told(name) for name in names}, "error_msgs": report.get("error_msgs", ())}


def with_adapter(model: Any, adapter: RivalAdapter) -> Any:
    """LoRA on the body's layers; the whole head is trained beside it, and saved with it."""
    body = model.base_model
    (prefix,) = [name for name, module in model.named_children() if module is body]
    others = [(name, module) for name, module in model.named_children() if name != prefix]
    head = [name for name, module in others if any(True for _ in module.parameters())]
    if getattr(body, "pooler", None) is not None:
        head.append("pooler")  # read by the head, and often as new as it is
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=adapter.r,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=[f"{prefix}.{name}" for name in _target_layers(body, adapter)],
        modules_to_save=head,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's, about transformers
        return get_peft_model(model, config)


def _target_layers(body: nn.Module, adapter: RivalAdapter) -> list[str]:
    linear = [
        name
        for name, module in body.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and not re.search(POOLER, name)
    ]
    if adapter.targets == ALL_LINEAR:
        return linear
    chosen = [name for name in linear if any(f".{name}".endswith(f".{t}") for t in adapter.targets)]
    wrong = [t for t in adapter.targets if not any(f".{name}".endswith(f".{t}") for name in linear)]
    if wrong:
        short = sorted({name.rsplit(".", 1)[-1] for name in linear})
        raise UserError(
            f"adapter.targets: the body has no {', '.join(map(repr, wrong))}; its linear layers are "
            f"{', '.join(short)}, and {ALL_LINEAR} takes them all"
        )
    return chosen


def _exact_outputs(model: nn.Module, n_outputs: int) -> None:
    """The last layer computes in float32 under mixed precision too: bfloat16 knows 256 values between 1 and 2."""

    def in_float32(module: Any, given: tuple[Any, ...], _: Any) -> torch.Tensor:
        with torch.autocast(given[0].device.type, enabled=False):
            bias = module.bias
            return nn.functional.linear(
                given[0].float(), module.weight.float(), None if bias is None else bias.float()
            )

    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and module.out_features == n_outputs and ".lora_" not in name:
            module.register_forward_hook(in_float32)
