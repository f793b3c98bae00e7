"""A task by its name or folder: read, checked, united."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from xlembed.data.building import build_task
from xlembed.data.card import name_fix, read_card
from xlembed.data.checks import Place, Problems
from xlembed.data.doubts import self_note
from xlembed.data.folders import DATA_DIR, find_task
from xlembed.data.importers.beir import read_documents, read_folder
from xlembed.data.task import Task
from xlembed.words import Lang, UserError
from xlembed.workspace import Workspace


def load_task(
    name_or_folder: str | Path,
    data_dir: Path = DATA_DIR,
    *,
    keep_duplicates: bool = False,
    relevance: Literal["all", "own"] = "all",
    max_documents_per_language: int | None = None,
    seed: int = 0,
    lang: Lang | None = None,
) -> Task:
    """The task, with everything that was left out, merged or odd in its notes.

    Args:
        name_or_folder: a name under `data_dir`, or a folder in the layout of docs/data.md.
        data_dir: where named tasks are.
        keep_duplicates: leave identical documents apart.
        relevance: `all` unites the judgements of a need; `own` keeps only a query's own document.
        max_documents_per_language: sampled with `seed`; judged documents are kept whatever their number.
        seed: of that sample.
        lang: language of rows that do not say theirs (a plain BEIR folder).

    Raises:
        UserError: for an unknown task, and for all problems in its files at once.
    """
    folder = find_task(str(name_or_folder), data_dir)
    problems = Problems()
    rows = read_folder(folder, problems, lang)
    if folder.parent == data_dir and folder.name != rows.card.name:
        message = f"the task in {folder} calls itself {rows.card.name!r}, so its results would be filed there"
        fix = name_fix(folder, rows.card.name)
        problems.error(Place(str(folder / "task.yaml")), "name", "bad task name", message, fix)
    task = build_task(
        rows,
        keep_duplicates=keep_duplicates,
        relevance=relevance,
        max_documents_per_language=max_documents_per_language,
        seed=seed,
    )
    return dataclasses.replace(task, notes=(*rows.problems.notes(), *task.notes, *self_note(task)))


def open_task(workspace: Workspace, name: str, *, unjudged: bool = False) -> Task:
    """A task by name or folder, cut and cleaned as the settings say.

    Raises:
        UserError: as `load_task`; or it has no judgements, unless `unjudged` tasks are served too.
    """
    corpus = workspace.settings.corpus
    task = load_task(
        name,
        workspace.root / "data",
        keep_duplicates=corpus.keep_duplicates,
        relevance=corpus.relevance,
        max_documents_per_language=corpus.max_documents_per_language,
    )
    if task.unjudged and not unjudged:
        raise UserError(
            f"the task {task.name!r} has no judgements, so nothing can be evaluated on it: `xlembed search`, "
            "`explore` and `analyse` serve it; to evaluate, import it with a column that names the right documents, "
            "or judge what is found with `xlembed judge-pairs`"
        )
    return task


def load_corpus(workspace: Workspace, name: str) -> Task:
    """The documents of a task, judged or not, or of a folder that has no queries at all; copies stay apart.

    Raises:
        UserError: for an unknown task, and for all problems in its documents at once.
    """
    problems = Problems()
    rows = read_documents(task_folder(workspace, name), problems)
    problems.raise_errors(rows.card.name)
    said = {**vars(rows.card), "languages": rows.languages}
    return Task(**said, documents=tuple(rows.documents), queries=(), qrels={})


def load_whole(workspace: Workspace, name: str) -> Task:
    """A task to be written again: copies stay apart, and its notes are its card's, not what loading found.

    Raises:
        UserError: as `load_task`.
    """
    task = load_task(name, workspace.root / "data", keep_duplicates=True)
    return dataclasses.replace(task, notes=card_notes(workspace, name))


def card_notes(workspace: Workspace, name: str) -> tuple[str, ...]:
    """What the card of a task says it leaves out."""
    card = read_card(task_folder(workspace, name), Problems())
    return card.notes if card else ()


def task_folder(workspace: Workspace, name: str) -> Path:
    """Where `open_task` reads it."""
    return find_task(name, workspace.root / "data")
