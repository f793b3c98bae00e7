"""Stage evaluate: embeddings and index -> runs/TASK/MODEL/, results/TASK/MODEL.json and its details."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.embeddings.export import Embeddings
from xlembed.evaluate.drawn import draw_once
from xlembed.evaluate.figures import runs
from xlembed.evaluate.late_manifest import late_manifest
from xlembed.evaluate.odd_vectors import vector_warnings, zero_vectors
from xlembed.evaluate.searching import OpenSearch, open_search
from xlembed.files import atomic_folder, rounded, write_json
from xlembed.measures import Measure, parse_measures
from xlembed.models.spec import ModelRef
from xlembed.search.base import Rows
from xlembed.search.engine import exact_index
from xlembed.search.kinds import FIRST_PLACE, JUDGED, K
from xlembed.search.language_measures import language_table
from xlembed.search.mixed import MixedRankings
from xlembed.search.ranking import count_searches, language_shares, rank_units
from xlembed.search.run import RAW_RANKING, write_trec
from xlembed.search.table import units_table, write_units
from xlembed.settings import EvaluateSettings
from xlembed.show.notes import postprocessing_note
from xlembed.stages import Stage, unmeasured
from xlembed.stats.clusters import task_clusters
from xlembed.stats.evaluation import SHARE_CUTS, score_run
from xlembed.stats.judged import judged_rows
from xlembed.stats.language_scores import language_rows, left_out, no_preference
from xlembed.stats.score_rows import Estimate, IndexFidelity
from xlembed.stats.scorebook import read_scores
from xlembed.words import Kind, Lang, Mode
from xlembed.workspace import Watch, Workspace, unwatched

FORMAT = 1
"""Version of the files' layout."""
MEASURES_VERSION = 1
"""Version of what a score means; stored with it, so that unlike scores are never compared."""
TREC_DEPTH = 100
HEADLINE = ("accuracy@1", "accuracy@10", "MRR@10", "nDCG@10", "recall@10")
ALWAYS = ("language_bias", "preference", "any_language@1", *FIRST_PLACE, JUDGED)
"""Measures of their own whose macros stand in the headline too."""


def evaluate(
    task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched, stage: Stage = unmeasured
) -> dict[str, Any]:
    """Search, score, draw and write; returns what results/TASK/MODEL.details.json holds, unrounded.

    Its parts are the stages `search`, `ranks`, `metrics`, `intervals`, `files` and `figures`.

    Raises:
        UserError: embeddings are missing or belong to other texts, or there is nothing to evaluate.
    """
    with stage("search"):
        search = open_search(task, ref, workspace)
    return evaluate_search(task, ref, search, workspace, watch, stage=stage)


def evaluate_search(
    task: Task,
    ref: ModelRef,
    search: OpenSearch,
    workspace: Workspace,
    watch: Watch = unwatched,
    tables: Mapping[str, pd.DataFrame] = MappingProxyType({}),
    stage: Stage = unmeasured,
) -> dict[str, Any]:
    """The same of a search that is open; `tables` are written beside the units, by the names of their files."""
    settings = workspace.settings.evaluate
    clusters = task_clusters(task)
    total = count_searches(task, settings.modes, settings.other_versions)
    done = 0

    def count(n: int) -> None:
        nonlocal done
        done += n
        watch("search", done, total)

    has_mixed = len(task.languages) > 1 and settings.modes != (Mode.MONOLINGUAL,)
    mixed = MixedRankings(task, settings.depth, K) if has_mixed else None
    rankings = rank_units(
        task,
        search.searcher,
        depth=settings.depth,
        modes=settings.modes,
        other_versions=settings.other_versions,
        keep_top=settings.depth
        if task.separate_questions
        else min(settings.depth, max(TREC_DEPTH, settings.language_k)),
        mixed=mixed,
        progress=count,
        stage=stage,
    )
    measures = parse_measures(measures_of(settings, search.searcher.exact))
    with stage("metrics"):
        units = units_table(task, rankings.units, measures, clusters)
        queries = None
        if mixed is not None:
            queries = language_table(task, mixed, clusters, settings.other_language_gain)
    unsupported = {lang: label for lang in task.languages if (label := ref.label(lang))}
    watch("bootstrap", 0, 1)
    with stage("intervals"):
        shares = _share_tables(task, rankings.top, clusters, settings)
        rows = score_run(units, shares, measures, set(units["cluster"]), unsupported, settings.resamples)
        if queries is not None:
            rows += language_rows(queries, set(units["cluster"]), unsupported, settings.resamples)
        rows += judged_rows(
            task, rankings.units, rankings.top, measures, clusters, unsupported, settings.resamples
        )
    watch("bootstrap", 1, 1)
    by_language = ref.variation.rescored is not None
    fidelity = _fidelity(task, search, units, measures, clusters, settings, by_language)
    header = _header(task, ref, search, workspace, unsupported)
    content = {
        **header,
        "boundary_ties": rankings.boundary_ties,
        "zero_vectors": zero_vectors(search.embeddings),
        "corpus_shares": _corpus_shares(task),
        "empty_queries": _empty_queries(task, rankings.top, settings.modes),
        **_preference_facts(queries),
        "queries_without_relevant": sorted({q.query_id for q in task.queries} - set(units["query_id"])),
        "notes": list(task.notes),
        "merged_documents": [{"document": m.doc_id, "kept": m.kept} for m in task.merged],
        "scores": [row.to_json() for row in rows],
        **({"index_fidelity": fidelity} if fidelity else {}),
    }
    book = read_scores(content)
    place = workspace.run_folder(task.name, ref.slug)
    with stage("files"), atomic_folder(place) as folder:
        write_units(units, folder / "units.parquet")
        if queries is not None:
            write_units(queries, folder / "queries.parquet")
        for name, table in tables.items():
            write_units(table, folder / name)
        write_json(folder / "scores.json", book.to_json())
        if settings.modes != (Mode.MONOLINGUAL,):
            write_trec(_run(task, rankings.top), folder / RAW_RANKING, ref.slug)
        with stage("figures"):
            draw_once(runs, content, folder / "figures", place / "figures", workspace.cache)
    result = {
        **header,
        **headline(rows, measures, task.languages),
        **_fidelity_headline(book.index_fidelity, measures),
    }
    write_json(workspace.details_file(task.name, ref.slug), rounded(result))
    write_json(workspace.result_file(task.name, ref.slug), book.headline())
    return result


def measures_of(settings: EvaluateSettings, exact: bool) -> list[str]:
    """The measures, under their true names: without exact search the full ranking is not known, and MRR is cut."""
    names = [name if exact or name != "MRR" else f"MRR@{settings.depth}" for name in settings.measures]
    return list(dict.fromkeys(names))


def _fidelity(
    task: Task,
    search: OpenSearch,
    units: pd.DataFrame,
    measures: Sequence[Measure],
    clusters: Mapping[str, str],
    settings: EvaluateSettings,
    by_language: bool,
) -> dict[str, Any]:
    """What an index on a server costs; nothing for exact search in memory, which is the standard."""
    if search.reference is None or search.embeddings is None:
        return {}
    from xlembed.evaluate.fidelity import index_fidelity  # the client only when asked for

    return index_fidelity(
        task,
        units,
        search.index,  # type: ignore[arg-type]  # it is on a server, else there were no reference
        exact_index(task, search.embeddings),
        unit_vectors(search.embeddings.queries),
        search.reference,
        measures,
        clusters,
        settings,
        by_language=by_language,
    )


def _fidelity_headline(found: IndexFidelity | None, measures: Sequence[Measure]) -> dict[str, Any]:
    """Macros only."""
    if found is None:
        return {}
    wanted = {m.name for m in measures if m.name in HEADLINE} or {measures[0].name}
    kept = found.model_copy(
        update={
            "exact": tuple(r for r in found.exact if r.measure in wanted),
            "loss": tuple(r for r in found.loss if r.query_lang is None and r.measure in wanted),
            "recall": tuple(r for r in found.recall if r.query_lang is None),
        }
    )
    return {
        "index_fidelity": kept.model_dump(mode="json", exclude_unset=True, exclude={"recall_exercised"}),
    }


def headline(
    rows: Sequence[Estimate], measures: Sequence[Measure], languages: Sequence[Lang]
) -> dict[str, Any]:
    """Macro and per language, nested: `mono.macro.accuracy@1.value`, `true_cross.all.macro...`, `loss_weak...`.

    `macro_cells` lists the cells that each macro is the mean of.
    """
    wanted = [m.name for m in measures if m.name in HEADLINE] or [measures[0].name]
    result: dict[str, Any] = {}
    cells: dict[str, list[str]] = {}
    for row in rows:
        if row.kind == "retrieved_language" or row.measure not in (*wanted, *ALWAYS):
            continue
        if row.kind == Mode.MONOLINGUAL or row.kind == Mode.CROSS_LINGUAL:
            place = ["mono" if row.kind == Mode.MONOLINGUAL else "cross", row.doc_lang or "macro"]
        elif row.query_lang is not None:
            continue  # single pairs stay in scores.json
        elif row.kind == Mode.TRUE_CROSS_LINGUAL:
            place = ["true_cross", str(row.pool), "macro"]
        else:
            place = [row.kind, "macro"]
        if row.cells:
            cells["/".join(place[:-1])] = list(row.cells)
        target = result
        for key in place:
            target = target.setdefault(key, {})
        number = row.to_json()
        keep = ("value", "ci_low", "ci_high", "ci_method", "n_units", "n_needs", "n_clusters", "label")
        target[row.measure] = {k: number[k] for k in keep if k in number}
    return {"scores": result, "macro_cells": cells}


def _header(
    task: Task, ref: ModelRef, search: OpenSearch, workspace: Workspace, unsupported: Mapping[Lang, str]
) -> dict[str, Any]:
    """What was evaluated, with all that results depend on; the same for scores.json and the headline."""
    settings = workspace.settings
    return {
        "format": FORMAT,
        "measures_version": MEASURES_VERSION,
        "task": task.name,
        "task_digest": task.digest,
        "alignment": str(task.alignment),
        "languages": list(task.languages),
        "model": ref.slug,
        "english_only": ref.english_only,
        "labels": dict(unsupported),
        "fingerprint": search.fingerprint,
        "base_fingerprint": search.base_fingerprint,
        "index": search.description,
        "primary_measure": settings.compare.primary_measure,
        "evaluate": settings.evaluate.model_dump(mode="json"),
        "corpus": settings.corpus.model_dump(mode="json"),
        "warnings": [
            *(vector_warnings(search.embeddings) if search.embeddings else search.manifest.get("notes", ())),
            *_oracle(ref),
            *([MACHINE_JUDGED] if task.machine_judged else []),
        ],
        **({"weights": ref.weights} if ref.weights else {}),
        **_postprocessing(search.embeddings),
        **_truncation(task, ref, search, workspace),
    }


MACHINE_JUDGED = "a language model, and no person, said which documents are right"
"""Beside all numbers on such a task."""


def _oracle(ref: ModelRef) -> list[str]:
    if not ref.variation.translated:
        return []
    return [
        "each question is searched with its translations that the task has (an oracle where people made them)"
    ]


def _postprocessing(embeddings: Embeddings | None) -> dict[str, Any]:
    """What was done to the vectors, and in words what that means for the results; nothing for others."""
    described = None if embeddings is None else embeddings.manifest.get("postprocessing")
    if not described:
        return {}
    return {"postprocessing": {**described, "note": postprocessing_note(described)}}


def _truncation(task: Task, ref: ModelRef, search: OpenSearch, workspace: Workspace) -> dict[str, Any]:
    """What of the texts was not read, by the model and by one that ranks anew; nothing where there is no limit."""
    slow = ref.second_stage
    again: Mapping[str, Any] = {}
    if slow and slow.card.kind is Kind.LATE_INTERACTION:
        again = late_manifest(task, slow, workspace)
    elif slow and slow.card.has_vectors:
        again = open_embeddings(task, slow, workspace).manifest
    manifests = {
        "truncation": search.embeddings.manifest if search.embeddings else search.manifest,
        "reranker_truncation": again,
    }
    return {name: of["truncation"] for name, of in manifests.items() if "truncation" in of}


def _share_tables(
    task: Task, top: Rows, clusters: Mapping[str, str], settings: EvaluateSettings
) -> dict[int, pd.DataFrame]:
    """Shares of each language among the first k documents, per query."""
    if settings.modes == (Mode.MONOLINGUAL,):
        return {}
    tables = {}
    for k in sorted({*SHARE_CUTS, settings.language_k}):
        asked = {
            "query_id": [q.query_id for q in task.queries],
            "need_id": [q.need_id for q in task.queries],
            "cluster": [clusters[q.need_id] for q in task.queries],
            "query_lang": [q.lang for q in task.queries],
        }
        shares = pd.DataFrame(language_shares(task, top, k), columns=list(task.languages))
        table = pd.concat([pd.DataFrame(asked), shares], axis=1)
        native = np.array([q.native for q in task.queries])
        judged = np.array(
            [any(g >= 1 for g in task.qrels.get(q.query_id, {}).values()) for q in task.queries]
        )
        tables[k] = table[native & judged].dropna()
    return tables


def _run(task: Task, top: Rows) -> dict[str, list[str]]:
    return {
        query.query_id: [task.documents[row].doc_id for row in rows[:TREC_DEPTH] if row >= 0]
        for query, rows in zip(task.queries, top, strict=True)
    }


def _corpus_shares(task: Task) -> dict[Lang, float]:
    counts = Counter(d.lang for d in task.documents)
    return {lang: round(counts[lang] / len(task.documents), 6) for lang in task.languages}


def _preference_facts(queries: pd.DataFrame | None) -> dict[str, Any]:
    """What `preference` is to be compared with, and whom it leaves out; nothing where there is none."""
    if queries is None or not (expected := no_preference(queries)):
        return {}
    return {
        "no_preference": {lang: round(value, 6) for lang, value in expected.items()},
        "preference_left_out": left_out(queries),
    }


def _empty_queries(task: Task, top: Rows, modes: Sequence[Mode]) -> dict[Lang, int]:
    if tuple(modes) == (Mode.MONOLINGUAL,):
        return {}
    empty = Counter(q.lang for q, rows in zip(task.queries, top, strict=True) if not (rows >= 0).any())
    return {lang: empty[lang] for lang in task.languages}
