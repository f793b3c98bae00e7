"""Files of a known format -> a task folder, with a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xlembed.corpus.building import build_task
from xlembed.corpus.checks import Problems
from xlembed.corpus.choosing import Where
from xlembed.corpus.doubts import same_in_task, self_note
from xlembed.corpus.folders import DATA_DIR
from xlembed.corpus.formats import find_reader
from xlembed.corpus.reading import DocumentUnit, ReadOptions
from xlembed.corpus.spoken import check_languages_spoken
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
    where: Where | None = None,
    leave_out_self: bool = False,
    believe: bool = False,
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
        where: column -> values of the rows that are judged right (jsonl).
        leave_out_self: a query's own copy among the documents is taken out of its ranking.
        believe: files are what they are said to be, even where languages or translations look wrong.
        data_dir: where named tasks are.
        force: replace a task that is there.

    Raises:
        UserError: for bad usage, a folder that exists, all problems of the files at once, and files that are
            probably not what they are said to be.
    """
    reader = find_reader(form)
    folder = data_dir / name if out is None else out
    check_target(name, folder, force)
    problems = Problems()
    rows = reader(files, ReadOptions(name, langs, documents, where or {}, believe), problems)
    rows.card.leave_out_self |= leave_out_self
    task = build_task(rows, keep_duplicates=True)
    doubts = [*_languages_spoken(task, believe), *same_in_task(task, believe)]
    write_task(task, folder, force)
    warnings = (*problems.notes(), *doubts, *self_note(task))
    return Imported(task, folder, name if out is None else str(folder), warnings)


def _languages_spoken(task: Task, believe: bool) -> list[str]:
    texts: dict[tuple[Lang, str], list[str]] = defaultdict(list)
    for document in task.documents:
        texts[document.lang, "documents"].append(document.text or document.title)
    for query in task.queries:
        texts[query.lang, "queries"].append(query.text)
    return check_languages_spoken(texts, believe=believe)
