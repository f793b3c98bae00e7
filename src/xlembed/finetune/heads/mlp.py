"""Linear(d, hidden) -> ReLU -> Linear(hidden, out)."""

from __future__ import annotations

from typing import Literal

from xlembed.fields import Positive
from xlembed.finetune.head import Head, Module


class HEAD(Head):
    """Linear(d, hidden) -> ReLU -> Linear(hidden, out)."""

    kind: Literal["mlp"]
    hidden: Positive

    def modules(self, width: int) -> list[Module]:
        """Two dense layers of sentence-transformers."""
        from sentence_transformers.base.modules import Dense
        from torch.nn import Identity, ReLU

        return [
            Dense(width, self.hidden, activation_function=ReLU()),
            Dense(self.hidden, self.out, activation_function=Identity()),
        ]
