"""The indices of tune-index: a corpus with distractors, built once per type and m, merged as clones, then deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xlembed.data.task import Task
from xlembed.embeddings.embedded import unit_vectors
from xlembed.embeddings.encode import Progress, encode_texts
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.export import Embeddings
from xlembed.embeddings.postprocessing import derive_more, fit_documents
from xlembed.files import write_json
from xlembed.models.spec import ModelRef
from xlembed.search.elastic.builder import build
from xlembed.search.elastic.cloning import IndexStats, delete_index, index_stats, merged_clone
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.elastic.layout import IndexSpec, bytes_needed, check_fits, choose_analyzers
from xlembed.search.elastic.padding import Padded, pad, read_texts
from xlembed.search.elastic.source import Source
from xlembed.search.elastic.tasks import attach, index_spec
from xlembed.settings import IndexSettings
from xlembed.tune_index.grid import Build, Setting, TuneOptions, index_settings
from xlembed.words import Lang, Role, UserError, Vectors
from xlembed.workspace import Watch, Workspace


def pad_corpus(
    task: Task,
    ref: ModelRef,
    embeddings: Embeddings,
    workspace: Workspace,
    options: TuneOptions,
    watch: Watch,
) -> Padded:
    """The corpus with as many distractors as it lacks; vectors pass through memory chunk by chunk."""
    lacking = max(0, options.pad_to - len(task.documents))
    known = {d.text for d in task.documents}
    texts = read_texts(options.pad_texts, options.pad_lang) if options.pad_texts and lacking else []
    found = [t for t in texts if t[0] not in known][:lacking]
    return pad(
        task,
        unit_vectors(embeddings.documents),
        options.pad_to,
        workspace.cache / "padded",
        fingerprint=str(embeddings.manifest["fingerprint"]),
        seed=options.seed,
        texts=found,
        text_vectors=_encoded(found, task, ref, workspace, watch),
    )


def _encoded(
    found: Sequence[tuple[str, Lang]], task: Task, ref: ModelRef, workspace: Workspace, watch: Watch
) -> Iterator[Vectors]:
    """Vectors of texts as documents; what the store holds is not encoded again, and nothing before it is asked for.

    Post-processing keeps the statistics of the task's own documents.
    """
    if not found:
        return
    texts, langs = [text for text, _ in found], [lang for _, lang in found]
    encoding = open_encoding(ref, workspace)

    def tell(progress: Progress) -> None:
        watch("encode distractors", progress.n_done, progress.n_total)

    with encoding.crew as crew:
        encode_texts(crew, texts, Role.DOCUMENT, encoding.store, progress=tell)
    fitted = fit_documents(task, ref, workspace)
    start = 0
    for chunk in encoding.store.read(Role.DOCUMENT, texts).chunks():
        yield derive_more(chunk, langs[start : start + len(chunk)], ref, fitted)
        start += len(chunk)


@dataclass(frozen=True)
class Made:
    """An index that can be measured, by its name on the server.

    Attributes:
        memory_bytes: needed outside the heap to search it, by Elastic's formulas.
        build_seconds: loading and, if merged, merging; None if an interrupted call did a part of it.
    """

    name: str
    stats: IndexStats
    memory_bytes: int
    build_seconds: float | None


@dataclass
class TuningIndices:
    """Makes the indices of one padded corpus and remembers which ones it made.

    Attributes:
        task: the corpus without distractors; it names the indices.
        base: settings that the grid does not vary.
        times: file that keeps the seconds of finished builds, so that a call that goes on can tell them.
        run_id: MLflow run for the manifests.
    """

    task: Task
    ref: ModelRef
    embeddings: Embeddings
    padded: Padded
    base: IndexSettings
    server: Server
    times: Path
    run_id: str | None
    watch: Watch
    _source: Source = field(init=False)
    _specs: dict[str, IndexSpec] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._source = Source(self.padded.task.documents, self.padded.vectors)

    def fits(self, wanted: Build) -> str:
        """Why these vectors cannot be indexed so; empty if they can."""
        try:
            check_fits(self._settings(wanted), int(self.padded.vectors.shape[1]))
        except UserError as error:
            return str(error)
        return ""

    def make(self, wanted: Build, merges: tuple[bool, ...], copy: str = "a") -> Iterator[tuple[bool, Made]]:
        """The index before and after a force merge, as far as asked for, False first; a complete one is used again.

        True means merged to one segment per shard; `copy` tells apart builds that are alike in all else.
        """
        spec = self._spec(wanted, copy)
        if merges == (True,):
            spec = replace(spec, segments=1)
        self._specs[spec.name] = spec
        told = f"load {wanted.name}{' again' if copy != 'a' else ''}"
        built = build(
            self.server,
            spec,
            self._source,
            self._settings(wanted),
            run_id=self.run_id,
            watch=lambda _, done, total: self.watch(told, done, total),
        )
        if built.report is not None:
            self._note(spec.name, None if built.report.found else built.seconds)
        if merges == (True,):
            yield True, self._made(spec)
            return
        yield False, self._made(spec)
        if True in merges:
            merged = replace(spec, segments=1)
            self._specs[merged.name] = merged
            seconds = merged_clone(self.server, spec, run_id=self.run_id)
            if seconds is not None:
                loaded = self._noted(spec.name)
                self._note(merged.name, None if loaded is None else loaded + seconds)
            yield True, self._made(merged)

    def open(self, setting: Setting, made: Made) -> ElasticIndex:
        """An index with the settings of a search."""
        padded, settings = self.padded, setting.settings(self.base)
        return attach(self.server, made.name, padded.task, padded.vectors, settings, margin=0)

    def clean_up(self) -> list[str]:
        """Delete what was made, by its manifest, and the files beside; returns the names of what is gone."""
        gone = [name for name, spec in self._specs.items() if delete_index(self.server, spec)]
        self.times.unlink(missing_ok=True)
        if self.padded.path is not None:
            self.padded.path.unlink(missing_ok=True)
        return gone

    def _settings(self, wanted: Build) -> IndexSettings:
        told: dict[str, Any] = {"engine": "elasticsearch", "type": wanted.type, "force_merge": False}
        return index_settings(self.base, {**told, **({} if wanted.m is None else {"m": wanted.m})})

    def _spec(self, wanted: Build, copy: str) -> IndexSpec:
        spec = index_spec(
            self.task,
            self.ref,
            self.embeddings,
            self._settings(wanted),
            self.server,
            n_documents=len(self._source.rows),
            copy=f"tune-{self.padded.key}-{copy}",
        )
        # Distractors may be in languages that the task lacks.
        others = {d.lang for d in self.padded.task.documents} - set(spec.analyzers)
        return replace(spec, analyzers={**spec.analyzers, **choose_analyzers(others, ())})

    def _made(self, spec: IndexSpec) -> Made:
        _, memory = bytes_needed(spec, text_bytes=0, source_holds_vectors=False)  # neither counts in memory
        stats = index_stats(self.server, spec.name)
        return Made(spec.name, stats, memory, self._noted(spec.name))

    def _noted(self, name: str) -> float | None:
        seconds = self._read_times().get(name)
        return None if seconds is None else float(seconds)

    def _note(self, name: str, seconds: float | None) -> None:
        write_json(self.times, {**self._read_times(), name: seconds})

    def _read_times(self) -> Mapping[str, float | None]:
        try:
            found = json.loads(self.times.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
