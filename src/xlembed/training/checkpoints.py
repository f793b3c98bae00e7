"""Checkpoints that are either whole or not there, however the process ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Set
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from xlembed.files import write_json
from xlembed.words import UserError

WEIGHTS = "weights.safetensors"
SEAL = "complete.json"
"""Written last and removed first: names and sizes of a checkpoint's files."""


def checkpoint_folder(where: Path, step: int) -> Path:
    """Where the state after `step` updates lies; the name is the trainer's."""
    return where / f"checkpoint-{step}"


def save_weights(model: nn.Module, path: Path) -> None:
    """All that training may change: trainable parameters and buffers; a frozen body is not written."""
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in _changing(model).items()}, path)


def load_weights(model: nn.Module, path: Path) -> None:
    """Back into the same model.

    Raises:
        UserError: if the file is that of another model.
    """
    stored, wanted = load_file(path), _changing(model)
    if {name: t.shape for name, t in stored.items()} != {name: t.shape for name, t in wanted.items()}:
        raise UserError(f"{path} holds the weights of another model; remove its folder to begin anew")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(stored[name])


def _changing(model: nn.Module) -> dict[str, torch.Tensor]:
    """Shared tensors come once (named_parameters gives each once)."""
    stored = model.state_dict().keys()  # leaves out buffers that are made anew
    return {name: p for name, p in model.named_parameters() if p.requires_grad} | {
        name: b for name, b in model.named_buffers() if name in stored
    }


def seal(folder: Path) -> None:
    """Say that everything has been written."""
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.name != SEAL}
    write_json(folder / SEAL, sizes)


def is_whole(folder: Path) -> bool:
    """Sealed, with every file as long as it was then."""
    try:
        sizes = json.loads((folder / SEAL).read_text("utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def newest(where: Path) -> Path | None:
    """The newest whole checkpoint below `where`; broken ones are removed."""
    found = _steps(where)
    whole = {step for step in found if is_whole(found[step])}
    prune(where, whole)
    return found[max(whole)] if whole else None


def prune(where: Path, keep: Set[int]) -> None:
    """Remove the checkpoints of all other steps, each seal first."""
    for step, folder in _steps(where).items():
        if step not in keep:
            (folder / SEAL).unlink(missing_ok=True)
            shutil.rmtree(
                folder, ignore_errors=True
            )  # another process may be at it; unsealed it counts for nothing


def kept_steps(where: Path, best: int | None, last: int = 2) -> set[int]:
    """The newest `last` whole checkpoints and the best one."""
    whole = sorted(step for step, folder in _steps(where).items() if is_whole(folder))
    return {*whole[-last:], *([best] if best in whole else [])}


def _steps(where: Path) -> dict[int, Path]:
    folders = where.glob("checkpoint-*")
    return {int(path.name.split("-")[1]): path for path in folders if path.name.split("-")[1].isdigit()}
