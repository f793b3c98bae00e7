"""One index setting beside exact search: recall, loss, time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from xlembed.data.task import Task
from xlembed.evaluate.fidelity import NOT_EXERCISED, RECALL_CUTS, in_pools, pools_of, recall_table
from xlembed.evaluate.job import HEADLINE
from xlembed.measures import Measure, parse_measures
from xlembed.search.base import VectorIndex
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.elastic.index_type import find_type
from xlembed.search.elastic.latency import summarise, time_searches
from xlembed.search.exact import ExactIndex
from xlembed.search.fidelity import Remembered
from xlembed.search.ranking import Rankings, rank_units
from xlembed.search.searcher import VectorSearcher
from xlembed.search.table import units_table
from xlembed.search.units import ANY_LANGUAGE
from xlembed.settings import EvaluateSettings
from xlembed.stats.evaluation import loss_rows, recall_rows
from xlembed.stats.score_rows import Estimate
from xlembed.stats.tuned import EXACT_SCAN, Tried, lowest_macro, split_clusters, widen_perfect
from xlembed.tune_index.grid import Setting, TuneOptions
from xlembed.tune_index.indices import Made
from xlembed.words import Lang, Mode, Vectors

DEPTH = 10
"""Documents that the retrieval measures look at: what an application shows."""
CLIENTS = (1, 8)


@dataclass(frozen=True)
class Sample:
    """What is asked: a padded corpus with the sampled queries, and their vectors, none of them zero.

    Attributes:
        clusters: need id -> cluster id.
        halves: clusters for choosing, clusters for reporting.
    """

    task: Task
    queries: Vectors
    clusters: Mapping[str, str]
    halves: tuple[frozenset[str], frozenset[str]]


def draw_sample(task: Task, queries: Vectors, clusters: Mapping[str, str], options: TuneOptions) -> Sample:
    """Queries of a padded task, and their clusters in halves."""
    asked, vectors = sample_queries(task, queries, options.queries, options.seed)
    used = {clusters[q.need_id] for q in asked.queries}
    return Sample(asked, vectors, clusters, split_clusters(used, options.seed))


def sample_queries(task: Task, queries: Vectors, most: int, seed: int) -> tuple[Task, Vectors]:
    """At most so many queries with a direction, in the task's order; `queries`: float32, shape (n_queries, dim)."""
    directed = np.flatnonzero(np.asarray(queries).any(axis=1))
    rows = np.sort(np.random.default_rng(seed).permutation(directed)[:most])
    chosen = tuple(task.queries[row] for row in rows)
    ids = {q.query_id for q in chosen}
    qrels = {query_id: docs for query_id, docs in task.qrels.items() if query_id in ids}
    return replace(task, queries=chosen, qrels=qrels), np.asarray(queries)[rows]


class Bench:
    """Everything that is the same for every setting: exact answers over the padded corpus, units, pools."""

    def __init__(
        self,
        sample: Sample,
        vectors: Vectors,
        settings: EvaluateSettings,
        server: Server,
        options: TuneOptions,
    ) -> None:
        self._sample, self._settings, self._server, self._options = sample, settings, server, options
        documents = sample.task.documents
        self.exact = Remembered(
            ExactIndex([d.doc_id for d in documents], [d.lang for d in documents], vectors)
        )
        self.measures = _measures(settings)
        self.depth = max(DEPTH, *(m.cutoff or 0 for m in self.measures))
        """Documents per ranking that the measures look at."""
        rankings = self._rank(self.exact)
        self._exact_units = units_table(sample.task, rankings.units, self.measures, sample.clusters)
        self._ignored = max((len(r.unit.ignored) for r in rankings.units), default=0)
        self.pools = pools_of(rankings, sample.task, settings)

    def _rank(self, index: VectorIndex) -> Rankings:
        return rank_units(
            self._sample.task,
            VectorSearcher(index, self._sample.queries),
            depth=self.depth,
            modes=self._settings.modes,
            other_versions=self._settings.other_versions,
            keep_top=1,
        )

    def recall(self, index: ElasticIndex) -> pd.DataFrame:
        """Recall of every search in the pools that went through the index; `kind` is the mode it belongs to."""
        parts = []
        for pool in self.pools:
            if not index.exercised(max(RECALL_CUTS), pool):
                continue
            table = recall_table(
                self._sample.task, index, self.exact, self._sample.queries, self._sample.clusters, pool
            )
            if pool is None:
                table["kind"] = str(Mode.CROSS_LINGUAL)
            else:
                own = table["query_lang"] == pool
                table["kind"] = np.where(own, str(Mode.MONOLINGUAL), str(Mode.TRUE_CROSS_LINGUAL))
                table = table[table["kind"].isin([str(mode) for mode in self._settings.modes])]
            parts.append(table)
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def measure(self, setting: Setting, made: Made, index: ElasticIndex) -> Tried:
        """Quality and time of one setting; numbers that decide are of one half, numbers to report of the other."""
        choosing, reporting = self._sample.halves
        recall = self.recall(index)
        exercised = {pool or ANY_LANGUAGE: index.exercised(max(RECALL_CUTS), pool) for pool in self.pools}
        reported = self._recall_rows(recall, reporting)
        return Tried(
            name=setting.name,
            **asdict(setting.build),
            merged=setting.merged,
            num_candidates=setting.num_candidates,
            oversample=setting.oversample,
            exercised=exercised,
            note=_note(setting.build.type, exercised),
            choosing=_lowest(self._recall_rows(recall, choosing)),
            lowest=_lowest(reported),
            recall=reported,
            loss=self._loss(index, reporting),
            **self._time(index),
            index=made.name,
            **asdict(made.stats),
            memory_bytes=made.memory_bytes,
            build_seconds=None if made.build_seconds is None else round(made.build_seconds, 3),
        )

    def _recall_rows(self, recall: pd.DataFrame, clusters: frozenset[str]) -> list[Estimate]:
        half = recall[recall["cluster"].isin(clusters)] if len(recall) else recall
        if not len(half):
            return []
        rows = recall_rows(half, RECALL_CUTS, clusters, self._settings.resamples)
        return [_rounded(row) for row in widen_perfect(rows, RECALL_CUTS)]

    def _loss(self, index: ElasticIndex, clusters: frozenset[str]) -> list[Estimate]:
        """Only cells whose pool went through the index: a loss of 0 elsewhere would say nothing of it."""
        through = {
            pool or ANY_LANGUAGE
            for pool in self.pools
            if index.exercised(self.depth + (self._ignored if pool is None else 0), pool)
        }
        if not through:
            return []
        rankings = self._rank(index)
        units = units_table(self._sample.task, rankings.units, self.measures, self._sample.clusters)

        def kept(table: pd.DataFrame) -> pd.DataFrame:
            return in_pools(table[table["cluster"].isin(clusters)], through)

        if kept(units).empty:
            return []
        exact, resamples = kept(self._exact_units), self._settings.resamples
        return [_rounded(row) for row in loss_rows(exact, kept(units), self.measures, clusters, resamples)]

    def _time(self, index: ElasticIndex) -> dict[str, Any]:
        task, n = self._sample.task, self._options.timed
        asked = self._sample.queries[:n]

        def timed(langs: list[Lang | None], **how: int) -> tuple[Any, float]:
            return time_searches(self._server, index, asked, self._options.k, langs, searches=n, **how)

        everywhere: list[Lang | None] = [None] * len(asked)
        single, total = timed(everywhere)
        throughput = {str(CLIENTS[0]): round(n / total, 2)}
        for clients in CLIENTS[1:]:
            _, total = timed(everywhere, clients=clients, warm_up=clients)
            throughput[str(clients)] = round(n / total, 2)
        filtered = None
        if len(task.languages) > 1:
            filtered = summarise(timed([q.lang for q in task.queries[: len(asked)]])[0])
        return {
            "latency_ms": summarise(single),
            "latency_ms_filtered": filtered,
            "throughput": throughput,
        }


def _measures(settings: EvaluateSettings) -> tuple[Measure, ...]:
    """Those of the headline that look no deeper than an application does."""
    wanted = [m for m in parse_measures(settings.measures) if m.name in HEADLINE]
    return tuple(wanted) or parse_measures(HEADLINE)


def _note(type: str, exercised: Mapping[Lang, bool]) -> str:
    """Why there is no recall, or where there is none."""
    if not find_type(type).graph:
        return EXACT_SCAN
    scanned = [lang for lang, yes in exercised.items() if not yes]
    if len(scanned) == len(exercised):
        return NOT_EXERCISED
    return f"{NOT_EXERCISED} in {', '.join(scanned)}" if scanned else ""


def _lowest(rows: Sequence[Estimate]) -> dict[str, Estimate]:
    found = {f"recall@{cut}": lowest_macro(rows, f"recall@{cut}") for cut in RECALL_CUTS}
    return {name: row for name, row in found.items() if row is not None}


def _rounded(row: Estimate) -> Estimate:
    """As it is written."""
    return Estimate.model_validate(row.to_json())
