"""A recipe with everything it names found and checked, and what is told of the work on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xlembed.data.loading import open_task
from xlembed.data.pairs import PairSet
from xlembed.data.task import Task
from xlembed.finetune.recipe import Recipe
from xlembed.finetune.recipe_loading import recipe_data
from xlembed.models.kinds import check_vectors
from xlembed.models.spec import ModelRef, Variation
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

Log = Callable[[Mapping[str, float], int], None]
"""Told (values, update) as a training goes on."""


class Record(Protocol):
    """What is told of the work as it goes on, for a tracking store."""

    def training(self, stage: str, settings: Mapping[str, Any]) -> AbstractContextManager[Log]:
        """Around the training of one stage."""

    def built(self, stage: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """The model stands as the stage trains it; `rows` count its parameters."""

    def evaluated(self, after: str, task: Task, run_folder: Path, result: Mapping[str, Any]) -> None:
        """An evaluation is finished."""


class Unrecorded:
    """For callers that record nothing."""

    def training(self, stage: str, settings: Mapping[str, Any]) -> AbstractContextManager[Log]:
        """Nothing."""
        return nullcontext(lambda values, step: None)

    def built(self, stage: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Nothing."""

    def evaluated(self, after: str, task: Task, run_folder: Path, result: Mapping[str, Any]) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Opened:
    """A recipe with everything it names found and checked, before any work is done.

    Attributes:
        base: the model to start from.
        sets: pair set by the name the recipe gives it.
        tasks: evaluated before and after.
    """

    recipe: Recipe
    base: ModelRef
    sets: Mapping[str, PairSet]
    tasks: tuple[Task, ...]


def open_recipe(recipe: Recipe, workspace: Workspace) -> Opened:
    """Find the base model, the pair sets and the tasks.

    Raises:
        UserError: something is not there, or cannot be trained.
    """
    base = open_model(workspace, recipe.base)
    if base.card.lexical:
        raise UserError(f"base: {recipe.base} finds words; it has no weights to train")
    check_vectors(base)
    if base.variation != Variation():
        raise UserError(
            f"base: {recipe.base!r}: expected a model without suffixes, found {base.variation.suffix!r}; "
            "length and precision are the recipe's max_tokens and dtype"
        )
    sets = recipe_data(recipe, workspace.root / "data")
    return Opened(recipe, base, sets, tuple(open_task(workspace, name) for name in recipe.evaluate.tasks))
