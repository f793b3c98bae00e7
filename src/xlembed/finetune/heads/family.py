"""One linear layer per language family, chosen by the script of the text."""

from __future__ import annotations

from typing import Literal

from xlembed.finetune.head import Head, Module


class HEAD(Head):
    """One linear layer per language family, chosen by the script of the text."""

    by_family = True

    kind: Literal["family"]

    def modules(self, width: int) -> list[Module]:
        """Ours."""
        from xlembed.models.modules.family_head import FamilyHead

        return [FamilyHead(width, self.out)]
