"""What is refused: models that cannot play their part, weights that are programs, code that nobody allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlembed.models.folder import (
    ROUTERS,
    body_config,
    body_folder,
    folder_modules,
    is_late_interaction,
    read_json,
    remote_classes,
)
from xlembed.models.hub import locate
from xlembed.models.spec import ModelRef
from xlembed.words import Kind, UserError


def refuse_unsafe(ref: ModelRef, folder: Path, trust_remote_code: bool) -> None:
    """Everything that the small files show to be wrong, before any weight is read."""
    if ref.card.requires_remote_code and not trust_remote_code:
        locate(ref, trust_remote_code)
    if (body_folder(folder) / "adapter_config.json").is_file():
        raise UserError(
            f"{ref.slug}: {folder} is an adapter without its base model. Merge them (merge_and_unload) and "
            "save the whole model."
        )
    _refuse_other_kind(ref, folder)
    if any(module.kind in ROUTERS for module in folder_modules(folder)[:1]):
        raise UserError(
            f"{ref.slug}: {folder / 'modules.json'} begins with a Router: a body for each role, which xlembed cannot "
            "use (a Router behind one body it can). Import the vectors instead: `xlembed import-vectors`"
        )
    config = body_config(folder)
    if trust_remote_code:
        return
    if config.get("model_type") == "nomic_bert" and config.get("num_experts"):
        raise UserError(
            f"{ref.slug}: a nomic_bert with experts has no class in transformers; the dense class would load with "
            "random weights. Read the repository's code, then pass --trust-remote-code true."
        )
    for module in folder_modules(folder):
        activation = read_json(folder / module.path / "config.json").get("activation_function")
        if module.kind == "Dense" and activation and not str(activation).startswith("torch."):
            # sentence-transformers would fall back to tanh with a warning.
            raise UserError(
                f"{ref.slug}: {folder / module.path} uses the activation {activation!r}, which is code outside torch; "
                "read it, then pass --trust-remote-code true."
            )
    foreign = {
        reference: file for reference, file in remote_classes(folder).items() if not _is_native(file, config)
    }
    if foreign:
        reference, file = next(iter(foreign.items()))
        raise UserError(
            f"{ref.slug}: {folder / file} names {reference}, Python code from a repository that installed "
            f"transformers (model type {config.get('model_type')!r}) has no class of its own for. It is not run "
            "unless asked for: read it, then pass --trust-remote-code true (encode.trust_remote_code: true in "
            "params.yaml)."
        )


def _refuse_other_kind(ref: ModelRef, folder: Path) -> None:
    """A vector per token from weights that were not made for it would need a projection, which would be random."""
    asked = ref.card.kind is Kind.LATE_INTERACTION
    if asked and not is_late_interaction(folder):
        raise UserError(
            f"{ref.slug}: {folder} holds no late-interaction model (no MultiVectorMask in modules.json, not saved by "
            "PyLate or ColBERT): its projection would be random. Leave out kind: late_interaction"
        )
    if not asked and is_late_interaction(folder):
        raise UserError(
            f"{ref.slug}: {folder} holds a late-interaction model. Say so in params.yaml: "
            f"`models: {{NAME: {{source: {ref.card.hub_id or folder}, kind: late_interaction}}}}`; a Hub id alone is "
            "known as one from its second use on"
        )


def _is_native(file: str, config: dict[str, Any]) -> bool:
    """Whether transformers has its own class where the folder names code; loading checks the weights."""
    if file != "config.json":
        return (
            file == "tokenizer_config.json"
        )  # a tokenizer is rebuilt from tokenizer.json; the self-check watches it
    from transformers import CONFIG_MAPPING

    return config.get("model_type") in CONFIG_MAPPING


def check_kinds(ref: ModelRef, engine: str = "exact") -> None:
    """Refuse a model that cannot play its part, before any work is done.

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
