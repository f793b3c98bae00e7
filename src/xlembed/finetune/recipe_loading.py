"""A recipe file and what it names -> a checked recipe, or everything wrong with it at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml
from pydantic import ValidationError

from xlembed.data.loading import open_task
from xlembed.data.pairs import Kind, PairSet, Row, load_pairs
from xlembed.data.task import Task
from xlembed.fields import explain, read_ready
from xlembed.finetune.recipe import Data, Recipe, Stage
from xlembed.models.safety import check_vectors
from xlembed.models.spec import ModelRef, Variation
from xlembed.tracking.opening import open_model
from xlembed.words import UserError, near_miss
from xlembed.workspace import Workspace

READY = Path(__file__).parent / "recipes"


def ready_recipes() -> dict[str, Path]:
    """Name -> file of the recipes that come with the package."""
    return {path.stem: path for path in sorted(READY.glob("*.yaml"))}


def load_recipe(source: str, data_dir: Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe by the name of a ready one or by file, perhaps changed, with its data looked at.

    Raises:
        UserError: everything wrong in the file, or else everything wrong between recipe and data, a line each.
    """
    recipe = read_recipe(source)
    recipe = change_recipe(recipe, changes) if changes else recipe
    if problems := list(check_data(recipe, data_dir)):
        path = ready_recipes().get(source, source)
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
    return recipe


def read_recipe(source: str | Path) -> Recipe:
    """The file alone.

    Raises:
        UserError: there is none, or every wrong key, type and value, a line each.
    """
    return read_ready(Recipe, "recipe", str(source), ready_recipes())


def recipe_to_yaml(recipe: Recipe) -> str:
    """The recipe with every default spelled out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), allow_unicode=True, sort_keys=False)


def set_names(recipe: Recipe) -> list[str]:
    """Each once, in the order of the recipe."""
    names = [data.pairs for stage in recipe.stages for data in stage.data]
    names += [stage.dev.pairs for stage in recipe.stages if stage.dev]
    return list(dict.fromkeys([*names, *recipe.evaluate.sts]))


def chosen_rows(data: Data, found: PairSet, seed: int) -> list[Row]:
    """The rows of a set that a stage trains on: in its languages, at most `limit` of them chosen by seed."""
    rows: list[Row] = list(found.rows)
    if data.languages:
        wanted = set(data.languages)
        rows = [row for row in rows if all(row[f"{column}_lang"] in wanted for column in found.columns)]
    if data.limit is not None and data.limit < len(rows):
        import numpy as np

        kept = np.sort(np.random.default_rng(seed).choice(len(rows), data.limit, replace=False))
        rows = [rows[i] for i in kept]
    return rows


def check_data(recipe: Recipe, data_dir: Path) -> Iterator[str]:
    """What does not fit between recipe and data."""
    sets: dict[str, PairSet] = {}
    for name in set_names(recipe):
        try:
            sets[name] = load_pairs(name, data_dir)
        except UserError as error:
            yield str(error)
    for number, stage in enumerate(recipe.stages):
        yield from _check_stage(f"stages.{number}", stage, sets, recipe.seed)
    for name in recipe.evaluate.sts:
        if name in sets and sets[name].kind is not Kind.SCORED:
            yield f"evaluate.sts: {name} holds {sets[name].kind}; Spearman needs scored rows"


def _check_stage(place: str, stage: Stage, sets: Mapping[str, PairSet], seed: int) -> Iterator[str]:
    loss, trained = stage.loss, {data.pairs for data in stage.data}
    n_rows, kinds = 0, set()
    for i, data in enumerate(stage.data):
        if data.pairs not in sets:
            continue
        found = sets[data.pairs]
        kinds.add(found.kind)
        rows = chosen_rows(data, found, seed)
        n_rows += len(rows)
        if not rows:
            yield f"{place}.data.{i}: {data.pairs} has no row in {', '.join(data.languages)}"
        if found.kind not in loss.reads:
            fits = " or ".join(loss.reads)
            yield f"{place}.data.{i}: the loss {loss.kind} reads {fits}; {data.pairs} holds {found.kind}"
        elif loss.columns > 2 and found.kind is not Kind.TRIPLETS and stage.negatives is None:
            yield f"{place}.negatives: the loss {loss.kind} needs them, since {data.pairs} holds {found.kind}"
    if Kind.TRIPLETS in kinds and len(kinds) > 1 and stage.negatives is None:
        others = ", ".join(sorted(kinds - {Kind.TRIPLETS}))
        yield f"{place}.data: triplets and {others} cannot be blended: the others have no negative column"
    if stage.negatives and Kind.TRIPLETS in kinds:
        yield f"{place}.negatives: the rows bring their own; leave it out"
    if trained <= sets.keys() and 0 < n_rows < stage.batch:
        yield f"{place}.batch: {stage.batch} is more than the {n_rows} rows there are"
    if stage.dev:
        yield from _check_dev(f"{place}.dev", stage, trained, sets)


def _check_dev(place: str, stage: Stage, trained: set[str], sets: Mapping[str, PairSet]) -> Iterator[str]:
    dev = stage.dev
    if dev is None or dev.pairs not in sets:
        return
    same = {sets[name].digest for name in trained if name in sets}  # by its path or in a copy too
    if sets[dev.pairs].digest in same:
        yield f"{place}.pairs: {dev.pairs} is trained on; early stopping needs other rows"
    scored = sets[dev.pairs].kind is Kind.SCORED
    if scored != (dev.metric == "spearman"):
        fits = "spearman" if scored else "accuracy@1, MRR@10 or nDCG@10"
        yield f"{place}.metric: {dev.pairs} holds {sets[dev.pairs].kind}; expected {fits}, found {dev.metric}"


def change_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with other values; stages go by their names. Values are as YAML gives them, by place.

    Raises:
        UserError: names every place that there is not, or else every value that does not fit.
    """
    data = recipe.model_dump(mode="json")
    problems = [why for place, value in changes.items() if (why := _put(data, place, value))]
    if problems:
        raise UserError("; ".join(problems))
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise UserError("; ".join(explain(error, Recipe, data))) from None


def keep_stages(recipe: Recipe, names: tuple[str, ...]) -> Recipe:
    """The recipe with only these stages, in its own order.

    Raises:
        UserError: a stage that the recipe does not have.
    """
    known = [stage.name for stage in recipe.stages]
    lacking = [name for name in names if name not in known]
    if lacking:
        raise UserError(
            f"stages: {recipe.name} has no {', '.join(map(repr, lacking))}.{near_miss(lacking[0], known)} "
            f"Its stages: {', '.join(known)}"
        )
    return recipe.model_copy(update={"stages": tuple(s for s in recipe.stages if s.name in names)})


def _put(data: dict[str, Any], place: str, value: Any) -> str | None:
    """Set one value; returns what is wrong with the place, if anything is."""
    *path, last = place.split(".")
    here: Any = {**data, "stages": {stage["name"]: stage for stage in data["stages"]}}
    for i, key in enumerate([*path, last]):
        where = ".".join([*path, last][: i + 1])
        if not isinstance(here, dict):
            return f"{place}: {'.'.join(path[:i])} has no settings of its own"
        if key not in here:
            return f"{place}: there is no {where}.{near_miss(key, here)} Known: {', '.join(here)}"
        if i < len(path):
            here = here[key]
            if here is None:
                return f"{place}: {where} is not set in this recipe; set it whole ({where}: {{...}})"
    if path == ["stages"]:
        return f"{place}: expected the place of one setting, as in {place}.batch"
    (here if path else data)[last] = value
    return None


Log = Callable[[Mapping[str, float], int], None]
"""Told (values, update) as a training goes on."""


class Record(Protocol):
    """What is told of the work as it goes on, for a tracking store."""

    def training(self, stage: str, settings: Mapping[str, Any]) -> AbstractContextManager[Log]:
        """Around the training of one stage."""

    def built(self, stage: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """The model stands as the stage trains it; `rows` count its parameters."""
        return

    def evaluated(self, after: str, task: Task, run_folder: Path, result: Mapping[str, Any]) -> None:
        """An evaluation is finished."""
        return


class Unrecorded(Record):
    """For callers that record nothing."""

    def training(self, stage: str, settings: Mapping[str, Any]) -> AbstractContextManager[Log]:
        """Nothing."""
        return nullcontext(lambda values, step: None)


@dataclass(frozen=True)
class Opened:
    """A recipe with everything it names found and checked, before any work is done."""

    recipe: Recipe
    base: ModelRef
    sets: Mapping[str, PairSet]
    tasks: tuple[Task, ...]


def open_recipe(recipe: Recipe, workspace: Workspace) -> Opened:
    """Find the base model, the pair sets and the tasks; an alias of the registry, which moves, becomes its version.

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
    if recipe.base.startswith("models:/") and "@" in recipe.base:
        from xlembed.tracking.versions import find_version

        recipe = recipe.model_copy(update={"base": find_version(recipe.base, workspace.root).uri})
    sets = {name: load_pairs(name, workspace.root / "data") for name in set_names(recipe)}
    tasks = tuple(open_task(workspace, name) for name in recipe.evaluate.tasks)
    for name, n in Counter(task.name for task in tasks).items():
        if n > 1:
            raise UserError(
                f"evaluate.tasks: {n} are called {name}, and results are filed by name; leave one"
            )
    return Opened(recipe, base, sets, tasks)
