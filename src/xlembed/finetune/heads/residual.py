"""Blocks x + MLP(LayerNorm(x)), then a linear layer to `out`."""

from __future__ import annotations

from typing import Literal

from xlembed.fields import Positive
from xlembed.finetune.head import Head, Module


class HEAD(Head):
    """Blocks x + MLP(LayerNorm(x)), then a linear layer to `out`."""

    kind: Literal["residual"]
    hidden: Positive
    blocks: Positive = 2

    def modules(self, width: int) -> list[Module]:
        """Ours."""
        from xlembed.models.modules.residual_head import ResidualHead

        return [ResidualHead(width, self.hidden, self.out, self.blocks)]
