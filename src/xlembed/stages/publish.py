"""Publishing an index under an alias, taking it back, and asking what is published."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from xlembed.corpus.task import Task
from xlembed.embeddings.derive import derive
from xlembed.index.elastic.admin import count, find, holder, list_indices, move_alias, roll_back
from xlembed.index.elastic.builder import index_state
from xlembed.index.elastic.connection import Server
from xlembed.index.elastic.layout import IndexSpec, oversample_of
from xlembed.index.elastic.sealing import COMPLETE
from xlembed.index.elastic.serving import nearest, request
from xlembed.index.elastic.source import Source
from xlembed.models.card import ModelCard
from xlembed.models.encoder import Encoder
from xlembed.models.fingerprint import Fingerprint, base_fingerprint, derived_fingerprint
from xlembed.models.folder import with_folder_prompts
from xlembed.models.hub import locate
from xlembed.models.spec import ModelRef, Variation
from xlembed.retrieval.fidelity import neighbour_recall
from xlembed.stages.elastic import attach, index_spec, open_server
from xlembed.stages.embedded import open_embeddings, unit_vectors
from xlembed.stages.encode import encode
from xlembed.stages.encoding import open_encoding
from xlembed.stages.engine import exact_index
from xlembed.stages.workspace import Watch, Workspace, unwatched
from xlembed.types import DType, Lang, Role, UserError

log = logging.getLogger(__name__)

RECALL_K = 10
"""Documents that the checked searches ask for."""
WANTED_RECALL = 0.95
SAMPLE = 200
"""Queries of the check."""
SEED = 0
UNNOTED = ("notes", "unconfirmed", "training_data", "objective")
"""Fields of a card that decide nothing about vectors."""


@dataclass(frozen=True)
class Published:
    """A publication.

    Attributes:
        alias: its name.
        index: it points to now.
        replaced: it pointed to before; None if the alias is new, the index itself if nothing moved.
        documents: in the index.
        recall: of the exact nearest 10, mean over the sampled queries.
        queries: that were sampled.
        exercised: whether the searches went through the index at all; False: the server scanned everything.
    """

    alias: str
    index: str
    replaced: str | None
    documents: int
    recall: float
    queries: int
    exercised: bool

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


@dataclass(frozen=True)
class Verified:
    """An index whose answers have been checked.

    Attributes:
        index: its name.
        documents: in it.
        recall: of the exact nearest 10, mean over the sampled queries.
        queries: that were sampled.
        exercised: whether the searches went through the index at all.
        note: for its manifest, once an alias points to it.
    """

    index: str
    documents: int
    recall: float
    queries: int
    exercised: bool
    note: dict[str, Any]


def publish(
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    alias: str,
    *,
    wanted: float = WANTED_RECALL,
    force: bool = False,
    watch: Watch = unwatched,
) -> Published:
    """Let an alias point to the index of a task and model, once its answers have been checked.

    Raises:
        UserError: the index is missing, not whole, or finds too few of the exact neighbours; the alias is not ours.
    """
    check_publishable(ref)
    server = open_server(workspace)
    holder(server, alias, force=force)  # refused before any work
    found = verify(task, ref, workspace, server, wanted=wanted, watch=watch)
    replaced = move_alias(server, alias, found.index, found.note, force=force)
    return Published(
        alias=alias,
        index=found.index,
        replaced=replaced,
        documents=found.documents,
        recall=found.recall,
        queries=found.queries,
        exercised=found.exercised,
    )


def check_publishable(ref: ModelRef) -> None:
    """Refuse what searches words, and vectors that an application could not make from the model alone.

    Raises:
        UserError: says what to publish instead.
    """
    if ref.reranker is not None:
        raise UserError(
            f"{ref.slug} ranks anew what a faster model finds; what is published is a model's vectors: publish "
            f"{ref.vectors_slug}"
        )
    if ref.searches_words:
        raise UserError(
            f"{ref.slug} searches words; what is published is a model's vectors: publish one without +hybrid "
            "(applications can search the words of the same index, see docs/hybrid.md)"
        )
    if steps := ref.variation.steps:
        name = "".join(f"+{step.name}" for step in steps)
        raise UserError(
            f"{ref.slug} is post-processed with statistics of the task's documents, which an application that asks the "
            f"alias does not have: publish {ref.slug.replace(name, '')} (see docs/postprocessing.md)"
        )


def verify(
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    server: Server,
    *,
    wanted: float = WANTED_RECALL,
    watch: Watch = unwatched,
) -> Verified:
    """Check that an index is whole and finds what exact search finds.

    Raises:
        UserError: it is missing, not whole, or finds too few of the exact neighbours.
    """
    encode(task, ref, workspace, watch)
    embeddings = open_embeddings(task, ref, workspace)
    settings = workspace.settings.index
    vectors = unit_vectors(embeddings.documents)
    n_documents = len(Source(task.documents, vectors).rows)
    spec = index_spec(task, ref, embeddings, settings, server, n_documents=n_documents)
    _check_whole(server, spec)
    queries = sample_queries(unit_vectors(embeddings.queries))
    if not len(queries):
        raise UserError(f"task {task.name}: no query has a vector, so the index cannot be checked")
    index = attach(server, spec.name, task, vectors, settings, margin=0)
    watch("check", 0, 1)
    recalls = neighbour_recall(index, exact_index(task, embeddings), queries, (RECALL_K,))
    watch("check", 1, 1)
    recall = float(recalls.mean())
    if recall < wanted:
        raise UserError(
            f"{spec.name} was not published: it finds {recall:.4f} of the {RECALL_K} exact nearest documents "
            f"({len(queries)} queries), {wanted:g} is wanted. Raise --num-candidates or --oversample, build with a "
            "larger --m or another --index-type, or lower --recall"
        )
    note = {
        "encoding": encoding_of(ref, workspace),
        "record": {
            "num_candidates": settings.num_candidates,
            "oversample": oversample_of(settings),
            f"recall_at_{RECALL_K}": round(recall, 6),
            "queries": len(queries),
        },
    }
    return Verified(spec.name, spec.documents, recall, len(queries), index.exercised(RECALL_K), note)


def roll_back_alias(workspace: Workspace, alias: str) -> tuple[str, str]:
    """Let an alias point to the index before; returns (index now, index until now)."""
    return roll_back(open_server(workspace), alias)


def sample_queries(queries: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A seeded part of the queries that have a vector, in their order."""
    directed = np.flatnonzero(np.asarray(queries).any(axis=1))
    rng = np.random.default_rng(SEED)
    chosen = np.sort(rng.choice(directed, size=min(SAMPLE, len(directed)), replace=False))
    return np.asarray(queries[chosen])


def _check_whole(server: Server, spec: IndexSpec) -> None:
    state = index_state(server, spec)
    if state != COMPLETE:
        others = [
            f"{f.name} ({f.manifest.get('type')}, m {f.manifest.get('m')}, {f.manifest.get('state')})"
            for f in list_indices(server)
            if f.manifest.get("task") == spec.task and f.manifest.get("model") == spec.model
        ]
        has = f" Of this task and model there are: {'; '.join(others)}." if others else ""
        raise UserError(
            f"{server.url}: the index {spec.name} is {'still loading' if state else 'missing'}.{has} Run first: "
            f"xlembed run --index elasticsearch --index-type {spec.type} -m {spec.model} -t {spec.task} --out es, "
            "or publish with the settings it was built with"
        )
    held = count(server, spec.name)
    if held != spec.documents:
        raise UserError(
            f"{server.url}: {spec.name} holds {held:,} documents instead of {spec.documents:,}; something else "
            "wrote to it or deleted from it. Delete it and build it again"
        )


def encoding_of(ref: ModelRef, workspace: Workspace) -> dict[str, Any]:
    """All that another machine needs to encode a query for these vectors; no path of this one."""
    settings = workspace.settings.encode
    encoding = open_encoding(ref, workspace)
    card = ref.card.model_dump(mode="json", exclude_defaults=True, exclude=set(UNNOTED))
    return {
        "model": ref.slug,
        "card": card,
        "variation": {
            "dim": ref.variation.dim,
            "max_tokens": ref.variation.max_tokens,
            "dtype": str(ref.variation.dtype) if ref.variation.dtype else None,
        },
        "query_prompt": with_folder_prompts(ref.card, encoding.folder).prompt(
            Role.QUERY, settings.instruction
        ),
        "instruction": settings.instruction,
        "storage_dtype": settings.storage_dtype,
        "base_fingerprint": encoding.base.digest,
        "ingredients": encoding.base.description,
    }


# Asking what is published


@dataclass(frozen=True)
class Answer:
    """What a search of an alias found.

    Attributes:
        index: that was searched.
        model: that encoded the query.
        hits: best first, see `index.elastic.serving.nearest`.
        request: the body of the search, for other clients.
    """

    index: str
    model: str
    hits: list[dict[str, Any]]
    request: dict[str, Any]


def search_alias(
    alias: str,
    text: str,
    workspace: Workspace,
    *,
    k: int,
    lang: Lang | None = None,
    model: str | None = None,
) -> Answer:
    """Encode a text with the very model of a published index, and search that index.

    Args:
        alias: name of the alias.
        text: the query.
        workspace: where models are looked for.
        k: documents wanted.
        lang: only documents of this language.
        model: where the model's files are, if they cannot be found by the manifest.

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
    ref, encoder = open_recorded_model(encoding, str(manifest["fingerprint"]), workspace, model)
    vector = derive(np.asarray(encoder.encode_batch([text], Role.QUERY)), ref.variation.dim)[0]
    if not vector.any():
        raise UserError(f"{ref.slug} knows no word of the text, so it has no vector")
    candidates = int(record.get("num_candidates") or workspace.settings.index.num_candidates)
    oversample = record.get("oversample")
    body = request(vector, k, lang, num_candidates=candidates, oversample=oversample)
    return Answer(index, ref.slug, nearest(server, index, body), body)


def open_recorded_model(
    encoding: Mapping[str, Any], fingerprint: str, workspace: Workspace, model: str | None = None
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
        card = ModelCard.model_validate(encoding["card"])
        asked = encoding["variation"]
        dtype = DType(asked["dtype"]) if asked["dtype"] else None
        variation = Variation(dim=asked["dim"], max_tokens=asked["max_tokens"], dtype=dtype)
        slug, instruction = str(encoding["model"]), str(encoding["instruction"])
    except (pydantic.ValidationError, KeyError, TypeError):
        raise UserError("the index was published by another version of xlembed; publish it again") from None
    tried = []
    for place, look in _places(slug, card, workspace, model):
        try:
            folder = look()
            ref = ModelRef(slug, card, folder, variation)
            base = base_fingerprint(
                ref,
                folder,
                storage_dtype=encoding["storage_dtype"],
                instruction=instruction,
                trust_remote_code=settings.trust_remote_code,
            )
            _check_same(encoding, fingerprint, base, variation)
        except UserError as error:
            tried.append(f"{place}: {error}")
            continue
        encoder = load_encoder(
            ref,
            device=settings.device,
            trust_remote_code=settings.trust_remote_code,
            instruction=instruction,
            folder=folder,
        )
        return ref, encoder
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
        return [(f"-m {model}", lambda: locate(workspace.open_model(model), trust))]
    name = slug.partition("+")[0]
    places = [(f"{name} on this machine", lambda: locate(workspace.open_model(name), trust))]
    if card.hub_id:
        places.append((f"Hub {card.hub_id}", lambda: locate(ModelRef(slug, card, None), trust)))
    if registered := re.fullmatch(r"(.+)-v(\d+)", name):
        uri = f"models:/{registered[1]}/{registered[2]}"
        places.append((uri, lambda: locate(workspace.open_model(uri), trust)))
    return places


def _check_same(
    encoding: Mapping[str, Any], fingerprint: str, base: Fingerprint, variation: Variation
) -> None:
    """Refuse a model that would give other vectors; another release of a library is only worth a warning.

    Raises:
        UserError: names what differs.
    """
    if derived_fingerprint(str(encoding["base_fingerprint"]), variation.dim) != fingerprint:
        raise UserError(
            "the manifest contradicts itself: its fingerprint is not that of its model; publish again"
        )
    if base.digest == encoding["base_fingerprint"]:
        return
    theirs = encoding["ingredients"]
    if Fingerprint(theirs).digest != encoding["base_fingerprint"]:
        raise UserError(
            "the manifest contradicts itself: its fingerprint is not that of its model; publish again"
        )
    differing = [key for key in base.description if base.description[key] != theirs.get(key)]
    if differing == ["libraries"]:
        ours = base.description["libraries"]
        news = ", ".join(
            f"{lib} {v} (index: {theirs['libraries'].get(lib)})"
            for lib, v in ours.items()
            if theirs["libraries"].get(lib) != v
        )
        log.warning("the query is encoded with other library versions than the index was: %s", news)
        return
    hint = (
        "; the index's model ran its own code: --trust-remote-code true" if "remote_code" in differing else ""
    )
    raise UserError(
        f"is not the model of the index ({', '.join(differing)} differ: fingerprint {base.digest[:12]} instead of "
        f"{str(encoding['base_fingerprint'])[:12]}){hint}"
    )
