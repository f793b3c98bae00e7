"""What a loss says of itself, and which ones there are: one file of losses/ each."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

from xlembed.data.pairs import Kind
from xlembed.fields import Positive
from xlembed.files import Record
from xlembed.finetune import losses
from xlembed.registry import load_all
from xlembed.words import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

    Model = SentenceTransformer
    Module = nn.Module
else:  # torch is imported only when something is built
    Model = Module = object


class Loss(Record):
    """The section `loss` of a stage. A new loss is one new module of losses/ with a class called LOSS.

    Class attributes:
        reads: kinds of rows that it can read; one that needs three columns takes pairs with `negatives`.
        columns: texts of a row that it needs at least.
        labels: what comes beside the texts: nothing, `scores` of the rows, or vectors of a `teacher`.
        in_batch: the other rows of a batch are negatives.
        retrieval: it trains retrieval.
    """

    reads: ClassVar[tuple[Kind, ...]] = (Kind.PAIRS, Kind.TRIPLETS, Kind.TRANSLATIONS)
    columns: ClassVar[int] = 2
    labels: ClassVar[Literal["", "scores", "teacher"]] = ""
    in_batch: ClassVar[bool] = False
    retrieval: ClassVar[bool] = False

    matryoshka: tuple[Positive, ...] = ()
    """Numbers of leading dimensions that must work alone, the full size among them (Kusupati et al. 2022)."""
    kind: str

    def build(self, model: Model) -> Module:
        """The loss over a model, without Matryoshka.

        Columns come in the order anchor, positive, negatives; labels are scores, shape (batch,), or a teacher's
        vectors, shape (batch, dim).
        """
        raise NotImplementedError


@cache
def loss_classes() -> dict[str, type[Loss]]:
    """Kind -> class, by name."""
    return load_all(losses, "LOSS")


def build_loss(settings: Loss, model: Model) -> Module:
    """The loss of a stage over `model`, Matryoshka (Kusupati et al. 2022) round it where asked for.

    Raises:
        UserError: if a Matryoshka size is above the model's.
    """
    loss = settings.build(model)
    if not settings.matryoshka:
        return loss
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

    dim = model.get_embedding_dimension()
    if dim is not None and max(settings.matryoshka) > dim:
        raise UserError(
            f"matryoshka: the model's vectors have {dim} dimensions, found {max(settings.matryoshka)}; "
            f"take sizes up to {dim}"
        )
    return MatryoshkaLoss(model, loss, list(settings.matryoshka))
