"""Stage analyse: task + model -> analysis/TASK/MODEL/: geometry, morphology, tokens, sanity of the vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xlembed.analyse.morphology import load_word_pairs, morphology_section
from xlembed.analyse.points import BalancedSample, group_of, sample_points
from xlembed.analyse.projection import map_section, require_umap
from xlembed.analyse.result import Analysed, Analysis, Sample, Tokenisation, read_analysis
from xlembed.analyse.sanity import sanity_section
from xlembed.analyse.separation import K as K
from xlembed.analyse.separation import Separation as Separation
from xlembed.analyse.separation import measure_separation as measure_separation
from xlembed.analyse.separation import separation_section, space_section
from xlembed.analyse.similarity import cosine_section, translation_section
from xlembed.analyse.tables import write_analysis_report
from xlembed.analyse.tokenisation import BASE, Tokens, premium_section, truncation_section
from xlembed.data.task import Alignment, Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.embeddings.encode import encode_texts
from xlembed.embeddings.encoding import Encoding, open_encoding
from xlembed.embeddings.export import Embeddings
from xlembed.embeddings.postprocessing import derive_more, fit_documents, pair_sets, vectors_fingerprint
from xlembed.embeddings.texts import document_text
from xlembed.evaluate.encode import encode
from xlembed.files import atomic_folder, write_json
from xlembed.models.safety import check_runs_here
from xlembed.models.spec import ModelRef
from xlembed.stats.clusters import task_clusters
from xlembed.words import Lang, Role, UserError, Vectors
from xlembed.workspace import Watch, Workspace, unwatched

STEPS = ("balanced sample", "separation", "similarity", "words", "tokens", "sanity", "maps")
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
    sample = points.sample
    step("separation")
    separation, notes = separation_section(points, settings)
    step("similarity")
    cosines = cosine_section(points)
    translations = translation_section(points) if task.alignment is Alignment.PARALLEL else []
    clumps, space = space_section(points, settings.sampling_seed)
    step("words")
    encoder = _encoder(encoding, task, ref, workspace)
    labels = {lang: label for lang in word_pairs if (label := ref.card.label(lang))}
    morphology = morphology_section(word_pairs, partial(encoder, Role.DOCUMENT), labels)
    step("tokens")
    tokenisation = _tokenisation(task, ref, sample, encoding)
    step("sanity")
    ask = partial(encoder, Role.QUERY)
    sanity = sanity_section(task, ref, embeddings, documents, usable, encoding, ask)
    step("maps")
    maps = map_section(task, documents, usable, settings)
    watch("analyse", len(STEPS), len(STEPS))
    if separation and task.alignment is Alignment.COMPARABLE:
        notes.append(CONFOUNDED)
    if sample.left_out:
        few = ", ".join(f"{lang} ({n})" for lang, n in sample.left_out.items())
        notes.append(f"Left out for fewer than 10 documents with a vector: {few}.")
    found = Analysis(
        **_header(task, ref),
        fingerprint=embeddings.manifest["fingerprint"],
        settings=settings.model_dump(mode="json") | {"word_pairs": Path(settings.word_pairs).name},
        sample=Sample(
            languages=list(sample.languages),
            per_language=sample.per_language,
            n_documents=len(sample.rows),
            n_groups=len(set(points.groups)),
            left_out=sample.left_out,
        ),
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
    )
    return _write(folder, found)


def compare_analyses(task: Task, refs: Sequence[ModelRef], workspace: Workspace) -> Path:
    """Tables and figures of several models side by side: reports/analysis/TASK/."""
    folder = workspace.reports("analysis", task.name)
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


def _encoder(
    encoding: Encoding, task: Task, ref: ModelRef, workspace: Workspace
) -> Callable[[Role, Sequence[str], Sequence[Lang]], Vectors]:
    """Encodes further texts as the task's own are: cut, and post-processed with its documents' statistics."""
    fitted = fit_documents(task, ref, workspace)

    def encode(role: Role, texts: Sequence[str], langs: Sequence[Lang]) -> Vectors:
        with encoding.crew as crew:
            encode_texts(crew, texts, role, encoding.store)
        return derive_more(encoding.store.read(role, texts).load(), langs, ref, fitted)

    return encode


def _tokenisation(task: Task, ref: ModelRef, sample: BalancedSample, encoding: Encoding) -> Tokenisation:
    """Tokens of all queries and of the sampled documents."""
    encoder, cluster_of = encoding.encoder(), task_clusters(task)
    documents = [task.documents[row] for row in sample.rows.tolist()]
    needs = tuple(q.need_id for q in task.queries)
    groups = tuple(map(group_of, documents))

    def counted(kind: str, role: Role, texts: list[str], *of: Any) -> Tokens:
        counts = np.array(encoder.token_counts(texts, role), dtype=np.int64)
        return Tokens(kind, counts, encoder.token_counts([""], role)[0], *of)

    asked = (tuple(q.lang for q in task.queries), needs, tuple(cluster_of[need] for need in needs))
    keys = groups if task.alignment is Alignment.PARALLEL else None
    read = (tuple(d.lang for d in documents), keys, groups)
    both = (
        counted("queries", Role.QUERY, [q.text for q in task.queries], *asked),
        counted("documents", Role.DOCUMENT, [document_text(ref.card, d) for d in documents], *read),
    )
    return Tokenisation(
        base=BASE,
        max_tokens=encoder.max_tokens,
        premiums=[row for tokens in both for row in premium_section(tokens)],
        truncation=[row for tokens in both for row in truncation_section(tokens, encoder.max_tokens)],
    )


def _write(folder: Path, found: Analysed) -> Analysed:
    with atomic_folder(folder) as made:
        write_json(made / "analysis.json", found.to_json())
        if isinstance(found, Analysis):
            for name, places in found.maps.items():
                write_json(made / f"{name}.json", places.to_json())
        write_analysis_report([found], made)
    return found
