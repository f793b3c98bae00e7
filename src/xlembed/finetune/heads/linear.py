"""One linear layer."""

from __future__ import annotations

from typing import Literal

from xlembed.finetune.head import Head, Module


class HEAD(Head):
    """One linear layer."""

    kind: Literal["linear"]
    bias: bool = False

    def modules(self, width: int) -> list[Module]:
        """A dense layer of sentence-transformers."""
        from sentence_transformers.base.modules import Dense
        from torch.nn import Identity

        return [Dense(width, self.out, bias=self.bias, activation_function=Identity())]
