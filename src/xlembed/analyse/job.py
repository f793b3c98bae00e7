"""Stage analyse: task + model -> analysis/TASK/MODEL/: geometry, morphology, tokens, sanity of the vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.analyse import sections as analysing
from xlembed.analyse.language_separation import K as K
from xlembed.analyse.language_separation import Separation as Separation
from xlembed.analyse.language_separation import measure_separation as measure_separation
from xlembed.analyse.points import Points, group_of, sample_points, sample_rows
from xlembed.analyse.projection import require_umap
from xlembed.analyse.result import (
    Analysed,
    Analysis,
    Faults,
    Map,
    Sample,
    Sanity,
    Tokenisation,
    read_analysis,
)
from xlembed.analyse.sampling import BalancedSample
from xlembed.analyse.self_retrieval import doubled_prompts, missing_prompts, vector_faults
from xlembed.analyse.tables import write_analysis_report
from xlembed.analyse.word_pairs import WordPairs, load_word_pairs
from xlembed.data.task import Alignment, Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.embeddings.encode import encode_texts
from xlembed.embeddings.encoding import Encoding, open_encoding
from xlembed.embeddings.export import Embeddings
from xlembed.embeddings.postprocessing import derive_more, fit_documents, pair_sets, vectors_fingerprint
from xlembed.embeddings.texts import document_text
from xlembed.evaluate.encode import encode
from xlembed.files import atomic_folder, write_json
from xlembed.models.catalogue import catalogue
from xlembed.models.folder import stored_prompts
from xlembed.models.postprocess import Fitted
from xlembed.models.safety import check_runs_here
from xlembed.models.spec import ModelRef
from xlembed.stats.clusters import task_clusters
from xlembed.stats.layout import Ints
from xlembed.words import Lang, Role, UserError, Vectors
from xlembed.workspace import Watch, Workspace, unwatched

STEPS = ("balanced sample", "separation", "similarity", "words", "tokens", "sanity", "maps")
SELF_QUERIES = 200
"""Documents whose own text is asked."""
_Encode = Callable[[Sequence[str], Sequence[Lang], Role], Vectors]
"""Texts, their languages and role -> unit vectors, float32, shape (n, dim)."""
CONFOUNDED = (
    "Topic confounded: documents of different languages are different texts here, so what looks like separation of "
    "languages may be separation of topics."
)


def analyse(task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched) -> Analysed:
    """Look at a model's vectors of a task; encodes what is missing first.

    Raises:
        UserError: the model cannot be loaded, no language has enough documents, the list of word pairs is wrong, or
            UMAP is asked for and not installed.
    """
    settings = workspace.settings.analyse
    if settings.umap:
        require_umap()
    folder = workspace.analysis_folder(task.name, ref.slug)
    if not ref.card.has_vectors:
        return _write(folder, Analysed(**_header(task, ref)))
    check_runs_here(ref, "analyse, which looks at words, tokens and prompts too,")
    word_pairs = load_word_pairs(Path(settings.word_pairs) if settings.word_pairs else None)
    embeddings, encoding = _vectors(task, ref, workspace, watch)

    def step(name: str) -> None:
        watch("analyse", STEPS.index(name), len(STEPS))

    step("balanced sample")
    documents = unit_vectors(embeddings.documents)
    points, usable = sample_points(task, documents, settings)
    step("separation")
    separation, notes = analysing.separation_section(points, settings)
    step("similarity")
    parallel = task.alignment is Alignment.PARALLEL
    cosines, translations = (
        analysing.cosine_section(points),
        analysing.translation_section(points) if parallel else [],
    )
    clumps, space = analysing.space_section(points, settings.sampling_seed)
    step("words")
    encoder = _encode(encoding, ref, workspace, fit_documents(task, ref, workspace))
    labels = {lang: label for lang in word_pairs if (label := ref.card.label(lang))}
    morphology = analysing.morphology_section(word_pairs, _word_vectors(word_pairs, encoder), labels)
    step("tokens")
    tokenisation = _tokenisation(task, ref, points.sample, encoding)
    step("sanity")
    sanity = _sanity(task, ref, embeddings, documents, usable, encoding, encoder)
    step("maps")
    maps = _maps(task, documents, usable, workspace)
    watch("analyse", len(STEPS), len(STEPS))
    if separation and task.alignment is Alignment.COMPARABLE:
        notes.append(CONFOUNDED)
    if left_out := points.sample.left_out:
        few = ", ".join(f"{lang} ({n})" for lang, n in left_out.items())
        notes.append(f"Left out for fewer than 10 documents with a vector: {few}.")
    return _write(
        folder,
        Analysis(
            **_header(task, ref),
            fingerprint=embeddings.manifest["fingerprint"],
            settings=settings.model_dump(mode="json") | {"word_pairs": Path(settings.word_pairs).name},
            sample=_sample(points),
            separation=separation,
            cosines=cosines,
            translations=translations,
            silhouette_kmeans=clumps,
            isotropy=space,
            morphology=morphology,
            tokenisation=tokenisation,
            sanity=sanity,
            notes=notes,
            maps=maps,
        ),
    )


def compare_analyses(task: Task, refs: Sequence[ModelRef], workspace: Workspace) -> Path:
    """Tables and figures of several models side by side: reports/analysis/TASK/."""
    folder = workspace.out / "reports" / "analysis" / task.name
    reports = [read_analysis(workspace.analysis_folder(task.name, ref.slug)) for ref in refs]
    with atomic_folder(folder) as made:
        write_analysis_report(reports, made)
    return folder


def _header(task: Task, ref: ModelRef) -> dict[str, Any]:
    return {
        "task": task.name,
        "task_digest": task.digest,
        "alignment": str(task.alignment),
        "topic_confounded": task.alignment is Alignment.COMPARABLE,
        "model": ref.slug,
        "labels": {lang: label for lang in task.languages if (label := ref.card.label(lang))},
        "weights": ref.weights or "",
    }


def _vectors(task: Task, ref: ModelRef, workspace: Workspace, watch: Watch) -> tuple[Embeddings, Encoding]:
    """The export, made anew where it is missing or is not of these texts and this model."""
    encoding = open_encoding(ref, workspace)
    wanted = vectors_fingerprint(encoding.base.digest, ref, task, pair_sets(ref, task, workspace))
    try:
        embeddings = open_embeddings(task, ref, workspace)
        fits = embeddings.manifest["fingerprint"] == wanted
    except UserError:
        fits = False
    if not fits:
        encode(task, ref, workspace, watch)
        embeddings = open_embeddings(task, ref, workspace)
    return embeddings, encoding


def _sample(points: Points) -> Sample:
    sample = points.sample
    return Sample(
        languages=list(sample.languages),
        per_language=sample.per_language,
        n_documents=len(sample.rows),
        n_groups=len(set(points.groups)),
        left_out=sample.left_out,
    )


def _encode(encoding: Encoding, ref: ModelRef, workspace: Workspace, fitted: Fitted | None) -> _Encode:
    """Encodes further texts as the task's own are: cut, and post-processed with its documents' statistics."""
    batch_tokens = workspace.settings.encode.batch_tokens

    def encode(texts: Sequence[str], langs: Sequence[Lang], role: Role) -> Vectors:
        encode_texts(encoding.encoder, texts, role, encoding.store, batch_tokens=batch_tokens)
        return derive_more(encoding.store.read(role, texts).load(), langs, ref, fitted)

    return encode


def _word_vectors(
    pairs: Mapping[Lang, WordPairs], encoder: _Encode
) -> dict[tuple[Lang, str], NDArray[np.float64]]:
    """Of each language's words: one word in two languages may have two vectors after post-processing."""
    words = sorted(
        {(lang, w) for lang, of in pairs.items() for pair in (*of.inflected, *of.unrelated) for w in pair}
    )
    found = encoder([word for _, word in words], [lang for lang, _ in words], Role.DOCUMENT)
    return dict(zip(words, found.astype(np.float64), strict=True))


def _tokenisation(task: Task, ref: ModelRef, sample: BalancedSample, encoding: Encoding) -> Tokenisation:
    """Tokens of all queries and of the sampled documents."""
    max_tokens = encoding.encoder().max_tokens
    both = (_query_tokens(task, encoding), _document_tokens(task, ref, sample, encoding))
    return Tokenisation(
        base=analysing.BASE,
        max_tokens=max_tokens,
        premiums=[row for tokens in both for row in analysing.premium_section(tokens)],
        truncation=[row for tokens in both for row in analysing.truncation_section(tokens, max_tokens)],
    )


def _query_tokens(task: Task, encoding: Encoding) -> analysing.Tokens:
    clusters = task_clusters(task)
    needs = tuple(q.need_id for q in task.queries)
    counts = encoding.encoder().token_counts([q.text for q in task.queries], Role.QUERY)
    return analysing.Tokens(
        "queries",
        np.array(counts, dtype=np.int64),
        encoding.encoder().token_counts([""], Role.QUERY)[0],
        tuple(q.lang for q in task.queries),
        needs,
        tuple(clusters[need] for need in needs),
    )


def _document_tokens(
    task: Task, ref: ModelRef, sample: BalancedSample, encoding: Encoding
) -> analysing.Tokens:
    chosen = [task.documents[row] for row in sample.rows.tolist()]
    counts = encoding.encoder().token_counts([document_text(ref.card, d) for d in chosen], Role.DOCUMENT)
    groups = tuple(group_of(d) for d in chosen)
    return analysing.Tokens(
        "documents",
        np.array(counts, dtype=np.int64),
        encoding.encoder().token_counts([""], Role.DOCUMENT)[0],
        tuple(d.lang for d in chosen),
        groups if task.alignment is Alignment.PARALLEL else None,
        groups,
    )


def _sanity(
    task: Task,
    ref: ModelRef,
    embeddings: Embeddings,
    documents: Vectors,
    usable: Ints,
    encoding: Encoding,
    encoder: _Encode,
) -> Sanity:
    """Faults of the vectors, documents that do not find themselves, prompts that are missing."""
    texts = [document_text(ref.card, d) for d in task.documents]
    step = max(1, len(usable) // SELF_QUERIES)
    asked = usable[::step][:SELF_QUERIES]
    langs = [task.documents[row].lang for row in asked.tolist()]
    queries = encoder([texts[row] for row in asked.tolist()], langs, Role.QUERY)
    used = encoding.base.description["prompts"]
    by_role = {str(Role.DOCUMENT): texts, str(Role.QUERY): [q.text for q in task.queries]}
    return Sanity(
        documents=_faults(embeddings.documents, embeddings.doc_ids),
        queries=_faults(embeddings.queries, embeddings.query_ids),
        duplicate_vectors=analysing.duplicate_section(documents, usable, embeddings.doc_ids),
        self_retrieval=analysing.self_section(queries, asked, documents, embeddings.doc_ids),
        prompts=used,
        prompts_missing=missing_prompts(used, _asked_prompts(ref, encoding)),
        prompts_doubled=doubled_prompts(used, by_role),
    )


def _faults(vectors: Vectors, ids: Sequence[str]) -> Faults:
    zero, broken = vector_faults(vectors)
    return Faults(
        n=len(ids),
        zero=len(zero),
        not_finite=len(broken),
        zero_ids=[ids[row] for row in zero[: analysing.EXAMPLES].tolist()],
        not_finite_ids=[ids[row] for row in broken[: analysing.EXAMPLES].tolist()],
    )


def _asked_prompts(ref: ModelRef, encoding: Encoding) -> dict[str, Mapping[str, str]]:
    """Who asks for which prompts: the model's folder, and cards of the catalogue for the same weights."""
    asked: dict[str, Mapping[str, str]] = {"the model's folder": stored_prompts(encoding.folder)}
    for name, card in catalogue().items():
        if name == ref.card.name or (ref.card.hub_id and card.hub_id == ref.card.hub_id):
            instruction = ref.card.instruction
            asked[f"card {name}"] = {str(role): card.prompt(role, instruction) for role in Role}
    return asked


def _maps(task: Task, documents: Vectors, usable: Ints, workspace: Workspace) -> dict[str, Map]:
    """Documents on a plane, by the name of their file: t-SNE, and UMAP of the same ones if it is asked for."""
    settings = workspace.settings.analyse
    most = min(settings.project_per_language, settings.sample_per_language)
    if not most:
        return {}
    sample = sample_rows(task, usable, most, settings.sampling_seed)
    ids = [d.doc_id for d in task.documents]
    vectors, seed = documents[sample.rows], settings.sampling_seed
    found = {"projection": analysing.tsne_map(vectors, sample, ids, settings.perplexity, seed)}
    if settings.umap:
        found["umap"] = analysing.umap_map(vectors, sample, ids, seed)
    return found


def _write(folder: Path, found: Analysed) -> Analysed:
    with atomic_folder(folder) as made:
        write_json(made / "analysis.json", found.to_json())
        if isinstance(found, Analysis):
            for name, places in found.maps.items():
                write_json(made / f"{name}.json", places.to_json())
        write_analysis_report([found], made)
    return found
