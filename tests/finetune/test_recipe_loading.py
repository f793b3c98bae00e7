from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlembed.finetune.recipe import Data, Recipe
from xlembed.finetune.recipe_loading import (
    chosen_rows,
    load_recipe,
    read_recipe,
    ready_recipes,
    recipe_to_yaml,
    set_names,
)
from xlembed.words import UserError

GOOD: dict[str, Any] = {
    "name": "r",
    "base": "static_multilingual",
    "stages": [{"name": "s", "data": [{"pairs": "pairs"}], "loss": "mnrl", "batch": 2}],
}
ROWS: dict[str, list[dict[str, Any]]] = {
    "pairs": [{"anchor": f"q{i}", "positive": f"p{i}"} for i in range(4)],
    "triplets": [{"anchor": f"q{i}", "positive": f"p{i}", "negative": f"n{i}"} for i in range(4)],
    "translations": [{"anchor": f"q{i}", "positive": f"p{i}", "positive_lang": "tr"} for i in range(4)],
    "scored": [{"text1": f"q{i}", "text2": f"p{i}", "score": i} for i in range(4)],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A set of each kind, called like its kind."""
    for kind, rows in ROWS.items():
        folder = tmp_path / "data" / "pairs" / kind
        folder.mkdir(parents=True)
        card = {"name": kind, "kind": kind, "languages": ["en"]}
        (folder / "pairs.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
        lines = [json.dumps({"anchor_lang": "en", **row}) for row in rows]
        (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "data"


def written(tmp_path: Path, recipe: Any) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def stage(**changes: Any) -> dict[str, Any]:
    return {**GOOD, "stages": [{**GOOD["stages"][0], **changes}]}


@pytest.mark.parametrize(
    ("recipe", "messages"),
    [
        ({**GOOD, "bass": "x"}, ["bass: unknown key. Did you mean 'base'? Known here: name, description"]),
        ({**GOOD, "dtype": "float16"}, ["dtype: Input should be 'float32' or 'bfloat16' (found 'float16')"]),
        ({"name": "r", "stages": GOOD["stages"]}, ["base: missing"]),
        ({**GOOD, "seed": -1}, ["seed: Input should be greater than or equal to 0 (found -1)"]),
        ({**GOOD, "seed": 2**32}, ["seed: Input should be less than 4294967296"]),
        ({**GOOD, "name": "a b"}, ["name: expected letters, digits", "(found 'a b')"]),
        ({**GOOD, "head": {"kind": "mlp", "out": 3}}, ["head.hidden: missing"]),
        (
            {**GOOD, "head": {"kind": "linear", "out": 3, "bais": True}},
            ["head.bais: unknown key. Did you mean 'bias'? Known here: kind, out, bias"],
        ),
        ({**GOOD, "pooling": "average"}, ["pooling: kind: expected one of", "found 'average'"]),
        ({**GOOD, "body": "freeze"}, ["leaves nothing to train"]),
        ({**GOOD, "adapter": {}, "body": "freeze"}, ["adapter: trains the body"]),
        (stage(loss="mnrll"), ["stages.0.loss: kind: expected one of cached_mnrl", "Did you mean 'mnrl'?"]),
        (
            stage(loss={"kind": "mnrl", "scal": 2}),
            ["stages.0.loss.scal: unknown key. Did you mean 'scale'? Known here: "],
        ),
        (stage(loss={"scale": 2}), ["stages.0.loss: expected a section with `kind`"]),
        (stage(batch="many", epochs=0), ["stages.0.batch: ", "stages.0.epochs: "]),
        (stage(early_stopping={"patience": 2}), ["stages.0: early_stopping needs `dev`"]),
        (stage(data=[]), ["stages.0.data: "]),
        (
            stage(epochs=math.inf, weight_decay=math.inf, data=[{"pairs": "pairs", "weight": math.inf}]),
            [
                f"stages.0.{place}: Input should be a finite number (found inf)"
                for place in ("epochs", "weight_decay")
            ],
        ),
        (
            {**GOOD, "pooling": {"kind": "weighted", "weights": {"mean": math.nan}}},
            ["pooling.weights.mean: Input should be a finite number"],
        ),
        (
            stage(negatives={"kind": "hard", "skip": 50}),
            ["stages.0.negatives: deepest: expected at least skip + per_row, 50 + 1, found 50"],
        ),
        ({**GOOD, "stages": [*GOOD["stages"], *GOOD["stages"]]}, ["a name stands twice"]),
    ],
)
def test_every_wrong_key_and_value_has_its_place(
    tmp_path: Path, recipe: dict[str, Any], messages: list[str]
) -> None:
    path = written(tmp_path, recipe)
    with pytest.raises(UserError) as caught:
        read_recipe(path)
    for line in str(caught.value).splitlines():
        assert line.startswith(f"{path}: ")
    for message in messages:
        assert message in str(caught.value)


def test_all_of_it_at_once(tmp_path: Path) -> None:
    wrong = {**stage(loss={"kind": "cosent", "scale": -1}, bach=3), "seed": "x", "head": {"kind": "tree"}}
    with pytest.raises(UserError) as caught:
        read_recipe(written(tmp_path, wrong))
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert [any(place in line for line in lines) for place in ("seed:", "head: kind", "loss.scale", "bach")]


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"data": [{"pairs": "pears"}]}, ["no pair set 'pears'", "Did you mean 'pairs'?"]),
        ({"loss": "cosent"}, ["stages.0.data.0: the loss cosent reads scored; pairs holds pairs"]),
        (
            {"loss": "mnrl", "data": [{"pairs": "scored"}]},
            ["reads pairs or triplets or translations; scored holds"],
        ),
        ({"loss": "triplet"}, ["stages.0.negatives: the loss triplet needs them, since pairs holds pairs"]),
        ({"loss": "distillation"}, ["the loss distillation reads translations; pairs holds pairs"]),
        (
            {"data": [{"pairs": "pairs"}, {"pairs": "triplets"}]},
            ["stages.0.data: triplets and pairs cannot be blended"],
        ),
        (
            {"data": [{"pairs": "triplets"}], "negatives": {"kind": "random"}},
            ["stages.0.negatives: the rows bring their own"],
        ),
        ({"batch": 5}, ["stages.0.batch: 5 is more than the 4 rows there are"]),
        (
            {"data": [{"pairs": "translations", "languages": ["en"]}]},
            ["stages.0.data.0: translations has no row in en"],
        ),
        ({"dev": {"pairs": "pairs", "metric": "MRR@10"}}, ["stages.0.dev.pairs: pairs is trained on"]),
        (
            {"dev": {"pairs": "translations", "metric": "spearman"}},
            ["stages.0.dev.metric: translations holds translations; expected accuracy@1, MRR@10"],
        ),
    ],
)
def test_data_that_do_not_fit(
    data: Path, tmp_path: Path, changes: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(str(written(tmp_path, stage(**changes))), data)
    for message in messages:
        assert message in str(caught.value)


def test_dev_is_not_trained_on_by_its_path_either(data: Path, tmp_path: Path) -> None:
    dev = {"pairs": str(data / "pairs" / "pairs"), "metric": "MRR@10"}
    with pytest.raises(UserError, match="is trained on; early stopping needs other rows"):
        load_recipe(str(written(tmp_path, stage(dev=dev))), data)


def test_data_problems_come_all_at_once(data: Path, tmp_path: Path) -> None:
    recipe = {
        **stage(loss="cosent", data=[{"pairs": "nope"}, {"pairs": "pairs"}]),
        "evaluate": {"sts": ["pairs"]},
    }
    with pytest.raises(UserError) as caught:
        load_recipe(str(written(tmp_path, recipe)), data)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data": [{"pairs": "triplets"}], "loss": "triplet"},
        {"negatives": {"kind": "random"}, "loss": {"kind": "triplet", "margin": 0.1}},
        {"data": [{"pairs": "scored"}], "loss": "cosent"},
        {"data": [{"pairs": "translations"}], "loss": "distillation"},
        {"data": [{"pairs": "pairs"}, {"pairs": "translations", "weight": 2}], "loss": "circle"},
        {"dev": {"pairs": "scored", "metric": "spearman"}, "early_stopping": {}},
    ],
)
def test_data_that_fit(data: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    recipe = load_recipe(str(written(tmp_path, stage(**changes))), data)
    again = tmp_path / "again.yaml"
    again.write_text(recipe_to_yaml(recipe), encoding="utf-8")
    assert read_recipe(again) == recipe


def test_languages_and_limit_choose_rows(data: Path) -> None:
    from xlembed.data.pairs import load_pairs

    found = load_pairs("translations", data)
    assert chosen_rows(Data(pairs="translations", languages=("en",)), found, 1) == []
    some = chosen_rows(Data(pairs="translations", limit=2), found, 1)
    assert len(some) == 2 and some == chosen_rows(Data(pairs="translations", limit=2), found, 1)


def test_the_ready_recipes_are_recipes() -> None:
    ready = ready_recipes()
    assert {
        "shop_static",
        "turkembed_sequential",
        "turkish_minilm",
        "turkish_static",
        "turkish_student",
    } <= ready.keys()
    for name, path in ready.items():
        recipe = read_recipe(path)
        assert recipe.name == name and recipe.description and set_names(recipe)
        assert isinstance(recipe, Recipe)


def test_an_unknown_recipe_gets_the_near_miss(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"no recipe 'shop_statik'.*Did you mean 'shop_static'\? Ready: .*shop_static, "
    ):
        load_recipe("shop_statik", tmp_path)
    (tmp_path / "x.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(UserError, match="not valid YAML"):
        read_recipe(tmp_path / "x.yaml")
