"""Saving and loading that our modules share: config.json and model.safetensors."""

from __future__ import annotations

from typing import Any, Self

from sentence_transformers.base.modules.module import Module

PLACE = ("token", "cache_folder", "revision", "local_files_only")


class SavedModule(Module):
    """A module whose constructor takes its `config_keys`, and whose weights are one safetensors file."""

    width_key = "out_features"
    """The one that says how wide the result is."""

    def __init__(self, **config: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.__dict__.update(config)

    def get_embedding_dimension(self) -> int:
        """Of the result."""
        return int(self.__dict__[self.width_key])

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """Config and weights; weights are safetensors whatever is asked for."""
        self.save_config(output_path)
        self.save_torch_weights(output_path, safe_serialization=True)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> Self:  # type: ignore[override]
        """The module as saved.

        Raises:
            RuntimeError: weights are missing or unexpected.
        """
        place = {"subfolder": subfolder, **{key: kwargs[key] for key in PLACE if key in kwargs}}
        module = cls(**cls.load_config(model_name_or_path, **place))
        loaded: Self = cls.load_torch_weights(model_name_or_path, model=module, **place)
        return loaded
