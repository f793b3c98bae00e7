"""Stage tune-index: what each index setting costs in quality, time and memory, and which one to take."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pandas as pd

from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.evaluate.encode import encode
from xlembed.evaluate.fidelity import RECALL_CUTS
from xlembed.files import atomic_folder, write_json
from xlembed.models.safety import check_vectors
from xlembed.models.spec import ModelRef
from xlembed.search.elastic.index_type import find_type
from xlembed.search.elastic.tasks import open_server
from xlembed.show.figures.registry import write_figures
from xlembed.stats.clusters import task_clusters
from xlembed.stats.tuned import Corpus, Halves, Spread, Tried, Tuning, TwoGraphs, choose
from xlembed.tune_index import figures as tuning
from xlembed.tune_index.grid import Grid, Setting
from xlembed.tune_index.grid import TuneOptions as TuneOptions
from xlembed.tune_index.indices import TuningIndices, pad_corpus
from xlembed.tune_index.measures import Bench, draw_sample
from xlembed.words import UserError
from xlembed.workspace import Watch, Workspace, unwatched

Record = Callable[[Setting], AbstractContextManager[Callable[[Tried], None]]]
"""Opened around the work on a setting; what it gives is told the result."""


def unrecorded(setting: Setting) -> AbstractContextManager[Callable[[Tried], None]]:
    """For callers that keep no runs."""
    return nullcontext(lambda tried: None)


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
    server, settings = open_server(workspace), workspace.settings
    encode(task, ref, workspace, watch)
    embeddings = open_embeddings(task, ref, workspace)
    padded = pad_corpus(task, ref, embeddings, workspace, options, watch)
    sample = draw_sample(padded.task, unit_vectors(embeddings.queries), task_clusters(task), options)
    watch("exact search", 0, 1)
    bench = Bench(sample, padded.vectors, settings.evaluate, server, options)
    watch("exact search", 1, 1)
    times = workspace.cache / "padded" / f"{padded.key}.builds.json"
    indices = TuningIndices(task, ref, embeddings, padded, settings.index, server, times, run_id, watch)
    tried, skipped = _measured(options.grid, indices, bench, record)
    spread = _spread(options.grid, indices, bench, skipped)
    result = Tuning(
        task=task.name,
        task_digest=task.digest,
        model=ref.slug,
        fingerprint=str(embeddings.manifest["fingerprint"]),
        server=server.number,
        dims=int(padded.vectors.shape[1]),
        corpus=Corpus(len(task.documents), padded.n_texts, padded.n_synthetic),
        queries=len(sample.task.queries),
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
        skipped=skipped,
        settings=tried,
        spread=spread,
        choice=choose(tried, k=options.k, recall=options.recall, cheapest_by=options.cheapest_by),
    )
    with atomic_folder(workspace.reports("tune-index", task.name, ref.slug)) as folder:
        write_json(folder / "tune.json", result.to_json())
        pd.DataFrame([one.columns() for one in tried]).to_csv(folder / "table.csv", index=False)
        write_figures(tuning, folder / "figures", result)
    if not options.keep:
        indices.clean_up()
    return result


def _measured(
    grid: Grid, indices: TuningIndices, bench: Bench, record: Record
) -> tuple[list[Tried], dict[str, str]]:
    """Every setting of the grid, index by index; and builds that these vectors do not fit, with the reason."""
    skipped = {b.name: why for b in grid.builds() if (why := indices.fits(b))}
    total = sum(setting.build.name not in skipped for setting in grid.settings())
    tried: list[Tried] = []
    for wanted in (b for b in grid.builds() if b.name not in skipped):
        for merged, made in indices.make(wanted, grid.merged):
            for setting in grid.settings_of(wanted, merged):
                indices.watch("settings", len(tried), total)
                with record(setting) as tell:
                    found = bench.measure(setting, made, indices.open(setting, made))
                    tell(found)
                tried.append(found)
    indices.watch("settings", total, total)
    if not tried:
        raise UserError("; ".join(skipped.values()))
    return tried, skipped


def _spread(grid: Grid, indices: TuningIndices, bench: Bench, skipped: Collection[str]) -> list[Spread]:
    """Hnsw once more from the same vectors, to see how far two graphs differ: how threads took turns decides on one."""
    merged, spread = grid.merged[0], []
    for wanted in (b for b in grid.builds() if b.name not in skipped):
        kind = find_type(wanted.type)
        if not kind.graph or kind.quantised_bytes is not None:
            continue
        both = [next(indices.make(wanted, (merged,), copy))[1] for copy in "ab"]
        for setting in grid.settings_of(wanted, merged):
            a, b = (bench.recall(indices.open(setting, made)) for made in both)
            if len(a):
                cuts = [f"recall@{cut}" for cut in RECALL_CUTS]
                spread.append(Spread(setting.name, len(a), {cut: _compare(a[cut], b[cut]) for cut in cuts}))
    return spread


def _compare(one: pd.Series, other: pd.Series) -> TwoGraphs:
    a, b = one.to_numpy(), other.to_numpy()
    numbers = (a.mean(), b.mean(), abs(a.mean() - b.mean()), (np.abs(a - b) > 1e-9).mean())
    return TwoGraphs(*(round(float(number), 6) for number in numbers))
