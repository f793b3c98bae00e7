"""Mixture of experts: linear layers mixed by a softmax gate on the input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xlembed.finetune.head import Head, Module


class HEAD(Head):
    """Mixture of experts: linear layers mixed by a softmax gate on the input."""

    kind: Literal["experts"]
    experts: Annotated[int, Field(ge=2)] = 4

    def modules(self, width: int) -> list[Module]:
        """Ours."""
        from xlembed.models.modules.experts_head import ExpertsHead

        return [ExpertsHead(width, self.out, self.experts)]
