"""Files of a known format -> a task folder, with a report; formats are found in importers/, a file each.

Apart from loading.py, so that who reads a finished task does not load (and depend on) every importer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xlembed.data import importers
from xlembed.data.building import build_task
from xlembed.data.checks import Problems
from xlembed.data.doubts import same_in_task, self_note
from xlembed.data.folders import DATA_DIR
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Reader, Rows
from xlembed.data.spoken import check_languages_spoken
from xlembed.data.task import Task
from xlembed.data.writing import check_target, write_task
from xlembed.registry import entries, load_entry
from xlembed.words import UserError, near_miss


def find_reader(form: str) -> Reader:
    """The reader of a format.

    Raises:
        UserError: lists the formats.
    """
    if form not in (names := entries(importers)):
        raise UserError(f"no format {form!r}: choose one of {', '.join(names)}.{near_miss(form, names)}")
    reader: Reader = load_entry(importers, form).read
    return reader


@dataclass(frozen=True)
class Imported:
    """The task as written, its folder, what -t takes, oddities of the source files, and how they were understood."""

    task: Task
    folder: Path
    handle: str
    warnings: tuple[str, ...]
    read_as: tuple[str, ...]


def import_files(
    form: str,
    files: Sequence[Path],
    name: str,
    out: Path | None = None,
    *,
    options: ReadOptions | None = None,
    data_dir: Path = DATA_DIR,
    force: bool = False,
) -> Imported:
    """Read, check and write; identical documents stay apart in the files (loading unites them).

    `form` is a module of importers/, `out` the folder to write; None is `data_dir`/`name`.

    Raises:
        UserError: for bad usage, a folder that exists, all problems of the files at once, and files that are
            probably not what they are said to be.
    """
    reader = find_reader(form)
    options = replace(options or ReadOptions(), name=name)
    if options.documents is not None and form not in ("squad", "reviews"):
        raise UserError(
            f"--documents {options.documents} is for squad files and reviews; {form} says itself what a document is"
        )
    folder = data_dir / name if out is None else out
    check_target(name, folder, force)
    rows = reader(files, options, Problems())
    return take_rows(rows, folder, options, name if out is None else str(folder), force=force)


def take_rows(
    rows: Rows, folder: Path, options: ReadOptions, handle: str, *, force: bool = False
) -> Imported:
    """What a reader gave, checked and written; arguments as `import_files` has them, `handle` is what -t takes.

    Raises:
        UserError: all problems of the rows at once, and texts that are probably not what they are said to be.
    """
    said = {
        flag: getattr(options, flag) or getattr(rows.card, flag) for flag in ("leave_out_self", "unjudged")
    }
    rows.card = replace(rows.card, **said)
    task = build_task(rows, keep_duplicates=True)
    texts = [(d.lang, "documents", d.text or d.title) for d in task.documents]
    texts += [(q.lang, "queries", q.text) for q in task.queries]
    with rows.problems.beside():
        doubts = check_languages_spoken(texts, believe=options.believe) + same_in_task(task, options.believe)
    if not options.dry_run:
        write_task(task, folder, force)
    warnings = (*rows.problems.notes(), *doubts, *self_note(task))
    return Imported(task, folder, handle, warnings, tuple(rows.problems.read_as))
