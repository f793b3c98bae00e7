"""Finished evaluations of a task as it is now: which there are, and reading them by what a model is called."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation, read_evaluation
from xlembed.tracking.opening import open_model
from xlembed.words import Lang, UserError
from xlembed.workspace import Workspace


def evaluated_models(workspace: Workspace, task: str) -> list[str]:
    """Slugs of all models with a finished evaluation of the task."""
    return sorted(path.parent.name for path in (workspace.out / "runs" / task).glob("[!.]*/units.parquet"))


def evaluated_slug(workspace: Workspace, task: str, model: str) -> str:
    """The slug of an evaluation, from itself or from anything MODEL may be.

    Raises:
        UserError: it is neither.
    """
    if workspace.run_folder(task, model).is_dir():
        return model
    return open_model(workspace, model).slug


def read_evaluated(task: Task, models: Sequence[str], workspace: Workspace) -> list[Evaluation]:
    """Evaluations of these texts and judgements, in the order given.

    Args:
        task: as it is now.
        models: anything MODEL may be, or slugs of evaluations; empty: all that were evaluated.
        workspace: with runs/TASK/MODEL.

    Raises:
        UserError: one is missing, or was made on other texts or judgements; each names the command to type.
    """
    command = f"xlembed run -t {task.name} -m"
    here = evaluated_models(workspace, task.name)
    if not (models or here):
        raise UserError(f"no model was evaluated on {task.name} yet: {command} MODEL,MODEL")
    names = {evaluated_slug(workspace, task.name, m): m for m in models or here}
    if missing := [given for name, given in names.items() if name not in here]:
        raise UserError(f"not evaluated on {task.name} yet: {command} {','.join(missing)}")
    found = [read_evaluation(f"{task.name}/{name}", workspace) for name in names]
    for evaluation in found:
        check_task(evaluation, task)
    return found


def check_task(evaluation: Evaluation, task: Task) -> None:
    """Nothing, if the evaluation is of the task as it is now.

    Raises:
        UserError: it was made on other texts or judgements.
    """
    if evaluation.book.task_digest != task.digest:
        raise UserError(
            f"{evaluation.source} was evaluated on other texts or judgements than {task.name} has now: "
            f"xlembed run -t {task.name} -m {evaluation.name}"
        )


def check_languages(languages: Collection[Lang], task: Task, option: str) -> None:
    """Nothing, if the task has all of these languages.

    Raises:
        UserError: names those that it lacks, and the option.
    """
    if missing := sorted(set(languages) - set(task.languages)):
        raise UserError(
            f"{option}: {task.name} has no {', '.join(missing)}; its languages are {', '.join(task.languages)}"
        )
