"""Ablation files and changed recipes: what is read, and that every mistake is named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.finetune.ablation import Ablation, load_ablation, ready_ablations, trainings
from xlembed.finetune.recipe import Recipe
from xlembed.finetune.recipe_loading import change_recipe, keep_stages, read_recipe, ready_recipes
from xlembed.words import UserError


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe(ready_recipes()["turkembed_sequential"])


@pytest.mark.parametrize("name", ready_ablations())
def test_ready_ablations_fit_their_recipes(name: str) -> None:
    found = load_ablation(name)
    assert found.name == name
    if found.recipe in ready_recipes():
        of_recipe = read_recipe(ready_recipes()[found.recipe])
        done = trainings(found, of_recipe)
        assert len(done) == len(found.variants) * max(1, len(found.seeds))
        assert all(t.recipe.register_as == "" and t.recipe.evaluate.tasks == (found.task,) for t in done)


def test_the_ablations_that_were_asked_for(recipe: Recipe) -> None:
    batches = {t.recipe.stages[-1].batch for t in trainings(load_ablation("batch_size"), recipe)}
    assert batches == {256, 512, 1024, 2048}
    assert load_ablation("dimensions").dims == (768, 512, 256, 128)
    stages = {
        t.variant.name: [s.name for s in t.recipe.stages]
        for t in trainings(load_ablation("sequential_vs_retrieval"), recipe)
    }
    assert stages["sequential"] == ["nli", "sts", "retrieval"]
    assert stages["retrieval_only"] == ["retrieval"]


def test_a_change_leaves_the_recipe_as_it_was(recipe: Recipe) -> None:
    changed = change_recipe(
        recipe, {"stages.retrieval.batch": 256, "seed": 7, "stages.retrieval.loss.matryoshka": []}
    )
    assert (changed.stages[2].batch, changed.seed, changed.stages[2].loss.matryoshka) == (256, 7, ())
    assert (recipe.stages[2].batch, recipe.seed) == (2048, 42)
    assert changed.stages[:2] == recipe.stages[:2]


def test_wrong_places_are_named_all_at_once(recipe: Recipe) -> None:
    wrong = {"stages.retreival.batch": 1, "stages.sts.bach": 1, "adapter.r": 4, "seed.x": 1, "stages.nli": {}}
    with pytest.raises(UserError) as error:
        change_recipe(recipe, wrong)
    for part in (
        "there is no stages.retreival. Did you mean 'retrieval'?",
        "there is no stages.sts.bach. Did you mean 'batch'?",
        "adapter is not set in this recipe; set it whole",
        "seed has no settings of its own",
        "expected the place of one setting, as in stages.nli.batch",
    ):
        assert part in str(error.value)
    with pytest.raises(UserError, match=r"stages\.2\.batch: .*greater than or equal to 2"):
        change_recipe(recipe, {"stages.retrieval.batch": 1})


def test_stages_are_kept_in_the_order_of_the_recipe(recipe: Recipe) -> None:
    assert [s.name for s in keep_stages(recipe, ("retrieval", "nli")).stages] == ["nli", "retrieval"]
    with pytest.raises(UserError, match=r"has no 'stt'\. Did you mean 'sts'"):
        keep_stages(recipe, ("stt",))


def test_a_variant_may_have_a_seed_of_its_own(recipe: Recipe) -> None:
    variants = [{"name": "a"}, {"name": "b", "set": {"seed": 7}}]
    words = {"name": "x", "recipe": "turkembed_sequential", "task": "t", "variants": variants}
    assert [t.recipe.seed for t in trainings(Ablation.model_validate(words), recipe)] == [42, 7]
    with pytest.raises(UserError, match="variant b: seed: `seeds` of the ablation says it"):
        trainings(Ablation.model_validate({**words, "seeds": [1, 2]}), recipe)


def test_every_variant_that_does_not_fit_is_named(recipe: Recipe) -> None:
    ablation = Ablation.model_validate(
        {
            "name": "x",
            "recipe": "y",
            "task": "t",
            "variants": [{"name": "a", "stages": ["no"]}, {"name": "b", "set": {"sed": 1}}, {"name": "c"}],
        }
    )
    with pytest.raises(UserError) as error:
        trainings(ablation, recipe)
    assert "variant a: stages:" in str(error.value)
    assert "variant b: sed: there is no sed. Did you mean 'seed'?" in str(error.value)


def test_every_mistake_of_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "name: a b\nrecipe: r\ntask: 3\nvarians: []\nvariants: [{name: a, sett: {}}, {name: a}]\n",
        encoding="utf-8",
    )
    with pytest.raises(UserError) as error:
        load_ablation(str(path))
    for part in (
        "name: expected letters",
        "task: ",
        "varians: unknown key. Did you mean 'variants'?",
        "Did you mean 'set'",
    ):
        assert part in str(error.value)
    path.write_text(
        "name: a\nrecipe: r\ntask: t\ndims_of: [c]\nseeds: [1, 1]\nvariants: [{name: a}, {name: a}]\n",
        encoding="utf-8",
    )
    with pytest.raises(UserError) as error:
        load_ablation(str(path))
    for part in ("variants: a stands twice", "seeds: 1 stands twice", "no variant 'c'", "`dims` is missing"):
        assert part in str(error.value)
    path.write_text("- a\n", encoding="utf-8")
    with pytest.raises(UserError, match="expected fields name, title, recipe"):
        load_ablation(str(path))
    with pytest.raises(UserError, match="Did you mean 'batch_size'"):
        load_ablation("batch_sise")
