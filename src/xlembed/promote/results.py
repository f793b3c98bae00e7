"""The per-unit results that a gate compares: stored with a version, or made again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlembed.data.task import Task
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.postprocessing import pair_sets, vectors_fingerprint
from xlembed.evaluate.compare import Evaluation, read_folder
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import describe_index, index
from xlembed.evaluate.job import MEASURES_VERSION, evaluate
from xlembed.models.spec import ModelRef
from xlembed.promote.decision import Gate
from xlembed.search.engine import find_engine
from xlembed.tracking import versions
from xlembed.tracking.evaluation import log_evaluation, run_tags
from xlembed.tracking.log import log_tags
from xlembed.tracking.registry import fetch_run
from xlembed.tracking.runs import child_run
from xlembed.tracking.versions import Version
from xlembed.words import Mode, UserError
from xlembed.workspace import Watch, Workspace, unwatched


def evaluation_of(
    version: Version | None,
    ref: ModelRef,
    task: Task,
    workspace: Workspace,
    gate: Gate,
    notes: list[str],
    watch: Watch = unwatched,
) -> Evaluation:
    """The stored results of a version if they are of this task and these settings, else new ones, stored with it.

    No version: a base model, of which nothing is stored. `notes` is told why something was evaluated again.
    """
    if version is not None:
        run_id = version.tags.get(f"{versions.EVALUATION_TAG}{task.digest[: versions.DIGEST_CHARS]}")
        why, again = "not evaluated on this task yet", ""
        if run_id:
            again = " again"
            try:
                stored = _stored(run_id, workspace)
            except UserError as error:  # gone or damaged
                why = f"its stored results cannot be used ({error})"
            else:
                why = outdated(stored, ref, task, workspace, gate)
                if not why:
                    return stored
        notes.append(f"{version.uri} evaluated{again}: {why}")
    return _evaluate(version, ref, task, workspace, gate, watch)


def _stored(run_id: str, workspace: Workspace) -> Evaluation:
    with tempfile.TemporaryDirectory() as temporary:
        fetch_run(run_id, workspace.root, ["units.parquet", "scores.json"], Path(temporary))
        return read_folder(run_id, Path(temporary))


def outdated(stored: Evaluation, ref: ModelRef, task: Task, workspace: Workspace, gate: Gate) -> str:
    """What of stored results differs from what an evaluation would be now; empty: nothing that matters."""
    scores, settings = stored.scores, workspace.settings
    base = open_encoding(ref, workspace).base.digest
    stored_index, sets = scores.get("index", {}), pair_sets(ref, task, workspace)
    same = {
        "task digest": scores.get("task_digest") == task.digest,
        "measures version": scores.get("measures_version") == MEASURES_VERSION,
        "corpus settings": scores.get("corpus") == settings.corpus.model_dump(mode="json"),
        "index": all(stored_index.get(k) == v for k, v in wanted_index(task, workspace).items()),
        "fingerprint": scores.get("fingerprint") == vectors_fingerprint(base, ref, task, sets),
        "measure": gate.measure.column in stored.units,
        "mode": bool((stored.units["mode"] == gate.mode).any()),
    }
    for key in ("depth", "other_versions"):
        same[key] = scores.get("evaluate", {}).get(key) == settings.evaluate.model_dump(mode="json")[key]
    differing = [key for key, equal in same.items() if not equal]
    return f"{', '.join(differing)} differ" if differing else ""


def wanted_index(task: Task, workspace: Workspace) -> dict[str, Any]:
    """What an evaluation would say of its index now."""
    settings = workspace.settings.index
    return describe_index(task, workspace) | find_engine(settings).describe(settings)


def _evaluate(
    version: Version | None, ref: ModelRef, task: Task, workspace: Workspace, gate: Gate, watch: Watch
) -> Evaluation:
    """Encode, index, evaluate in a child run, which the version's tag then names."""
    with _scratch(workspace, gate) as scratch, child_run(f"evaluate {ref.slug}") as run_id:
        log_tags(run_tags(ref, task))
        encode(task, ref, scratch, watch)
        index(task, ref, scratch, watch, run_id)
        evaluate(task, ref, scratch, watch)
        folder = scratch.run_folder(task.name, ref.slug)
        log_evaluation(folder)
        found = read_folder(run_id, folder)
    if version is not None:
        versions.keep_evaluation(version, task.digest, run_id)
    return found


@contextmanager
def _scratch(workspace: Workspace, gate: Gate) -> Iterator[Workspace]:
    """A workspace whose results go to a folder that vanishes, and whose settings hold the gate's measure and mode."""
    known = workspace.settings.evaluate
    measures = tuple(dict.fromkeys((*known.measures, gate.measure.name)))
    modes = tuple(m for m in Mode if m in (*known.modes, gate.mode))
    wider = known.model_copy(update={"measures": measures, "modes": modes})
    settings = workspace.settings.model_copy(update={"evaluate": wider})
    with tempfile.TemporaryDirectory() as temporary:
        yield replace(workspace, settings=settings, out=Path(temporary))
