"""A transformer that knows each text's language family, and may have a LoRA adapter for each."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import Transformer

from xlembed.models.modules.families import FAMILIES, family_of

CONFIG, WEIGHTS = "families.json", "family_adapters.safetensors"


class FamilyTransformer(Transformer):
    """`Transformer` plus `family`, the code of each text's family; rows of a family go through its adapter.

    Attributes:
        prompts: what may stand before a text and does not count for its script.
        lora: settings of the adapters (`LoraConfig`); None: there are none.
    """

    prompts: Sequence[str] = ()
    lora: Mapping[str, Any] | None = None

    @classmethod
    def around(
        cls, plain: Transformer, prompts: Sequence[str], lora: Mapping[str, Any] | None = None
    ) -> Self:
        """The same body as another class, with untrained adapters if `lora` is given."""
        made = cls.__new__(cls)
        made.__dict__.update(plain.__dict__)
        made.prompts = sorted(filter(None, prompts), key=len, reverse=True)
        if lora is not None:
            made.add_adapters(lora)
        return made

    def add_adapters(self, lora: Mapping[str, Any]) -> None:
        """One adapter per family; everything else in the body is frozen by peft."""
        self.lora = dict(lora)
        for name in FAMILIES:
            with warnings.catch_warnings():  # several adapters in one body are meant
                warnings.simplefilter("ignore", UserWarning)
                inject_adapter_in_model(LoraConfig(**self.lora), self.model, adapter_name=name)
        for key, parameter in self.model.named_parameters():
            parameter.requires_grad_(".lora_" in key)

    def preprocess(  # type: ignore[override]
        self, inputs: Any, prompt: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """As the class above, with `family`: int64, shape (batch,)."""
        features: dict[str, Any] = super().preprocess(inputs, prompt=prompt, **kwargs)
        if features:
            features["family"] = torch.tensor([family_of(self._without_prompt(text)) for text in inputs])
        return features

    def _without_prompt(self, text: str) -> str:
        found = next((prompt for prompt in self.prompts if text.startswith(prompt)), "")
        return text[len(found) :]

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Token vectors; with adapters the families of a batch go through the body one after another."""
        families = features.pop("family")
        if self.lora is None:
            found: dict[str, Any] = super().forward(features, **kwargs)
        else:
            found = self._routed(features, families, kwargs)
        found["family"] = families
        return found

    def _routed(
        self, features: dict[str, Any], families: torch.Tensor, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        n_texts = len(families)
        parts: list[torch.Tensor] = []
        rows: list[torch.Tensor] = []
        for code in sorted(set(families.tolist())):
            chosen = (families == code).nonzero().squeeze(1)
            self._use(FAMILIES[code])
            mine = {
                key: value[chosen]
                if isinstance(value, torch.Tensor) and value.shape[:1] == (n_texts,)
                else value
                for key, value in features.items()
            }
            parts.append(super().forward(mine, **kwargs)[self.module_output_name])
            rows.append(chosen)
        back = torch.cat(rows).argsort()
        features[self.module_output_name] = torch.cat(parts)[back]
        return features

    def _use(self, name: str) -> None:
        """Peft's own `set_adapter` would freeze the other adapters, whose gradients are still to come."""
        for layer in self._layers():
            layer._active_adapter = [name]

    def _layers(self) -> Iterator[BaseTunerLayer]:
        return (module for module in self.model.modules() if isinstance(module, BaseTunerLayer))

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """The body without adapters as any other, the adapters beside it."""
        state = self.model.state_dict()
        plain = {k.replace(".base_layer.", "."): v for k, v in state.items() if ".lora_" not in k}
        saving = self.model.save_pretrained
        try:
            self.model.save_pretrained = partial(  # type: ignore[method-assign]
                saving, state_dict=plain
            )
            super().save(output_path, *args, safe_serialization=True, **kwargs)
        finally:
            del self.model.save_pretrained
        settings = {"prompts": list(self.prompts), "lora": self.lora}
        (Path(output_path) / CONFIG).write_text(
            json.dumps(settings, indent=2, ensure_ascii=False), encoding="utf-8"
        )
        if self.lora is not None:
            lora = {key: value.contiguous().cpu() for key, value in state.items() if ".lora_" in key}
            save_file(lora, Path(output_path) / WEIGHTS)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> Self:  # type: ignore[override]
        """The module as saved in a local folder.

        Raises:
            RuntimeError: an adapter's weights are missing or unexpected.
        """
        plain: Transformer = Transformer.load(model_name_or_path, subfolder=subfolder, **kwargs)
        place = Path(model_name_or_path) / subfolder
        settings = json.loads((place / CONFIG).read_text(encoding="utf-8"))
        module = cls.around(plain, settings["prompts"], settings["lora"])
        if settings["lora"] is not None:
            stored = load_file(place / WEIGHTS)
            wanted = {key for key in module.model.state_dict() if ".lora_" in key}
            if wanted != stored.keys():
                odd = sorted(wanted ^ stored.keys())
                raise RuntimeError(f"{place / WEIGHTS}: missing or unexpected weights: {', '.join(odd[:5])}")
            module.model.load_state_dict(stored, strict=False)
        return module
