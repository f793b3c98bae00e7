"""Quality, bytes and search time of one model whose vectors are cut to fewer dimensions."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xlembed.data.task import Task
from xlembed.embeddings.embedded import open_embeddings, unit_vectors
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.models.spec import ModelRef
from xlembed.search.engine import exact_index
from xlembed.search.exact import ExactIndex
from xlembed.words import Vectors
from xlembed.workspace import Watch, Workspace, unwatched

K = 10
ROUNDS = 7
QUERIES = 100
"""Queries of one round of timing; the first of the task."""


def measure_dimensions(
    task: Task, refs: Mapping[int, ModelRef], workspace: Workspace, watch: Watch = unwatched
) -> list[dict[str, Any]]:
    """Evaluate and time the same model at several dimensions.

    Returns:
        One row per dimension, the largest first: `dim`, `model`, `bytes` (of one stored vector), `ms` (`median`, `low`,
        `high` per query), `run` (folder of its evaluation).
    """
    dims = sorted(refs, reverse=True)
    opened: dict[int, tuple[ExactIndex, Vectors]] = {}
    sizes = {}
    for dim in dims:
        encode(task, refs[dim], workspace, watch)
        index(task, refs[dim], workspace, watch)
        evaluate(task, refs[dim], workspace, watch)
        embeddings = open_embeddings(task, refs[dim], workspace)
        sizes[dim] = int(embeddings.documents.dtype.itemsize * embeddings.documents.shape[1])
        # In memory, since a memory map would add the time of reading the disk.
        documents = replace(embeddings, documents=np.array(embeddings.documents))
        opened[dim] = exact_index(task, documents), np.array(unit_vectors(embeddings.queries[:QUERIES]))
    times = search_times(opened, watch=watch)
    return [
        {
            "dim": dim,
            "model": refs[dim].slug,
            "bytes": sizes[dim],
            "ms": times[dim],
            "run": workspace.run_folder(task.name, refs[dim].slug),
        }
        for dim in dims
    ]


def search_times(
    opened: Mapping[int, tuple[ExactIndex, Vectors]], rounds: int = ROUNDS, watch: Watch = unwatched
) -> dict[int, dict[str, float]]:
    """Milliseconds of one search at each dimension: `median`, `low` and `high` over the rounds.

    Queries are asked one at a time, as an application would. Dimensions take turns within a round, so that a machine
    that is busy for a while is unfair to none of them; a first round warms up and is not counted.
    """
    found: dict[int, list[float]] = {dim: [] for dim in opened}
    for number in range(rounds + 1):
        for dim, (documents, queries) in opened.items():
            spent = _round(documents, queries)
            if number:
                found[dim].append(1000 * spent / len(queries))
        watch("time searches", number, rounds)
    return {
        dim: {
            "median": round(statistics.median(ms), 6),
            "low": round(min(ms), 6),
            "high": round(max(ms), 6),
        }
        for dim, ms in found.items()
    }


def timing_words(task: Task, queries: Sequence[Any]) -> dict[str, Any]:
    """Under which conditions `search_times` measured."""
    return {
        "documents": len(task.documents),
        "queries": min(len(queries), QUERIES),
        "repeats": ROUNDS,
        "k": K,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _round(documents: ExactIndex, queries: Vectors) -> float:
    start = time.perf_counter()
    for i in range(len(queries)):
        documents.search(queries[i : i + 1], K)
    return time.perf_counter() - start
