"""A recipe with some of its settings changed, each named by its place: `stages.retrieval.batch`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from xlembed.finetune.recipe import Recipe
from xlembed.finetune.recipe_loading import explain
from xlembed.words import UserError, near_miss


def change_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with other values; stages go by their names.

    Args:
        recipe: stays as it is.
        changes: place -> value as YAML gives it.

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
        raise UserError("; ".join(explain(error, data))) from None


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
