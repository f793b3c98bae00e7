"""Files of a known format -> a task folder, with a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xlembed.corpus.building import build_task
from xlembed.corpus.checks import Problems
from xlembed.corpus.folders import DATA_DIR
from xlembed.corpus.formats import find_reader
from xlembed.corpus.reading import DocumentUnit, ReadOptions
from xlembed.corpus.task import Task
from xlembed.corpus.writing import check_target, write_task
from xlembed.types import Lang


@dataclass(frozen=True)
class Imported:
    """The task as written, its folder, what -t takes, and oddities of the source files."""

    task: Task
    folder: Path
    handle: str
    warnings: tuple[str, ...]


def import_files(
    form: str,
    files: Sequence[Path],
    name: str,
    out: Path | None = None,
    *,
    langs: tuple[Lang, ...] = (),
    documents: DocumentUnit | None = None,
    data_dir: Path = DATA_DIR,
    force: bool = False,
) -> Imported:
    """Read, check and write; identical documents stay apart in the files (loading unites them).

    Args:
        form: `squad`, `beir`, `tatoeba`, `jsonl`, or another module of readers/.
        files: what the format is made of.
        name: of the task.
        out: the folder to write; None is `data_dir`/`name`.
        langs: none (file names tell), one for all files, or one per file.
        documents: what becomes a document (squad).
        data_dir: where named tasks are.
        force: replace a task that is there.

    Raises:
        UserError: for bad usage, a folder that exists, and all problems of the files at once.
    """
    reader = find_reader(form)
    folder = data_dir / name if out is None else out
    check_target(name, folder, force)
    problems = Problems()
    rows = reader(files, ReadOptions(name, langs, documents), problems)
    task = build_task(rows, keep_duplicates=True)
    write_task(task, folder, force)
    return Imported(task, folder, name if out is None else str(folder), problems.notes())
