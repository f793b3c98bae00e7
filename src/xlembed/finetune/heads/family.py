"""One linear layer per language family, chosen by the script of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from xlembed.finetune.head import Head

if TYPE_CHECKING:
    from torch import nn


class HEAD(Head):
    """One linear layer per language family, chosen by the script of the text."""

    by_family = True

    kind: Literal["family"]

    def modules(self, width: int) -> list[nn.Module]:
        """Ours."""
        from xlembed.models.modules.family_head import FamilyHead

        return [FamilyHead(width, self.out)]
