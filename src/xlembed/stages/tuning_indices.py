"""The indices of tune-index: built once per type and m, merged as clones, deleted at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xlembed.corpus.task import Task
from xlembed.embeddings.export import Embeddings
from xlembed.files import write_json
from xlembed.index.elastic.builder import EXCLUDES_SOURCE_SINCE, build
from xlembed.index.elastic.cloning import IndexStats, delete_index, index_stats, merged_clone, merged_spec
from xlembed.index.elastic.connection import Server
from xlembed.index.elastic.layout import IndexSpec, bytes_needed, check_fits, choose_analyzers
from xlembed.index.elastic.padding import Padded
from xlembed.index.elastic.source import Source
from xlembed.models.spec import ModelRef
from xlembed.settings import IndexSettings
from xlembed.stages.elastic import index_spec
from xlembed.stages.tuning_grid import Build, index_settings
from xlembed.stages.workspace import Watch
from xlembed.types import UserError


@dataclass(frozen=True)
class Made:
    """An index that can be measured.

    Attributes:
        name: on the server.
        stats: what it takes up.
        memory_bytes: needed outside the heap to search it, by Elastic's formulas.
        build_seconds: loading and, if merged, merging; None if an interrupted call did a part of it.
    """

    name: str
    stats: IndexStats
    memory_bytes: int
    build_seconds: float | None


class TuningIndices:
    """Makes the indices of one padded corpus and remembers which ones it made.

    Args:
        task: the corpus without distractors; it names the indices.
        ref: the model.
        embeddings: of the task.
        padded: what is indexed.
        base: settings that the grid does not vary.
        server: where.
        times: file that keeps the seconds of finished builds, so that a call that goes on can tell them.
        run_id: MLflow run for the manifests.
        watch: told of the loading.
    """

    def __init__(
        self,
        task: Task,
        ref: ModelRef,
        embeddings: Embeddings,
        padded: Padded,
        base: IndexSettings,
        server: Server,
        times: Path,
        run_id: str | None,
        watch: Watch,
    ) -> None:
        self._task, self._ref, self._embeddings, self._padded = task, ref, embeddings, padded
        self._base, self._server, self._run_id, self._watch = base, server, run_id, watch
        self._times = times
        self._source = Source(padded.task.documents, padded.vectors)
        self._text_bytes = sum(len(d.text.encode()) + len(d.title.encode()) for d in padded.task.documents)
        self._specs: dict[str, IndexSpec] = {}

    def fits(self, wanted: Build) -> str:
        """Why these vectors cannot be indexed so; empty if they can."""
        try:
            check_fits(self._settings(wanted), int(self._padded.vectors.shape[1]))
        except UserError as error:
            return str(error)
        return ""

    def make(self, wanted: Build, merges: tuple[bool, ...], copy: str = "a") -> Iterator[tuple[bool, Made]]:
        """The index before and after a force merge, as far as asked for; a complete one is used again.

        Args:
            wanted: type and m.
            merges: False: as loaded; True: merged to one segment per shard; in this order.
            copy: tells apart builds that are alike in all else.

        Yields:
            whether it is merged, and the index.
        """
        spec = self._spec(wanted, copy)
        if merges == (True,):
            spec = merged_spec(spec)
        self._specs[spec.name] = spec
        told = f"load {wanted.name}{' again' if copy != 'a' else ''}"
        built = build(
            self._server,
            spec,
            self._source,
            self._settings(wanted),
            run_id=self._run_id,
            watch=lambda _, done, total: self._watch(told, done, total),
        )
        if built.report is not None:
            self._note(spec.name, None if built.report.found else built.seconds)
        if merges == (True,):
            yield True, self._made(spec)
            return
        yield False, self._made(spec)
        if True in merges:
            merged = merged_spec(spec)
            self._specs[merged.name] = merged
            seconds = merged_clone(self._server, spec, run_id=self._run_id)
            if seconds is not None:
                loaded = self._noted(spec.name)
                self._note(merged.name, None if loaded is None else loaded + seconds)
            yield True, self._made(merged)

    def clean_up(self) -> list[str]:
        """Delete what was made, by its manifest, and the files beside; returns the names of what is gone."""
        gone = [name for name, spec in self._specs.items() if delete_index(self._server, spec)]
        self._times.unlink(missing_ok=True)
        if self._padded.path is not None:
            self._padded.path.unlink(missing_ok=True)
        return gone

    def _settings(self, wanted: Build) -> IndexSettings:
        told: dict[str, Any] = {"engine": "elasticsearch", "type": wanted.type, "force_merge": False}
        return index_settings(self._base, {**told, **({} if wanted.m is None else {"m": wanted.m})})

    def _spec(self, wanted: Build, copy: str) -> IndexSpec:
        spec = index_spec(
            self._task,
            self._ref,
            self._embeddings,
            self._settings(wanted),
            self._server,
            n_documents=len(self._source.rows),
            copy=f"tune-{self._padded.key}-{copy}",
        )
        # Distractors may be in languages that the task lacks.
        others = {d.lang for d in self._padded.task.documents} - set(spec.analyzers)
        return replace(spec, analyzers={**spec.analyzers, **choose_analyzers(others, ())})

    def _made(self, spec: IndexSpec) -> Made:
        json_vectors = self._server.version < EXCLUDES_SOURCE_SINCE
        _, memory = bytes_needed(spec, self._text_bytes, source_holds_vectors=json_vectors)
        stats = index_stats(self._server, spec.name)
        return Made(spec.name, stats, memory, self._noted(spec.name))

    def _noted(self, name: str) -> float | None:
        seconds = self._read_times().get(name)
        return None if seconds is None else float(seconds)

    def _note(self, name: str, seconds: float | None) -> None:
        write_json(self._times, {**self._read_times(), name: seconds})

    def _read_times(self) -> Mapping[str, float | None]:
        try:
            found = json.loads(self._times.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
