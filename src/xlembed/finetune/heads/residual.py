"""Blocks x + MLP(LayerNorm(x)), then a linear layer to `out`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from xlembed.fields import Positive
from xlembed.finetune.head import Head

if TYPE_CHECKING:
    from torch import nn


class HEAD(Head):
    """Blocks x + MLP(LayerNorm(x)), then a linear layer to `out`."""

    kind: Literal["residual"]
    hidden: Positive
    blocks: Positive = 2

    def modules(self, width: int) -> list[nn.Module]:
        """Ours."""
        from xlembed.models.modules.residual_head import ResidualHead

        return [ResidualHead(width, self.hidden, self.out, self.blocks)]
