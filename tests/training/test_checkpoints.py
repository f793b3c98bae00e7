from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from xlembed.training.checkpoints import (
    SEAL,
    checkpoint_folder,
    is_whole,
    kept_steps,
    load_weights,
    newest,
    prune,
    save_weights,
    seal,
)
from xlembed.words import UserError


def made(where: Path, step: int, *, sealed: bool = True) -> Path:
    folder = checkpoint_folder(where, step)
    folder.mkdir(parents=True)
    (folder / "a").write_text("12345")
    if sealed:
        seal(folder)
    return folder


def steps(where: Path) -> set[str]:
    return {path.name for path in where.iterdir()}


def test_the_newest_whole_one_counts_and_broken_ones_go(tmp_path: Path) -> None:
    made(tmp_path, 9)
    good = made(tmp_path, 10)
    (made(tmp_path, 11) / "a").write_text("123")  # cut off
    (made(tmp_path, 12) / "a").unlink()
    (made(tmp_path, 13) / SEAL).write_text("{")
    made(tmp_path, 14, sealed=False)
    (tmp_path / "eval").mkdir()
    assert newest(tmp_path) == good
    assert steps(tmp_path) == {"checkpoint-9", "checkpoint-10", "eval"}


def test_none_at_the_beginning(tmp_path: Path) -> None:
    assert newest(tmp_path) is None and newest(tmp_path / "nowhere") is None


def test_kept_are_the_last_two_and_the_best(tmp_path: Path) -> None:
    for step in (5, 10, 15, 20):
        made(tmp_path, step)
    made(tmp_path, 25, sealed=False)
    assert kept_steps(tmp_path, None) == {15, 20}
    assert kept_steps(tmp_path, 20) == {15, 20}
    assert kept_steps(tmp_path, 5) == {5, 15, 20}
    prune(tmp_path, {5, 15, 20})
    assert steps(tmp_path) == {"checkpoint-5", "checkpoint-15", "checkpoint-20"}
    assert all(is_whole(path) for path in tmp_path.iterdir())


def test_a_frozen_body_is_not_written(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.Linear(64, 2, bias=False))
    model[0].requires_grad_(False)
    save_weights(model, tmp_path / "w.safetensors")
    assert (tmp_path / "w.safetensors").stat().st_size < 64 * 64 * 4
    head, mean = model[2].weight.detach().clone(), model[1].running_mean.clone()  # type: ignore[operator, union-attr]
    with torch.no_grad():
        model[2].weight.zero_()  # type: ignore[operator]
        model[1].running_mean.fill_(7)  # type: ignore[operator, union-attr]
    load_weights(model, tmp_path / "w.safetensors")
    assert torch.equal(model[2].weight, head) and torch.equal(model[1].running_mean, mean)  # type: ignore[arg-type]


def test_shared_weights_are_written_once(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    model[1].weight = model[0].weight
    save_weights(model, tmp_path / "w.safetensors")
    load_weights(model, tmp_path / "w.safetensors")
    assert model[1].weight is model[0].weight


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    save_weights(nn.Linear(2, 3), tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="another model"):
        load_weights(nn.Linear(2, 4), tmp_path / "w.safetensors")
