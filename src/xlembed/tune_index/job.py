"""Stage tune-index: what each index setting costs in quality, time and memory, and which one to take."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.evaluate.encode import encode
from xlembed.evaluate.fidelity import RECALL_CUTS
from xlembed.files import atomic_folder, write_json
from xlembed.models.kinds import check_vectors
from xlembed.models.spec import ModelRef
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.elastic.index_type import find_type
from xlembed.search.elastic.padding import NO_LANGUAGE, Padded
from xlembed.search.elastic.tasks import attach, open_server
from xlembed.settings import IndexSettings
from xlembed.show.figures.registry import write_figures
from xlembed.stats.clusters import task_clusters
from xlembed.stats.tuned import Corpus, Halves, Spread, Tried, Tuning, TwoGraphs, choose, split_clusters
from xlembed.tune_index import figures as tuning
from xlembed.tune_index.distractors import pad_corpus
from xlembed.tune_index.grid import Build, Grid, Setting
from xlembed.tune_index.indices import Made, TuningIndices
from xlembed.tune_index.measures import Bench, Sample, sample_queries
from xlembed.words import Lang, UserError
from xlembed.workspace import Watch, Workspace, unwatched

COSTS = ("latency", "memory")

Record = Callable[[Setting], AbstractContextManager[Callable[[Tried], None]]]
"""Opened around the work on a setting; what it gives is told the result."""


def unrecorded(setting: Setting) -> AbstractContextManager[Callable[[Tried], None]]:
    """For callers that keep no runs."""
    return nullcontext(lambda tried: None)


@dataclass(frozen=True)
class TuneOptions:
    """What is tried, and what counts as good.

    Attributes:
        grid: the settings.
        pad_to: vectors that the indices shall hold at least.
        pad_texts: file of texts for distractors; None interpolates.
        pad_lang: language of texts that do not say.
        recall: wanted, at the lower end of its interval.
        k: documents that an application asks for: recall@k decides, searches for k are timed.
        cheapest_by: `latency` (95th percentile of single searches) or `memory`; the other breaks ties.
        queries: most queries that are asked, a seeded sample.
        timed: searches that are timed.
        seed: of the distractors, the sample and the halves.
        keep: leave the indices on the server.
    """

    grid: Grid
    pad_to: int = 50_000
    pad_texts: Path | None = None
    pad_lang: Lang = NO_LANGUAGE
    recall: float = 0.99
    k: int = 10
    cheapest_by: str = "latency"
    queries: int = 300
    timed: int = 200
    seed: int = 42
    keep: bool = False

    def __post_init__(self) -> None:
        if self.k not in RECALL_CUTS:
            raise UserError(f"--k: expected one of {', '.join(map(str, RECALL_CUTS))}, found {self.k}")
        if not 0 < self.recall <= 1:
            raise UserError(f"--recall: expected a share above 0, at most 1, found {self.recall}")
        if self.cheapest_by not in COSTS:
            raise UserError(f"--cheapest-by: expected {' or '.join(COSTS)}, found {self.cheapest_by!r}")
        if min(self.queries, self.timed) < 1 or self.pad_to < 0:
            raise UserError("--queries, --timed: expected at least 1; --pad-to: at least 0")

    def params(self) -> dict[str, str]:
        """For the run; files by name only."""
        told: dict[str, Any] = {key: ",".join(map(str, value)) for key, value in vars(self.grid).items()}
        told |= {key: value for key, value in vars(self).items() if key not in ("grid", "keep")}
        told["pad_texts"] = self.pad_texts.name if self.pad_texts else ""
        return {f"tune_index.{key}": str(value) for key, value in told.items()}


def tune_folder(workspace: Workspace, task: str, model: str) -> Path:
    """Where the results go."""
    return workspace.out / "reports" / "tune-index" / task / model


def tune_index(
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    options: TuneOptions,
    *,
    record: Record = unrecorded,
    run_id: str | None = None,
    watch: Watch = unwatched,
) -> Tuning:
    """Build, measure, choose and write.

    Indices that an interrupted call left complete are used again. They are deleted at the end, unless they are to
    be kept.

    Raises:
        UserError: no server, too little room, or a setting that the server refuses.
    """
    check_vectors(ref)
    server = open_server(workspace)
    encode(task, ref, workspace, watch)
    embeddings = open_embeddings(task, ref, workspace)
    padded = pad_corpus(
        task,
        ref,
        embeddings,
        unit_vectors(embeddings.documents),
        workspace,
        wanted=options.pad_to,
        texts=options.pad_texts,
        lang=options.pad_lang,
        seed=options.seed,
        watch=watch,
    )
    settings = workspace.settings
    asked, queries = sample_queries(
        padded.task, unit_vectors(embeddings.queries), options.queries, options.seed
    )
    clusters = task_clusters(task)
    used = {clusters[q.need_id] for q in asked.queries}
    sample = Sample(asked, queries, clusters, split_clusters(used, options.seed))
    watch("exact search", 0, 1)
    bench = Bench(sample, padded.vectors, settings.evaluate, server, k=options.k, timed=options.timed)
    watch("exact search", 1, 1)
    indices = TuningIndices(
        task,
        ref,
        embeddings,
        padded,
        settings.index,
        server,
        workspace.cache / "padded" / f"{padded.key}.builds.json",
        run_id,
        watch,
    )
    work = _Work(options, settings.index, server, padded, bench, indices, watch)
    work.measure_all(record)
    result = Tuning(
        task=task.name,
        task_digest=task.digest,
        model=ref.slug,
        fingerprint=str(embeddings.manifest["fingerprint"]),
        server=server.number,
        dims=int(padded.vectors.shape[1]),
        corpus=Corpus(len(task.documents), padded.n_texts, padded.n_synthetic),
        queries=len(asked.queries),
        clusters=Halves(*map(len, sample.halves)),
        seed=options.seed,
        k=options.k,
        wanted_recall=options.recall,
        cheapest_by=options.cheapest_by,
        depth=bench.depth,
        primary_measure=settings.compare.primary_measure,
        ef_construction=settings.index.ef_construction,
        shards=settings.index.shards,
        modes=[str(mode) for mode in settings.evaluate.modes],
        skipped=work.skipped,
        settings=work.tried,
        spread=work.spread,
        choice=choose(work.tried, k=options.k, recall=options.recall, cheapest_by=options.cheapest_by),
    )
    with atomic_folder(tune_folder(workspace, task.name, ref.slug)) as folder:
        write_json(folder / "tune.json", result.to_json())
        table = pd.DataFrame([one.columns() for one in work.tried])
        table.to_csv(folder / "table.csv", index=False)
        write_figures(tuning, folder / "figures", result)
    if not options.keep:
        indices.clean_up()
    return result


@dataclass
class _Work:
    """The pass over the grid, and what it found."""

    options: TuneOptions
    base: IndexSettings
    server: Server
    padded: Padded
    bench: Bench
    indices: TuningIndices
    watch: Watch
    tried: list[Tried] = field(default_factory=list)
    spread: list[Spread] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def measure_all(self, record: Record) -> None:
        """Every setting of the grid, index by index; then hnsw once more, to see how far two graphs differ."""
        grid = self.options.grid
        self.skipped = {b.name: why for b in grid.builds() if (why := self.indices.fits(b))}
        builds = [b for b in grid.builds() if b.name not in self.skipped]
        total = sum(len(grid.settings_of(b, merged)) for b in builds for merged in grid.merged)
        for wanted in builds:
            for merged, made in self.indices.make(wanted, grid.merged):
                for setting in grid.settings_of(wanted, merged):
                    self.watch("settings", len(self.tried), total)
                    with record(setting) as tell:
                        tried = self.bench.measure(setting, made, self._open(setting, made))
                        tell(tried)
                    self.tried.append(tried)
        self.watch("settings", total, total)
        if not self.tried:
            raise UserError("; ".join(self.skipped.values()))
        for wanted in builds:
            kind = find_type(wanted.type)
            if kind.graph and kind.quantised_bytes is None:
                self._rebuild(wanted)

    def _rebuild(self, wanted: Build) -> None:
        """The same index from the same vectors: how threads took turns decides on the graph."""
        merged = self.options.grid.merged[0]
        first = next(made for m, made in self.indices.make(wanted, (merged,)) if m is merged)
        second = next(made for m, made in self.indices.make(wanted, (merged,), copy="b") if m is merged)
        for setting in self.options.grid.settings_of(wanted, merged):
            a, b = (self.bench.recall(self._open(setting, made)) for made in (first, second))
            if not len(a):
                continue
            both = {f"recall@{cut}": _compare(a[f"recall@{cut}"], b[f"recall@{cut}"]) for cut in RECALL_CUTS}
            self.spread.append(Spread(setting.name, len(a), both))

    def _open(self, setting: Setting, made: Made) -> ElasticIndex:
        return attach(
            self.server,
            made.name,
            self.padded.task,
            self.padded.vectors,
            setting.settings(self.base),
            margin=0,
        )


def _compare(one: pd.Series, other: pd.Series) -> TwoGraphs:
    a, b = one.to_numpy(), other.to_numpy()
    numbers = (a.mean(), b.mean(), abs(a.mean() - b.mean()), (np.abs(a - b) > 1e-9).mean())
    return TwoGraphs(*(round(float(number), 6) for number in numbers))
