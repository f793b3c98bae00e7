"""One linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from xlembed.finetune.head import Head

if TYPE_CHECKING:
    from torch import nn


class HEAD(Head):
    """One linear layer."""

    kind: Literal["linear"]
    bias: bool = False

    def modules(self, width: int) -> list[nn.Module]:
        """A dense layer of sentence-transformers."""
        from sentence_transformers.base.modules import Dense
        from torch.nn import Identity

        return [Dense(width, self.out, bias=self.bias, activation_function=Identity())]
