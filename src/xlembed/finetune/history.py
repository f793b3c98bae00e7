"""What the log of a training says: pure functions, so that a resumed training decides as an unbroken one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xlembed.finetune.dev import DEV
from xlembed.finetune.recipe import EarlyStopping


@dataclass(frozen=True)
class DevLook:
    """One measurement of dev."""

    step: int
    value: float


def dev_looks(history: Sequence[Mapping[str, float]]) -> list[DevLook]:
    """The dev values of a trainer's log, in order."""
    key = f"eval_{DEV}"
    return [DevLook(int(entry["step"]), float(entry[key])) for entry in history if key in entry]


def best_look(looks: Sequence[DevLook]) -> DevLook | None:
    """The first of the highest."""
    return max(looks, key=lambda look: look.value, default=None)


def is_stale(looks: Sequence[DevLook], rule: EarlyStopping | None) -> bool:
    """Whether the last `patience` looks brought no rise of more than `min_delta` over the best until then."""
    if not rule or not looks:
        return False
    best, waited = looks[0].value, 0
    for look in looks[1:]:
        if look.value > best + rule.min_delta:
            best, waited = look.value, 0
        else:
            waited += 1
    return waited >= rule.patience


def loss_curve(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """`step`, `loss` (mean since the entry before), `learning_rate`, `gradient_norm` of a trainer's log."""
    names = {"step": "step", "loss": "loss", "learning_rate": "learning_rate", "grad_norm": "gradient_norm"}
    return [
        {name: entry[key] for key, name in names.items() if key in entry}
        for entry in history
        if "loss" in entry
    ]


def last_loss(curve: Sequence[Mapping[str, float]]) -> float:
    """Mean loss of the last tenth of the steps: of the curve's entries that end there, by their length."""
    begin = 0.9 * curve[-1]["step"]
    before = [0.0, *(entry["step"] for entry in curve)]
    parts = [
        (entry["step"] - start, entry["loss"])
        for start, entry in zip(before, curve, strict=False)
        if entry["step"] > begin
    ]
    return sum(n * loss for n, loss in parts) / sum(n for n, _ in parts)
