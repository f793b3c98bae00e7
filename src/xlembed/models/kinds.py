"""Which kinds of model can retrieve, which can only rank anew, and which neither."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from xlembed.models.spec import ModelRef
from xlembed.words import Kind, UserError


def check_kinds(ref: ModelRef) -> None:
    """Refuse a model that cannot play its part, before any work is done.

    Raises:
        UserError: it judges pairs of texts and is asked to retrieve, or it is a late-interaction model or one that
            writes text.
    """
    for part in (ref, *([ref.reranker] if ref.reranker else [])):
        if part.card.kind is Kind.CAUSAL:
            raise UserError(
                f"{part.slug} writes text and has no vectors. It can be the base of a rival: `base: {part.slug}` in "
                "a recipe for `xlembed probe --rival` (docs/rivals.md)"
            )
        if part.card.kind is Kind.LATE_INTERACTION:
            raise UserError(
                f"{part.slug} is a late-interaction model, which is loaded by PyLate. {_pylate()} Rank anew with a "
                "bi-encoder or a cross-encoder meanwhile."
            )
    if ref.card.kind is Kind.CROSS_ENCODER:
        raise UserError(
            f"{ref.slug} is a cross-encoder: it judges pairs of texts and would have to read every document for every "
            f"query. Let it rank anew what another model finds: FAST+rerank-{ref.slug}"
        )


def _pylate() -> str:
    """Why it cannot be used."""
    try:
        found = f"PyLate {version('pylate')} is installed, but"
    except PackageNotFoundError:
        found = "PyLate is not installed here, and"
    ours = version("sentence-transformers")
    return (
        f"{found} its releases up to 1.6 need sentence-transformers 5.3 or older, while xlembed runs on {ours}: the "
        "two do not fit into one environment, so there is no extra to install yet."
    )
