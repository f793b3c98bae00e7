"""A GGUF file with a causal language model as an ordinary transformers folder, by transformers' own reader."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from xlembed.models.report import quiet_transformers
from xlembed.words import UserError

MAGIC = b"GGUF"
INSTALL = "pip install 'gguf>=0.10'"
VERSION = 3
LAYOUT = 1
"""Raised when the folder that is written from the same file changes."""


def write_folder(source: Path, folder: Path) -> None:
    """Write an ordinary transformers folder: weights in float16, tokenizer, chat template.

    The bytes of the source have been checked.

    Raises:
        UserError: the package gguf, which reads such files, is not installed.
    """
    if find_spec("gguf") is None:
        raise UserError(f"{source.name}: the package gguf reads it and is not installed: {INSTALL}")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    place, name = str(source.parent), source.name
    with quiet_transformers():
        model = AutoModelForCausalLM.from_pretrained(
            place, gguf_file=name, dtype=torch.float16, quantization_config=GgufConfig(dequantize=True)
        )
        model.save_pretrained(str(folder))
        AutoTokenizer.from_pretrained(place, gguf_file=name).save_pretrained(str(folder))
    mode = (folder / "config.json").stat().st_mode
    (folder / "model.safetensors").chmod(mode)  # which safetensors writes for its owner alone
