"""The gate before +int8: what 8 bits change of a model's quality on a sample of the task, and a refusal."""

from __future__ import annotations

from dataclasses import replace

from xlembed.data.sampling import drawn, sample_documents
from xlembed.data.task import Task
from xlembed.embeddings.document_vectors import text_vectors
from xlembed.embeddings.embedded import unit_vectors
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.texts import document_text, query_text
from xlembed.measures import Measure, parse_measures
from xlembed.models.spec import ModelRef
from xlembed.search.exact import ExactIndex
from xlembed.search.ranking import rank_units
from xlembed.search.searcher import VectorSearcher
from xlembed.search.table import units_table
from xlembed.show.text import interval_text, percent, points
from xlembed.stats.clusters import task_clusters
from xlembed.stats.evaluation import loss_rows
from xlembed.stats.score_rows import Estimate
from xlembed.words import DType, Mode, Role, UserError
from xlembed.workspace import Watch, Workspace, unwatched

SEED = 0
QUESTIONS = 500
"""Of the sample, each in all its languages."""
DOCUMENTS = 500
"""Of the sample and a language; judged ones are all kept."""


def check_eight_bits(task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched) -> str:
    """Encode a sample in 8 bits and as the model is otherwise, search both exactly, and compare them pair by pair.

    Its vectors stay in the store, so that nothing is encoded twice.

    Returns:
        What is said of it, a line per mode and pool: the change of the primary measure with its 95 % interval; empty
        for a model that is not computed in 8 bits.

    Raises:
        UserError: the measure falls by more than `encode.int8_margin` in a mode and pool.
    """
    if ref.dtype is not DType.INT8:
        return ""
    if not task.qrels:
        return f"{ref.slug}: {task.name} has no judgements, so what 8 bits change of the quality is not known"
    sample = sample_task(task)
    measures = parse_measures([workspace.settings.compare.primary_measure])
    losses = compare_eight_bits(sample, ref, measures[0], workspace, watch)
    margin = workspace.settings.encode.int8_margin
    of = f"{len({q.need_id for q in sample.queries}):,} questions and {len(sample.documents):,} documents"
    lines = [f"{ref.slug}: {measures[0].name} in 8 bits against {_plain(ref).slug}, on {of} of {task.name}:"]
    lines += [f"  {_said(row, margin)}" for row in losses]
    if lost := [row for row in losses if row.value > margin]:
        where = ", ".join(mode_and_pool(row) for row in lost)
        lines.append(
            f"Refused: more than {percent(margin)} points are lost ({where}). Leave out +int8 (+ov is fast too), or "
            "bear more: --int8-margin, encode.int8_margin in params.yaml."
        )
        raise UserError("\n".join(lines))
    return "\n".join(lines)


def sample_task(task: Task) -> Task:
    """Some questions in all their languages, their documents, and others beside them."""
    judged = {query_id for query_id, grades in task.qrels.items() if any(g > 0 for g in grades.values())}
    needs = sorted({q.need_id for q in task.queries if q.query_id in judged}, key=drawn(SEED))[:QUESTIONS]
    chosen = set(needs)
    queries = tuple(q for q in task.queries if q.need_id in chosen)
    qrels = {q.query_id: task.qrels[q.query_id] for q in queries if q.query_id in task.qrels}
    relevant = {doc_id for grades in qrels.values() for doc_id in grades}
    documents, _ = sample_documents(task.documents, relevant, DOCUMENTS, SEED)
    return replace(task, documents=documents, queries=queries, qrels=qrels)


def compare_eight_bits(
    task: Task, ref: ModelRef, measure: Measure, workspace: Workspace, watch: Watch
) -> list[Estimate]:
    """Macros of what is lost by the model's dtype, per mode and pool; positive is a loss."""
    clusters = task_clusters(task)
    settings = workspace.settings.evaluate
    tables = []
    for of in (_plain(ref), ref):
        encoding = open_encoding(of, workspace)
        documents, queries = (
            unit_vectors(text_vectors(encoding, texts, of, watch, f"check {of.slug}", role))
            for role, texts in (
                (Role.DOCUMENT, [document_text(of.card, d) for d in task.documents]),
                (Role.QUERY, [query_text(of.card, q) for q in task.queries]),
            )
        )
        index = ExactIndex([d.doc_id for d in task.documents], [d.lang for d in task.documents], documents)
        rankings = rank_units(
            task,
            VectorSearcher(index, queries),
            depth=settings.depth,
            modes=settings.modes,
            other_versions=settings.other_versions,
        )
        tables.append(units_table(task, rankings.units, [measure], clusters))
    plain, eight = tables
    rows = loss_rows(plain, eight, [measure], set(plain["cluster"]), settings.resamples)
    return [row for row in rows if row.query_lang is None]


def _plain(ref: ModelRef) -> ModelRef:
    """The same model without +int8; of another dtype only the name keeps it."""
    variation = replace(ref.variation, dtype=None)
    slug = ref.vectors_slug.removesuffix(f"+{DType.INT8}") + variation.search_suffix
    return replace(ref, slug=slug, variation=variation)


def _said(row: Estimate, margin: float) -> str:
    """For example ``monolingual, pool target: -0.4 points [-1.1, +0.3]``; positive is a gain here."""
    ends = None if row.interval is None else (-row.interval[1], -row.interval[0])
    borne = ends is not None and ends[0] >= -margin
    rest = "" if borne else f"; a loss of more than {percent(margin)} points is not excluded"
    return f"{mode_and_pool(row)}: {points(-row.value)} points {interval_text(ends, signed=True)}{rest}"


def mode_and_pool(row: Estimate) -> str:
    """In words; the pool where a mode has two."""
    return f"{row.kind}, pool {row.pool}" if row.kind == Mode.TRUE_CROSS_LINGUAL else row.kind
