"""Which kinds of model can retrieve, which can only rank anew, and which neither."""

from __future__ import annotations

from xlembed.models.spec import ModelRef
from xlembed.words import Kind, UserError


def check_kinds(ref: ModelRef, engine: str = "exact") -> None:
    """Refuse a model that cannot play its part, before any work is done.

    Args:
        ref: the model, with what ranks anew.
        engine: that searches what it retrieves.

    Raises:
        UserError: it judges pairs of texts and is asked to retrieve, writes text, or has a vector per token and is
            asked for what needs one per text.
    """
    for part in (ref, *([ref.reranker] if ref.reranker else [])):
        if part.card.kind is Kind.CAUSAL:
            raise UserError(
                f"{part.slug} writes text and has no vectors. It can be the base of a rival: `base: {part.slug}` in "
                "a recipe for `xlembed probe --rival` (docs/rivals.md)"
            )
    if ref.card.kind is Kind.CROSS_ENCODER:
        raise UserError(
            f"{ref.slug} is a cross-encoder: it judges pairs of texts and would have to read every document for every "
            f"query. Let it rank anew what another model finds: FAST+rerank-{ref.slug}"
        )
    if ref.card.kind is Kind.LATE_INTERACTION and engine != "exact":
        raise UserError(
            f"{ref.slug} is a late-interaction model: it has a vector per token, and an index on a server holds one "
            f"per document. Use --index exact, or let it rank anew what another finds: FAST+rerank-{ref.vectors_slug}"
        )
    for part in (ref, *([ref.reranker] if ref.reranker else [])):
        if part.card.kind is not Kind.BI_ENCODER and (part.variation.dim or part.variation.steps):
            raise UserError(
                f"{part.slug}: +dimN and post-processing change the vector of a text, and a model of the kind "
                f"{part.card.kind} has none: leave them out"
            )


def check_runs_here(ref: ModelRef, what: str) -> None:
    """Refuse a model that is a service, or of which only vectors are at hand, where it must itself be here.

    Raises:
        UserError: it does not run here; `what` needs it.
    """
    if not (ref.card.lexical or ref.card.has_files):
        found = "it is a service" if ref.card.api else "there are only vectors of a task's texts"
        raise UserError(
            f"{ref.slug}: {what} needs a model that runs here, and {found}. It can be evaluated, compared and tested "
            "for the paradox (docs/vectors.md)"
        )


def check_vectors(ref: ModelRef) -> None:
    """Refuse a model that has no vector of its own for a text, where one is needed.

    Raises:
        UserError: it searches words, reads pairs of texts, or has a vector per token.
    """
    if ref.card.lexical:
        raise UserError(f"{ref.slug} finds texts by their words: it has no vectors")
    if ref.card.imported:
        raise UserError(f"{ref.slug} is another system's rankings; this needs vectors")
    if not ref.card.has_vectors:
        what = "a vector per token" if ref.card.kind is Kind.LATE_INTERACTION else "scores of pairs of texts"
        raise UserError(f"{ref.slug} has {what} (kind {ref.card.kind}); this needs one vector per text")
