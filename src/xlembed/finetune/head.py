"""What a head says of itself, and which ones there are: one file of heads/ each."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar

from xlembed.fields import Positive
from xlembed.files import Record
from xlembed.finetune import heads
from xlembed.registry import load_all

if TYPE_CHECKING:
    from torch import nn

    Module = nn.Module
else:  # torch is imported only when something is built
    Module = object


class Head(Record):
    """The section `head` of a recipe. A new head is one new module of heads/ with a class called HEAD."""

    by_family: ClassVar[bool] = False
    """Texts are routed by the family of their script, which a body has to do."""

    kind: str
    out: Positive

    def modules(self, width: int) -> list[Module]:
        """Behind vectors of this width.

        Modules of sentence-transformers where they do, so that such a folder loads without this package.
        """
        raise NotImplementedError


@cache
def head_classes() -> dict[str, type[Head]]:
    """Kind -> class, by name."""
    return load_all(heads, "HEAD")
