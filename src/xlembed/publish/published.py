"""Asking what is published: the model that a manifest tells of, and a search with it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from xlembed.data.task import Task
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.postprocessing import derive_more, fit_documents, pair_sets
from xlembed.evaluate.search import query_language, warn_without_own
from xlembed.files import Record
from xlembed.models.card import ModelCard
from xlembed.models.encoder import Encoder
from xlembed.models.fingerprint import Fingerprint, base_fingerprint, derived_fingerprint
from xlembed.models.folder import with_folder_prompts
from xlembed.models.hub import locate
from xlembed.models.postprocess import fitted_json, read_fitted
from xlembed.models.removal import parse_step
from xlembed.models.rescoring import parse_rescored
from xlembed.models.spec import ModelRef, Variation
from xlembed.search.elastic.admin import find
from xlembed.search.elastic.sealing import COMPLETE
from xlembed.search.elastic.serving import nearest, nearest_merged, request
from xlembed.search.elastic.tasks import open_server
from xlembed.tracking.opening import open_model
from xlembed.words import DType, Lang, Role, UserError
from xlembed.workspace import Workspace

log = logging.getLogger(__name__)

OTHER_VERSION = "the index was published by another version of xlembed; publish it again"

UNNOTED = ("notes", "unconfirmed", "training_data", "objective")
"""Fields of a card that decide nothing about vectors."""


class Varied(Record):
    """The part of a model's variation that a published model may have."""

    dim: int | None
    max_tokens: int | None
    dtype: DType | None


class Encoding(Record):
    """All that another machine needs to encode a query for the vectors of an index; no path of this one."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    model: str
    card: dict[str, Any]
    variation: Varied
    query_prompt: str
    instruction: str
    storage_dtype: str
    base_fingerprint: str
    ingredients: dict[str, Any]
    postprocessing: tuple[dict[str, Any], ...] = ()
    """Steps with their statistics, see `fitted_json`."""
    documents_digest: str = ""
    pair_digests: dict[str, str] = pydantic.Field(default_factory=dict)


def encoding_of(ref: ModelRef, task: Task, workspace: Workspace) -> Encoding:
    """For the manifest of an index of these vectors."""
    settings = workspace.settings.encode
    encoding = open_encoding(ref, workspace)
    card = ref.card.model_dump(mode="json", exclude_defaults=True, exclude=set(UNNOTED))
    chosen = ref.variation
    return Encoding(
        model=ref.slug,
        card=card,
        variation=Varied(dim=chosen.dim, max_tokens=chosen.max_tokens, dtype=chosen.dtype),
        query_prompt=with_folder_prompts(ref.card, encoding.folder).prompt(Role.QUERY, settings.instruction),
        instruction=settings.instruction,
        storage_dtype=settings.storage_dtype,
        base_fingerprint=encoding.base.digest,
        ingredients=encoding.base.description,
        postprocessing=tuple(fitted_json(fit_documents(task, ref, workspace))),
        documents_digest=task.documents_digest if chosen.steps else "",
        pair_digests={found.name: found.digest for found in pair_sets(ref, task, workspace)},
    )


@dataclass(frozen=True)
class Answer:
    """What a search of an alias found in its index, by the model that encoded the query.

    Attributes:
        hits: best first, see `index.elastic.serving.nearest`.
        request: the body of the search, for other clients; one per language where their rankings are merged.
    """

    index: str
    model: str
    hits: list[dict[str, Any]]
    request: dict[str, Any] | list[dict[str, Any]]


def search_alias(
    alias: str,
    text: str,
    workspace: Workspace,
    *,
    k: int,
    lang: Lang | None = None,
    query_lang: Lang | None = None,
    model: str | None = None,
) -> Answer:
    """Encode a text with the very model of a published index, and search that index.

    Only documents in `lang` are searched. Where the model must know the text's language, it is `query_lang`, else
    `lang`, else detected. `model` is where its files are, if they cannot be found by the manifest.

    Raises:
        UserError: nothing of ours is published there, its model cannot be had, or is not the one of the index.
    """
    if not text.strip():
        raise UserError("the text to search for is empty")
    server = open_server(workspace)
    found = find(server, alias)
    if len(found) != 1 or not found[0].ours:
        what = f"stands for {len(found)} indices" if len(found) > 1 else "was not built by this tool"
        raise UserError(
            f"{server.url}: {alias!r} {what if found else 'does not exist'}; xlembed indices lists what is published"
        )
    # A pattern has no record of what was published under it.
    if alias not in (found[0].name, *found[0].aliases):
        raise UserError(f"--alias {alias!r} is no name: {', '.join(found[0].aliases) or found[0].name}")
    # The index itself is searched: the alias may move to one of another model while the text is encoded.
    index, manifest, record = found[0].name, found[0].manifest, found[0].record(alias)
    encoding = manifest.get("encoding")
    if not encoding or manifest.get("state") != COMPLETE:
        raise UserError(
            f"{server.url}: {index} is not published, so its model is not known: xlembed publish -m "
            f"{manifest.get('model')} -t {manifest.get('task')} --alias NAME"
        )
    langs = sorted(manifest.get("analyzers") or ())
    if lang is not None and lang not in langs:
        raise UserError(f"{alias} has no documents in {lang!r}: {', '.join(langs)}")
    try:
        told = Encoding.model_validate(encoding)
    except pydantic.ValidationError:
        raise UserError(OTHER_VERSION) from None
    fitted = read_fitted(told.postprocessing)
    by_language = fitted is not None and any(of.step.by_language for of in fitted.steps)
    query_lang = query_language(text, query_lang, lang, by_language, langs, told.model)
    warn_without_own(fitted, query_lang)
    ref, encoder = open_recorded_model(told, str(manifest["fingerprint"]), workspace, model)
    vector = derive_more(np.asarray(encoder.encode_batch([text], Role.QUERY)), [query_lang], ref, fitted)[0]
    if not vector.any():
        raise UserError(f"{ref.slug} knows no word of the text, so it has no vector")
    candidates = int(record.get("num_candidates") or workspace.settings.index.num_candidates)

    def body(k: int, lang: Lang | None) -> dict[str, Any]:
        return request(vector, k, lang, num_candidates=candidates, oversample=record.get("oversample"))

    rescored = parse_rescored(str(record.get("rescored") or ""))
    name = ref.slug + (f"+{rescored.name}" if rescored else "")
    if rescored is None or lang is not None:
        asked = body(k, lang)
        if not (hits := nearest(server, index, asked)) and lang is not None:  # only queries are in it
            raise UserError(f"{alias} has no documents in {lang!r} that a search can find")
        return Answer(index, name, hits, asked)
    bodies = [body(max(k, rescored.number), of) for of in langs]
    return Answer(index, name, nearest_merged(server, index, bodies, rescored, k), bodies)


def open_recorded_model(
    encoding: Encoding, fingerprint: str, workspace: Workspace, model: str | None = None
) -> tuple[ModelRef, Encoder]:
    """The model that a manifest tells of, if it can be had here and gives the same vectors.

    Its card (prompts, pooling, length) is the manifest's; only the files are looked for: where `model` says, else
    under the same name here, on the Hub, in the registry.

    Raises:
        UserError: no files, or others; names what differs.
    """
    from xlembed.models.loading import load_encoder  # torch only now

    settings = workspace.settings.encode
    try:
        card = ModelCard.model_validate(encoding.card)
    except pydantic.ValidationError:
        raise UserError(OTHER_VERSION) from None
    steps = tuple(step for of in encoding.postprocessing if (step := parse_step(str(of.get("step")))))
    variation = Variation(**vars(encoding.variation), steps=steps)
    slug = encoding.model
    how: dict[str, Any] = {
        "instruction": encoding.instruction,
        "trust_remote_code": settings.trust_remote_code,
    }
    tried = []
    for place, look in _places(slug, card, workspace, model):
        try:
            folder = look()
            ref = ModelRef(slug, card, folder, variation)
            base = base_fingerprint(ref, folder, storage_dtype=encoding.storage_dtype, **how)
            _check_same(encoding, fingerprint, base, variation)
        except UserError as error:
            tried.append(f"{place}: {error}")
            continue
        return ref, load_encoder(ref, device=settings.device, folder=folder, **how)
    lines = "\n".join(f"  {line}" for line in tried)
    raise UserError(
        f"the index was made with {slug}, which cannot be used here:\n{lines}\n"
        "Give the place of its files with -m (a folder, Hub id or models:/name/1)"
    )


def _places(
    slug: str, card: ModelCard, workspace: Workspace, model: str | None
) -> list[tuple[str, Callable[[], Path]]]:
    """Where the files may be, likeliest first."""
    trust = workspace.settings.encode.trust_remote_code
    if model:
        return [(f"-m {model}", lambda: locate(open_model(workspace, model), trust))]
    name = slug.partition("+")[0]
    places = [(f"{name} on this machine", lambda: locate(open_model(workspace, name), trust))]
    if card.hub_id:
        places.append((f"Hub {card.hub_id}", lambda: locate(ModelRef(slug, card, None), trust)))
    if registered := re.fullmatch(r"(.+)-v(\d+)", name):
        uri = f"models:/{registered[1]}/{registered[2]}"
        places.append((uri, lambda: locate(open_model(workspace, uri), trust)))
    return places


def _check_same(encoding: Encoding, fingerprint: str, base: Fingerprint, variation: Variation) -> None:
    """Refuse a model that would give other vectors; another release of a library is only worth a warning.

    Raises:
        UserError: names what differs.
    """
    theirs, told = encoding.ingredients, encoding.base_fingerprint
    known = told in (base.digest, Fingerprint(theirs).digest)
    derived = derived_fingerprint(
        told, variation.dim, variation.steps, encoding.documents_digest, encoding.pair_digests
    )
    if derived != fingerprint or not known:
        raise UserError(
            "the manifest contradicts itself: its fingerprint is not that of its model; publish again"
        )
    if base.digest == told:
        return
    differing = [key for key in base.description if base.description[key] != theirs.get(key)]
    if differing == ["libraries"]:
        ours, before = base.description["libraries"], theirs["libraries"]
        news = ", ".join(
            f"{lib} {v} (index: {before.get(lib)})" for lib, v in ours.items() if before.get(lib) != v
        )
        log.warning("the query is encoded with other library versions than the index was: %s", news)
        return
    own_code = "; the index's model ran its own code: --trust-remote-code true"
    hint = own_code if "remote_code" in differing else ""
    raise UserError(
        f"is not the model of the index ({', '.join(differing)} differ: fingerprint {base.digest[:12]} instead of "
        f"{told[:12]}){hint}"
    )
