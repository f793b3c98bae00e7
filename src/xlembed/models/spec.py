"""What a user types as MODEL -> a name for paths, a card, and where the weights are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydantic

from xlembed.fields import explain
from xlembed.models.card import ModelCard, Service
from xlembed.models.catalogue import SPELLING as VECTORS
from xlembed.models.catalogue import catalogue, given_card
from xlembed.models.digest import folder_digest
from xlembed.models.folder import with_folder_prompts, with_own_card, with_own_kind
from xlembed.models.packaged import fetched_folder, packaged_folder
from xlembed.models.removal import Step, check_steps, methods, parse_step
from xlembed.models.rescoring import (
    HYBRID,
    MIX,
    RERANK,
    TRANSLATED,
    Rerank,
    Rescored,
    parse_alpha,
    parse_rescored,
    split_rerank,
)
from xlembed.models.rescoring import SPELLINGS as SEARCH_SPELLINGS
from xlembed.models.rescoring import methods as rescorings
from xlembed.words import DType, Kind, Lang, UserError, near_miss

DTYPE_SUFFIX = dict(zip(("fp32", "bf16", "fp16", "ov", "int8"), DType, strict=True))
BUNDLED = Path(__file__).parent / "bundled"
"""Folders of the models that come with this package."""
SERVICE = "api:"
"""Before the name of a model behind an embedding service."""
UNTELLING = ("model", "final")
"""Names of folders that say nothing of the model; the folder that they are in does."""
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class Variation:
    """What a name's suffixes ask for: ``+dim64+max128+lir3+bf16+hybrid``."""

    dim: int | None = None
    max_tokens: int | None = None
    steps: tuple[Step, ...] = ()
    """Post-processing of the vectors, after they were cut; composed in this order."""
    dtype: DType | None = None
    hybrid: bool = False
    """Search by vector and by words (BM25), fused by reciprocal ranks."""
    alpha: float | None = None
    """The same, fused by normalised scores: the share of the vectors."""
    translated: bool = False
    """Search by a query's translations too, which the task has; the best score of a document counts."""
    rescored: Rescored | None = None
    """Merge the rankings of the documents' languages."""
    rerank: Rerank | None = None
    """Let a slower model rank the best documents anew."""

    @property
    def fused(self) -> bool:
        """Whether words are searched beside vectors."""
        return self.hybrid or self.alpha is not None

    @property
    def search_suffix(self) -> str:
        """The part of `suffix` that changes no vector, in the order in which it is carried out."""
        parts = [HYBRID] if self.hybrid else [f"{MIX}{self.alpha:g}"] if self.alpha is not None else []
        parts += [TRANSLATED] if self.translated else []
        parts += [self.rescored.name] if self.rescored else []
        parts += [self.rerank.suffix] if self.rerank else []
        return "".join(f"+{part}" for part in parts)

    @property
    def suffix(self) -> str:
        """In canonical order, so that one configuration has one name; only post-processing keeps its own order."""
        parts = [f"dim{self.dim}" if self.dim else "", f"max{self.max_tokens}" if self.max_tokens else ""]
        parts += [step.name for step in self.steps]
        parts += [name for name, dtype in DTYPE_SUFFIX.items() if dtype is self.dtype]
        return "".join(f"+{part}" for part in parts if part) + self.search_suffix


@dataclass(frozen=True)
class ModelRef:
    """One model as asked for.

    Attributes:
        slug: its name in paths and tables, variation included.
        card: how to encode with it.
        folder: local folder with the weights; None when they must come from the Hub.
        variation: truncation, length, post-processing and precision asked for.
        reranker: the slower model that ranks the best documents anew, if the name asks for one.
    """

    slug: str
    card: ModelCard
    folder: Path | None
    variation: Variation = Variation()
    reranker: ModelRef | None = None

    @property
    def vectors_slug(self) -> str:
        """Name of the vectors: hybrid search and re-ranking use the very same ones."""
        return self.slug.removesuffix(self.variation.search_suffix)

    @property
    def first_stage(self) -> ModelRef:
        """What retrieves, without what ranks anew; under the same name."""
        return replace(self, reranker=None)

    @property
    def second_stage(self) -> ModelRef | None:
        """What ranks anew; its vectors lie in a folder inside the run's own, which is all that a stage may write."""
        return self.reranker and replace(self.reranker, slug=f"{self.slug}/reranker")

    @property
    def english_only(self) -> bool:
        """Whether a model that is asked knows English only, so that results in other languages must carry the label."""
        return self.card.english_only or (self.reranker is not None and self.reranker.english_only)

    def label(self, lang: Lang) -> str | None:
        """What must be shown beside a number in this language, if anything, for either model that is asked."""
        own = self.card.label(lang)
        return own if own or self.reranker is None else self.reranker.label(lang)

    @property
    def weights(self) -> str:
        """What must be said of the weights beside every number, of either model that is asked; empty: nothing."""
        found = [
            self.card.weights,
            f"{self.reranker.slug}: {w}" if self.reranker and (w := self.reranker.weights) else "",
        ]
        return "; ".join(filter(None, found))

    @property
    def searches_words(self) -> bool:
        """Whether texts are found by their words, alone or beside vectors."""
        return self.card.lexical or self.variation.fused

    @property
    def dtype(self) -> DType:
        """Number format to compute in."""
        return self.variation.dtype or self.card.dtype

    @property
    def max_tokens(self) -> int | None:
        """Length limit in force, if the card or the name gives one."""
        return self.variation.max_tokens or self.card.max_tokens


@dataclass(frozen=True)
class Fetched:
    """A registered model's files: what an MLflow URI resolves to."""

    slug: str
    folder: Path


def resolve_model(
    spec: str,
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    fetch_uri: Callable[[str], Fetched] | None = None,
    *,
    dim: int | None = None,
    max_tokens: int | None = None,
    dtype: str | None = None,
) -> ModelRef:
    """Find a model by catalogue name, params.yaml entry, folder, Hub id or MLflow URI.

    Args:
        spec: with optional suffixes, for example ``bge_m3+dim64+bf16``; behind ``+rerank-`` stands a second model.
        entries: `models:` of params.yaml.
        fetch_uri: turns ``models:/name/3`` into files; None where no registry is at hand.
        dim: same as the suffix ``+dimN``.
        max_tokens: same as ``+maxN``.
        dtype: same as ``+bf16``, ``+fp16``, ``+ov`` or ``+int8``.

    Raises:
        UserError: unknown name (with the near miss and the list), bad suffix, unusable folder.
    """
    fast, rerank = (spec, None) if Path(spec).is_dir() else split_rerank(spec)
    if rerank:
        ref = resolve_model(fast, entries, fetch_uri, dim=dim, max_tokens=max_tokens, dtype=dtype)
        return _with_reranker(ref, rerank, entries or {}, fetch_uri)
    name, variation = _split(spec)
    if dtype:
        variation = replace(variation, dtype=DType(dtype))
    variation = replace(variation, dim=dim or variation.dim, max_tokens=max_tokens or variation.max_tokens)
    entries = entries or {}
    known = catalogue()
    if name in entries:
        ref = _from_entry(name, dict(entries[name]), fetch_uri)
    elif name in known:
        ref = _from_card(known[name])
    elif name.startswith("models:/"):
        ref = _from_uri(name, fetch_uri)
    elif name.startswith(VECTORS):
        folder = Path(name.removeprefix(VECTORS))
        card = given_card(folder)
        ref = ModelRef(card.name, card, folder)
    elif name.startswith(SERVICE):
        ref = _from_service(name.removeprefix(SERVICE))
    elif name and Path(name).is_dir():
        ref = _from_folder(Path(name))
    elif HUB_ID.fullmatch(name) and not name.startswith((".", "/")):
        ref = _from_hub_id(name)
    else:
        raise UserError(
            f"unknown model {name!r}: it is no catalogue name, no entry of `models:` in params.yaml, no folder here, "
            "no Hub id (owner/name), no MLflow URI (models:/name/1) and no vectors (vectors:FOLDER)."
            f"{near_miss(name, [*known, *entries])} `xlembed models` lists the catalogue."
        )
    return _vary(ref, variation)


def _split(spec: str) -> tuple[str, Variation]:
    if Path(spec.removeprefix(VECTORS)).is_dir():  # a folder's name may hold a plus sign
        return spec, Variation()
    name, *suffixes = spec.split("+")
    fields: dict[str, Any] = {}
    steps: list[Step] = []
    for suffix in suffixes:
        if step := parse_step(suffix):
            steps.append(step)
            continue
        if (parsed := _parse(suffix)) is None:
            raise UserError(f"{spec!r}: unknown suffix '+{suffix}'; {_known_suffixes(suffix)}")
        key, value = parsed
        if key in fields:
            both = "the merging of languages" if key == "rescored" else key
            raise UserError(f"{spec!r}: two suffixes set {both}")
        fields[key] = value
    if {"hybrid", "alpha"} <= fields.keys():
        raise UserError(f"{spec!r}: +{HYBRID} and +{MIX} are two ways to fuse; choose one")
    return name, Variation(steps=tuple(steps), **fields)


def _parse(suffix: str) -> tuple[str, Any] | None:
    """The field of a variation that a suffix sets, and its value; None if it names none."""
    if number := re.fullmatch(r"(dim|max)([1-9][0-9]*)", suffix):
        return {"dim": "dim", "max": "max_tokens"}[number[1]], int(number[2])
    if suffix in DTYPE_SUFFIX:
        return "dtype", DTYPE_SUFFIX[suffix]
    if suffix in (HYBRID, TRANSLATED):
        return suffix, True
    if (alpha := parse_alpha(suffix)) is not None:
        return "alpha", alpha
    return None if (rescored := parse_rescored(suffix)) is None else ("rescored", rescored)


def _known_suffixes(wrong: str) -> str:
    spellings = [method.spelling for method in methods().values()]
    known = ["+dimN", "+maxN", *(f"+{word}" for word in DTYPE_SUFFIX), *spellings, *SEARCH_SPELLINGS]
    near = near_miss(wrong, [*methods(), *rescorings(), *DTYPE_SUFFIX, HYBRID, MIX, TRANSLATED, RERANK])
    return f"known: {', '.join(known)}.{near}"


def _vary(ref: ModelRef, variation: Variation) -> ModelRef:
    """Drop what the card says anyway, so that a default spelled out gets no name of its own."""
    card = ref.card
    words_only = variation == replace(
        Variation(), translated=variation.translated, rescored=variation.rescored
    )
    if card.lexical and not words_only:
        raise UserError(
            f"{ref.slug}{variation.suffix}: {ref.slug} has no vectors to vary; for both kinds of search put the suffix "
            f"behind a model that has: MODEL+{HYBRID}"
        )
    if not card.lexical and not card.has_files and (variation.max_tokens or variation.dtype):
        raise UserError(
            f"{ref.slug}{variation.suffix}: length and number format belong to a model that runs here"
        )
    if variation.dtype and variation.dtype.on_openvino and card.kind is not Kind.BI_ENCODER:
        raise UserError(
            f"{ref.slug}{variation.suffix}: +ov and +int8 need a model that gives a vector per text"
        )
    if variation.dim and card.dim and variation.dim > card.dim:
        raise UserError(f"{ref.slug}: cannot cut {card.dim} dimensions to {variation.dim}")
    if variation.max_tokens and card.max_tokens and variation.max_tokens > card.max_tokens:
        raise UserError(
            f"{ref.slug}: takes {card.max_tokens} tokens at most, {variation.max_tokens} asked for"
        )
    check_steps(variation.steps, variation.dim or card.dim)
    said = ("dim", "max_tokens", "dtype")
    unsaid: dict[str, Any] = {k: None for k in said if getattr(variation, k) == getattr(card, k)}
    kept = replace(variation, **unsaid)
    return replace(ref, slug=ref.slug + kept.suffix, variation=kept)


def _with_reranker(
    fast: ModelRef,
    rerank: Rerank,
    entries: Mapping[str, Mapping[str, Any]],
    fetch_uri: Callable[[str], Fetched] | None,
) -> ModelRef:
    """The fast model under a name that says what ranks its documents anew."""
    known = [*catalogue(), *entries]
    if (name := rerank.model.split("+")[0]) not in known:
        raise UserError(
            f"{fast.slug}+{rerank.suffix}: what ranks anew must be a name of the catalogue or an entry of `models:` in "
            f"params.yaml, and {name!r} is neither.{near_miss(name, known)}"
        )
    slow = resolve_model(rerank.model, entries, fetch_uri)
    if slow.searches_words:
        raise UserError(f"{fast.slug}+{rerank.suffix}: {slow.slug} searches words and cannot rank anew")
    if suffix := slow.variation.search_suffix:
        raise UserError(
            f"{fast.slug}+{rerank.suffix}: {suffix} says how documents are searched, and {slow.vectors_slug} only "
            f"ranks anew what was found; write {fast.slug}{suffix}+{replace(rerank, model=slow.vectors_slug).suffix}"
        )
    variation = replace(fast.variation, rerank=replace(rerank, model=slow.slug))
    return replace(fast, slug=fast.vectors_slug + variation.search_suffix, variation=variation, reranker=slow)


def _from_card(card: ModelCard) -> ModelRef:
    if card.bundled:
        return ModelRef(card.name, card, BUNDLED.parent / card.bundled)
    return ModelRef(card.name, card, packaged_folder(card))


def _from_hub_id(hub_id: str) -> ModelRef:
    slug = hub_id.replace("/", "_")
    card = ModelCard(name=slug, hub_id=hub_id, folder_prompts=True)
    fetched = fetched_folder(hub_id)
    return ModelRef(slug, with_own_kind(card, fetched) if fetched else card, None)


def _from_service(model: str) -> ModelRef:
    slug = "api-" + re.sub(r"[^A-Za-z0-9._-]", "-", model)
    return ModelRef(slug, ModelCard(name=slug, api=Service(model=model)), None)


def _from_folder(folder: Path) -> ModelRef:
    digest, place = folder_digest(folder), folder.resolve()
    base = place.parent.name if place.name in UNTELLING else place.name
    return _from_files(re.sub(r"[^A-Za-z0-9._-]", "-", base) + "-" + digest[:8], folder)


def _from_uri(uri: str, fetch_uri: Callable[[str], Fetched] | None) -> ModelRef:
    if fetch_uri is None:
        raise UserError(f"{uri!r}: no MLflow registry is at hand here; pass a folder")
    fetched = fetch_uri(uri)
    return _from_files(fetched.slug, fetched.folder)


def _from_files(slug: str, folder: Path) -> ModelRef:
    card = with_own_card(ModelCard(name=slug, folder_prompts=True), folder)
    return ModelRef(slug, with_folder_prompts(card, folder), folder)


def _from_entry(name: str, entry: dict[str, Any], fetch_uri: Callable[[str], Fetched] | None) -> ModelRef:
    """A named entry of params.yaml: `source`, `card` (whose card it borrows), and any field of a card.

    A catalogue name as `source` brings its card along; a folder, a Hub id or an MLflow URI has none, so
    `card` lends one.
    """
    where = f"params.yaml: models.{name}"
    source, lender = entry.pop("source", None), entry.pop("card", None)
    if not source:
        raise UserError(
            f"{where}: `source` is missing (a catalogue name, folder, Hub id or models:/name/version)"
        )
    ref = resolve_model(str(source), {}, fetch_uri)
    if ref.variation != Variation():
        raise UserError(
            f"{where}: source {source!r} has suffixes; put them behind the entry's name: {name}{ref.variation.suffix}"
        )
    if "query_prompt" in entry or "document_prompt" in entry:
        entry.setdefault("folder_prompts", False)
    if ref.card.api and isinstance(entry.get("api"), dict):
        entry["api"] = {"model": ref.card.api.model, **entry["api"]}
    base = ref.card if lender is None else _lend(where, str(lender), ref)
    try:
        card = ModelCard.model_validate(fields := {**base.model_dump(), **entry, "name": name})
    except pydantic.ValidationError as error:
        raise UserError(f"{where}: {'; '.join(explain(error, ModelCard, fields))}") from None
    return ModelRef(name, card, ref.folder)


def _lend(where: str, lender: str, ref: ModelRef) -> ModelCard:
    """The lender's card over the files of `ref`, which lie where they lay."""
    known = catalogue()
    if lender not in known:
        raise UserError(
            f"{where}: card: {lender!r} is not in the catalogue.{near_miss(lender, known)} Known: {', '.join(known)}"
        )
    own_files = {name: getattr(ref.card, name) for name in ("bundled", "packaged", "weights", "given", "api")}
    if ref.folder is None:  # another repository on the Hub: the lender's revision does not exist there
        own_repository = {"hub_id": ref.card.hub_id, "revision": ref.card.revision}
        return known[lender].model_copy(update={**own_files, **own_repository})
    return known[lender].model_copy(update=own_files)
