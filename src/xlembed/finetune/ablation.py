"""What an ablation may say: one recipe, variants of it, and what they are compared on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from xlembed.fields import Name, Positive, Seed, read_ready
from xlembed.files import Record
from xlembed.finetune.recipe import Evaluation, Recipe
from xlembed.finetune.recipe_loading import change_recipe, keep_stages
from xlembed.words import UserError, near_miss

READY = Path(__file__).parent / "ablations"


class Variant(Record):
    """One training: the recipe with some stages left out or some settings changed."""

    model_config = ConfigDict(populate_by_name=True)

    name: Name
    title: str = ""
    """As shown; empty: the name."""
    stages: tuple[str, ...] | None = None
    """Names of the stages kept; None keeps all."""
    changes: dict[str, Any] = Field(default={}, alias="set")
    """Place -> value: `stages.retrieval.batch: 256`."""

    @property
    def shown(self) -> str:
        """What stands in tables and figures."""
        return self.title or self.name


class Ablation(Record):
    """Variants of one recipe that are trained and compared with the first of them."""

    name: Name
    title: str = ""
    recipe: str = Field(min_length=1)
    """A ready recipe, or a YAML file."""
    variants: tuple[Variant, ...] = Field(min_length=1)
    dims: tuple[Positive, ...] = ()
    """Also evaluate the models cut to so many dimensions."""
    dims_of: tuple[str, ...] = ()
    """The variants that are cut; () cuts all."""
    task: str = Field(min_length=1)
    """Task on which all are evaluated; never one that they were trained on."""
    sts: str | None = None
    """Scored set under data/pairs; None leaves similarity out."""
    seeds: tuple[Seed, ...] = ()
    """Each variant is trained with each; tests use the first, the others show the spread. () takes the recipe's."""

    @model_validator(mode="after")
    def _fits_together(self) -> Ablation:
        problems = []
        names = [v.name for v in self.variants]
        for what, values in (("variants", names), ("dims", self.dims), ("seeds", self.seeds)):
            twice = [str(v) for v, n in Counter[Any](values).items() if n > 1]
            if twice:
                problems.append(f"{what}: {', '.join(twice)} stands twice")
        for name in self.dims_of:
            if name not in names:
                problems.append(f"dims_of: no variant {name!r}.{near_miss(name, names)}")
        if self.dims_of and not self.dims:
            problems.append("dims_of: says which variants are cut, but `dims` is missing")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def is_cut(self) -> frozenset[str]:
        """Names of the variants that are evaluated at `dims` too."""
        return frozenset((self.dims_of or [v.name for v in self.variants]) if self.dims else [])


@dataclass(frozen=True)
class Training:
    """One training of an ablation."""

    variant: Variant
    seed: int
    recipe: Recipe


def ready_ablations() -> dict[str, Path]:
    """Name -> file of those that come along, sorted."""
    return {path.stem: path for path in sorted(READY.glob("*.yaml"))}


def load_ablation(source: str) -> Ablation:
    """Read a ready ablation, or a YAML file.

    Raises:
        UserError: there is none, or it says something wrong; every problem is named.
    """
    return read_ready(Ablation, "ablation", source, ready_ablations())


def trainings(ablation: Ablation, recipe: Recipe) -> list[Training]:
    """Every variant with every seed, variants in their order.

    Raises:
        UserError: names all variants that do not fit the recipe, with what is wrong.
    """
    found, problems = [], []
    for variant in ablation.variants:
        try:
            varied = _vary(ablation, variant, recipe)
        except UserError as error:
            problems.append(f"variant {variant.name}: {error}")
            continue
        if ablation.seeds and "seed" in variant.changes:
            problems.append(
                f"variant {variant.name}: seed: `seeds` of the ablation says it; leave one of them out"
            )
        for seed in ablation.seeds or (varied.seed,):
            name = f"{ablation.name}.{variant.name}" + (f".seed{seed}" if len(ablation.seeds) > 1 else "")
            found.append(Training(variant, seed, varied.model_copy(update={"name": name, "seed": seed})))
    if problems:
        raise UserError(f"ablation {ablation.name}: " + "; ".join(problems))
    return found


def _vary(ablation: Ablation, variant: Variant, recipe: Recipe) -> Recipe:
    # Changed before stages go, so that a change of a stage that is left out is no mistake of its own.
    varied = change_recipe(recipe, variant.changes) if variant.changes else recipe
    if variant.stages is not None:
        varied = keep_stages(varied, variant.stages)
    evaluate = Evaluation(tasks=(ablation.task,), sts=(ablation.sts,) if ablation.sts else ())
    title = ": ".join(part for part in (ablation.title or ablation.name, variant.shown) if part)
    return varied.model_copy(update={"evaluate": evaluate, "register_as": "", "description": title})
