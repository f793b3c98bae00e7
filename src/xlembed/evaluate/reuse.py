"""An evaluation that is there already, of exactly these inputs: found by a hash of all of them, used as it stands.

What an evaluation left is noted below the cache, `evaluations/KEY.json`: the sha256 of its files. KEY is a hash of
everything that they follow from: the task's files, the model's, the settings, our own code, versions of libraries. So a
note can be outdated but not wrong, wherever a kill strikes: it is written when all files are, and counts where they are
still the same. Nothing of it stands among the results, which are the same with and without.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import xlembed
from xlembed.data.folders import find_task
from xlembed.data.task import Task
from xlembed.files import Record, atomic_writer, read_record, write_json
from xlembed.models.digest import file_digest, files_digest, folder_digest
from xlembed.models.folder import remote_classes
from xlembed.models.hub import locate
from xlembed.models.spec import BUNDLED, ModelRef
from xlembed.words import UserError
from xlembed.workspace import Workspace

FORMAT = 1
FOLDER = "evaluations"
SECTIONS = frozenset({"corpus", "encode", "index", "evaluate", "compare", "models", "endpoint"})
"""Of the settings, those that an evaluation can depend on."""
OWN = frozenset({"task_digest", "model", "fingerprint", "evaluate", "corpus", "index", "warnings", "labels"})
"""Keys of scores.json that tell evaluations of other inputs apart."""
IN_MEMORY = "exact"
"""The engine whose index is made of the vectors each time; what a server holds cannot be known from here."""
OF_RAY = "ray/thirdparty_files"
"""End of the folder that Ray puts before the path of its workers; nothing here uses its libraries."""


class Finished(Record):
    """What an evaluation left.

    Attributes:
        name: of the task.
        digest: of its texts and judgements.
        notes: of the task, told when it is read.
        files: place -> size and sha256.
        results: place -> text of the small files that lie outside of DVC's folders; they are written again.
    """

    name: str
    digest: str
    notes: tuple[str, ...]
    files: Mapping[str, tuple[int, str]]
    results: Mapping[str, str]


class Reuse:
    """Whether `command` need not evaluate a model again.

    Attributes:
        key: hash of all that the evaluation follows from; None where one is never used again.
    """

    def __init__(self, workspace: Workspace, task: str, ref: ModelRef, command: str) -> None:
        """`task`: its name or folder. `command`: `run` makes the vectors, `evaluate` takes those that are there."""
        self._workspace, self._task, self._ref, self._command = workspace, task, ref, command
        self.key = self._inputs_key()

    def find(self) -> Finished | None:
        """The evaluation of these inputs, if it was noted and all its files are as they were."""
        try:
            finished = Finished.read(self._note, "evaluate again")
        except UserError:  # none, or of another version
            return None
        if {self._place(path) for path in self._outputs(finished.name)} != set(finished.files):
            return None
        for place, (size, digest) in finished.files.items():
            path = self._workspace.out / place
            if path.stat().st_size != size or file_digest(path) != digest:
                return None
        return finished

    def restore(self, finished: Finished) -> dict[str, Any]:
        """Write the small files, where they are not as they were; returns what the details say."""
        for place, text in finished.results.items():
            path = self._workspace.out / place
            with contextlib.suppress(OSError, ValueError):
                if path.read_text(encoding="utf-8") == text:
                    continue
            with atomic_writer(path) as file:
                file.write(text)
        return read_record(self._workspace.details_file(finished.name, self._ref.slug), "evaluate again")

    def note(self, task: Task, result: Mapping[str, Any], machine: str | None = None) -> None:
        """Note what an evaluation left: the last thing that is done for it.

        Not where an input changed meanwhile, or another process wrote another evaluation into its place, or a `machine`
        elsewhere made it that is not like this one (`machine_digest`).
        """
        if self.key is None or self.key != self._inputs_key():
            return
        if machine not in (None, machine_digest(self._ref, self._workspace)):
            return
        at, slug = self._workspace, self._ref.slug
        files = {
            self._place(path): (path.stat().st_size, file_digest(path)) for path in self._outputs(task.name)
        }
        scores = read_record(at.run_folder(task.name, slug) / "scores.json", "evaluate again")
        if any(scores.get(key) != value for key, value in result.items() if key in OWN):
            return
        texts = [place for place in at.evaluation(task.name, slug).values() if place.is_file()]
        finished = Finished(
            name=task.name,
            digest=task.digest,
            notes=task.notes,
            files=files,
            results={self._place(path): path.read_text(encoding="utf-8") for path in texts},
        )
        write_json(self._note, finished.to_json())

    @property
    def _note(self) -> Path:
        return self._workspace.cache / FOLDER / f"{self.key}.json"

    def _outputs(self, task: str) -> Iterator[Path]:
        """Vectors, units, scores, rankings and figures: all that lies in folders."""
        for place in self._workspace.evaluation(task, self._ref.slug).values():
            yield from (path for path in place.rglob("*") if path.is_file())

    def _place(self, path: Path) -> str:
        return path.relative_to(self._workspace.out).as_posix()

    def _inputs_key(self) -> str | None:
        at, ref = self._workspace, self._ref
        if at.settings.index.engine != IN_MEMORY or ref.card.imported:
            return None
        settings = at.settings.model_copy(update={"encode": at.settings.encode.alone()})
        try:
            task = _whole_folder(find_task(self._task, at.root / "data"))
        except (UserError, OSError):
            return None  # what is wrong is told where it is used
        found = {
            "format": FORMAT,
            "command": self._command,
            "task": task,
            "settings": settings.model_dump(mode="json", include=set(SECTIONS)),
            "machine": machine_digest(ref, at),
        }
        return json_digest(found) if found["machine"] else None


def machine_digest(ref: ModelRef, workspace: Workspace) -> str:
    """sha256 of what the machine brings to an evaluation: code, libraries, the model's files, sets of pairs.

    "" where that cannot be known; what is wrong is told where it is used.
    """
    pairs = [step.pairs for step in ref.variation.steps if step.pairs]
    try:
        found = {
            "code": code_digest(),
            "python": f"{sys.version} {platform.machine()}",
            "libraries": installed(),
            "models": [_model_files(part, workspace) for part in (ref, ref.reranker) if part],
            "pairs": [_whole_folder(workspace.root / "data" / "pairs" / name) for name in pairs],
        }
    except (UserError, OSError):
        return ""
    return json_digest(found)


def json_digest(found: Any) -> str:
    """sha256 of a value that JSON can hold."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _model_files(ref: ModelRef, workspace: Workspace) -> dict[str, Any]:
    """What of a model can change a vector or a score.

    Raises:
        UserError: its files are not at hand, or bring code along.
    """
    found: dict[str, Any] = {"slug": ref.slug, "card": ref.card.model_dump(mode="json")}
    if ref.card.has_files:
        trusted = workspace.settings.encode.trust_remote_code
        folder = locate(ref, trusted)
        if trusted and remote_classes(folder):
            raise UserError(f"{ref.slug}: code of other repositories is not followed")
        return {**found, "files": folder_digest(folder)}
    return {**found, "files": _whole_folder(ref.folder) if ref.folder else ""}


def _whole_folder(folder: Path) -> str:
    """A folder's own name, and a hash of all its files; hidden ones left out."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    shown = [p for p in files if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    return f"{folder.name} {files_digest(folder, shown)}"


@cache
def code_digest(package: Path = Path(xlembed.__file__).parent) -> str:
    """sha256 over all code and data of this package; weights that come with it count among a model's files."""
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return files_digest(package, [path for path in files if not path.is_relative_to(BUNDLED)])


@cache
def installed() -> list[str]:
    """Every library that can be imported, with its version: the names of the folders that pip leaves beside them."""
    places = [Path(place or ".") for place in sys.path if not place.endswith(OF_RAY)]
    return sorted(path.name for place in places for path in place.glob("*.dist-info"))
