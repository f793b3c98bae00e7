"""Mean squared error to a teacher's vectors of the first text, for both translations (Reimers & Gurevych 2020)."""

from __future__ import annotations

from typing import Literal

from xlembed.data.pairs import Kind
from xlembed.finetune.loss import Loss, Model, Module


class LOSS(Loss):
    """Mean squared error to a teacher's vectors of the first text, for both translations (Reimers & Gurevych 2020)."""

    reads = (Kind.TRANSLATIONS,)
    labels = "teacher"

    kind: Literal["distillation"]
    teacher: str | None = None
    """MODEL; None is the base model as it was before the first stage."""

    def build(self, model: Model) -> Module:
        """The library's; at unit length below Matryoshka."""
        from xlembed.finetune.loss_modules import MSELoss, UnitMSELoss

        return UnitMSELoss(model) if self.matryoshka else MSELoss(model)
