"""A recipe from its file to the registry, and what the gate says of the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from cli.command import Answer, description, no_surroundings, xlembed
from fakes.promotable import NAME, TASK
from fakes.trainable import STAGE, question_and_answer, trainable_checkout, write_pairs, write_recipe
from xlembed.data.text_digest import text_digest
from xlembed.finetune.job import finetune, finetuned_folder
from xlembed.finetune.recipe_loading import open_recipe, read_recipe
from xlembed.models.loading import load_encoder
from xlembed.params import load_settings
from xlembed.tracking.ledger import experiment_of
from xlembed.tracking.log import DESCRIPTION
from xlembed.tracking.opening import open_model
from xlembed.words import Role
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

FINAL = "finetuned/learnt"
TEACHER = {"kind": "distillation", "teacher": "static_multilingual"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the recipe was run once."""
    made = trainable_checkout(tmp_path_factory.mktemp("checkout"))
    answer = xlembed(made, "finetune", "recipe.yaml", OMP_NUM_THREADS="1")
    assert answer.code == 0, answer.err
    (made / "said.txt").write_text(answer.out + answer.err, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def report(root: Path) -> dict[str, Any]:
    return json.loads((root / FINAL / "report.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def run(root: Path, *words: str) -> Answer:
    return xlembed(root, *words, OMP_NUM_THREADS="1")


def test_the_model_learns_and_the_report_says_so(root: Path, report: dict[str, Any]) -> None:
    accuracy = [
        e["tasks"][TASK]["scores"]["mono"]["macro"]["accuracy@1"]["value"] for e in report["evaluations"]
    ]
    assert [e["after"] for e in report["evaluations"]] == ["base", "first", "second"]
    assert accuracy[0] == 0.25 and accuracy[-1] > 0.9
    steps = [(c["from"], c["to"]) for c in report["changes"]]
    assert steps == [("base", "first"), ("first", "second"), ("base", "second")]
    whole = next(r for r in report["changes"][-1]["rows"] if r["kind"] == "monolingual")
    assert whole["difference"] == pytest.approx(accuracy[-1] - accuracy[0], abs=1e-5)
    assert whole["verdict"] == "learnt.2-second better"
    assert [c["set"] for c in report["sts_changes"]] == ["alike"] * 3
    assert report["retrieval_vs_sts"][0]["task"] == TASK
    said = (root / "said.txt").read_text(encoding="utf-8")
    for part in (
        "Trainable parameters",
        "before and after",
        "Paired changes",
        "better after",
        "alias candidate",
    ):
        assert part in said


def test_the_result_is_an_ordinary_folder_with_all_that_belongs_to_it(
    root: Path, report: dict[str, Any]
) -> None:
    for name in ("recipe.yaml", "report.md", "figures/training_curves.png", "figures/before_after.png"):
        assert (root / FINAL / name).is_file()
    assert read_recipe(root / FINAL / "recipe.yaml").name == "learnt"
    for evaluation in report["evaluations"]:
        assert (root / FINAL / "runs" / TASK / evaluation["model"] / "units.parquet").is_file()
    assert run(root, "run", "-m", f"{FINAL}/model", "-t", TASK, "--out", "again").code == 0
    headline = json.loads((root / "results" / "finetune-learnt.json").read_text(encoding="utf-8"))
    last = report["evaluations"][-1]["tasks"][TASK]["scores"]
    assert headline["task"] == TASK and headline["cross"]["value"] == pytest.approx(
        last["cross"]["macro"]["accuracy@1"]["value"], abs=1e-4
    )


def test_files_tell_neither_time_nor_place(root: Path) -> None:
    for path in [
        *(root / FINAL).rglob("*.json"),
        *(root / FINAL).rglob("*.md"),
        *(root / FINAL).rglob("*.yaml"),
    ]:
        text = path.read_text(encoding="utf-8")
        assert str(root) not in text and "/tmp/" not in text, path
    stages = json.loads((root / FINAL / "report.json").read_text(encoding="utf-8"))["stages"]
    assert {stage["took_seconds"] for stage in stages} == {None}


def test_texts_that_were_seen_are_written_down(root: Path) -> None:
    seen = (root / FINAL / "text_digests.txt").read_text(encoding="utf-8").split()
    wanted = {
        text_digest(row[c]) for n in (2, 3) for row in question_and_answer(n) for c in ("anchor", "positive")
    }
    assert seen == sorted(wanted)
    inside = (root / FINAL / "model" / "xlembed_texts.digests").read_text(encoding="utf-8").split()
    assert inside == seen


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.suffix not in (".pdf", ".png", ".parquet")
    }


@pytest.mark.slow
def test_an_interrupted_training_ends_the_same(root: Path, tmp_path: Path) -> None:
    """Ctrl-C in the second stage, then the same again: every file of the result is equal to the byte."""
    with no_surroundings(root, XLEMBED_CACHE=str(tmp_path / "cache")):
        workspace = Workspace(load_settings(root / "params.yaml"), root, tmp_path)
        opened = open_recipe(read_recipe(root / "recipe.yaml"), workspace)

        def interrupt(what: str, done: int, total: int) -> None:
            if what.startswith("second: training") and done >= 12:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            finetune(opened, workspace, interrupt)
        assert not finetuned_folder(workspace, "learnt").exists()
        told: list[str] = []
        again = finetune(opened, workspace, lambda what, done, total: told.append(f"{what} {done}"))
        assert [stage["reused"] for stage in again["stages"]] == [True, False]
        assert "second: training second 1" not in told
    assert files_of(finetuned_folder(workspace, "learnt")) == files_of(root / FINAL)


@pytest.mark.slow
def test_stages_are_shared_by_recipes_that_begin_alike(root: Path) -> None:
    def reused(recipe: str) -> list[bool]:
        with no_surroundings(root):
            workspace = Workspace(load_settings(root / "params.yaml"), Path(), Path("other"))
            found = finetune(open_recipe(read_recipe(Path(recipe)), workspace), workspace)
        return [stage["reused"] for stage in found["stages"]]

    second = {**STAGE, "name": "later", "epochs": 1}
    assert reused(write_recipe(root, "alike", stages=[STAGE, second])) == [True, False]
    assert reused(write_recipe(root, "alike", stages=[{**STAGE, "name": "renamed"}, second])) == [True, True]
    assert reused(write_recipe(root, "other", stages=[STAGE], seed=1)) == [False]
    assert reused(write_recipe(root, "other", stages=[{**STAGE, "learning_rate": 0.01}])) == [False]


def test_a_failing_recipe_leaves_the_result_before_it(root: Path) -> None:
    before = files_of(root / FINAL)
    diverges = [{**STAGE, "learning_rate": 1e30, "max_gradient_norm": 1e30}]
    answer = run(root, "finetune", write_recipe(root, "broken", stages=diverges), "--name", "learnt")
    assert answer.code == 2 and "the loss is nan" in answer.err
    assert files_of(root / FINAL) == before


# The registry


def test_the_run_tells_everything(root: Path) -> None:
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        client = MlflowClient()
        version = client.get_model_version_by_alias(NAME, "candidate")
        parent = client.get_run(str(version.run_id))
        experiment = parent.info.experiment_id
        children = client.search_runs(
            [experiment], f"tags.mlflow.parentRunId = '{parent.info.run_id}'", max_results=50
        )
        model = client.get_logged_model(str(version.source).removeprefix("models:/"))
        history = next(c for c in children if c.info.run_name == "train second")
        first = next(c for c in children if c.info.run_name == "train first")
        losses = client.get_metric_history(first.info.run_id, "loss")
    assert parent.info.status == "FINISHED" and parent.data.tags["kind"] == "finetune"
    assert parent.data.params["recipe.base"] == "weak"
    sets = {i.dataset.name: i.tags[0].value for i in parent.inputs.dataset_inputs}
    assert sets == {"train": "training", "dev": "training", "alike": "training"}
    assert {c.info.run_name for c in children} == {
        "train first",
        "train second",
        *(f"evaluate {after} on {TASK}" for after in ("base", "first", "second")),
    }
    assert len({m.step for m in losses}) > 3 and losses[0].value > losses[-1].value
    assert "dev/MRR_at_10" in history.data.metrics and "learning_rate" in history.data.metrics
    tags = version.tags
    assert tags["xlembed.recipe"] == "learnt" and tags["xlembed.base"] == "weak"
    assert tags["xlembed.training_run"] == parent.info.run_id
    (evaluated,) = [value for key, value in tags.items() if key.startswith("xlembed.evaluation.")]
    assert evaluated in {c.info.run_id for c in children}
    assert {m.key for m in model.metrics or []} >= {"mono/accuracy_at_1"}
    described = str(version.description)
    assert "# learnt" in described and len(described) <= 5000
    picture = f"](get-artifact?path=figures/before_after.png&run_uuid={parent.info.run_id})"
    assert "](figures/" not in described and picture in described, "the UI loads it from the run's files"
    assert f"Evaluation on {TASK}: [run " in described
    whole = parent.data.tags[DESCRIPTION]
    assert whole.startswith(f"Files: `{FINAL}`") and "](figures/" not in whole
    assert history.data.tags[DESCRIPTION].startswith("`train second`, a part of [learnt](#/experiments/")


@pytest.mark.parametrize("role", list(Role))
def test_a_registered_model_gives_the_same_vectors(root: Path, role: Role) -> None:
    texts = ["enq1", "deq2 deq3", "unknown"]
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        workspace = Workspace(load_settings(root / "params.yaml"))
        local = load_encoder(open_model(workspace, f"{FINAL}/model")).encode_batch(texts, role)
        for uri in (f"models:/{NAME}@candidate", f"models:/{NAME}/1"):
            fetched = load_encoder(open_model(workspace, uri)).encode_batch(texts, role)
            np.testing.assert_array_equal(fetched, local)
        served = mlflow.pyfunc.load_model(f"models:/{NAME}@candidate")
        answer = served.predict(texts, params={"prompt_name": role.value})
        (requirements,) = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/1")).glob(
            "requirements.txt"
        )
        pinned = requirements.read_text(encoding="utf-8").split()
    np.testing.assert_allclose(answer, local, atol=1e-5)
    assert all("==" in line for line in pinned) and any(p.startswith("torch==") for p in pinned)


def test_own_modules_travel_with_the_model(root: Path) -> None:
    head = {"kind": "experts", "out": 16, "experts": 2}
    recipe = write_recipe(root, "headed", head=head, stages=[STAGE], register_as="headed")
    answer = run(root, "finetune", recipe)
    assert answer.code == 0, answer.err
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        folder = Path(mlflow.artifacts.download_artifacts("models:/headed/1"))
        assert (folder / "code" / "xlembed" / "models" / "modules" / "experts_head.py").is_file()
        served = mlflow.pyfunc.load_model(str(folder)).predict(["enq1"])
        local = load_encoder(
            open_model(Workspace(load_settings(root / "params.yaml")), "finetuned/headed/model")
        )
        np.testing.assert_allclose(served, local.encode_batch(["enq1"], Role.DOCUMENT), atol=1e-5)


def test_similarity_that_is_constant_or_was_trained_on(root: Path) -> None:
    """A set whose texts are the same in pairs has no correlation; one that was trained on is no test."""
    rows = [{"text1": f"enq{i}", "text2": f"enq{i}", "score": i} for i in range(3)]
    langs = {"text1_lang": "en", "text2_lang": "en"}
    write_pairs(root / "data", "same", "scored", [{**row, **langs} for row in rows])
    stages = [{**STAGE, "data": [{"pairs": "alike"}], "loss": "cosent"}]
    recipe = write_recipe(root, "similar", stages=stages, evaluate={"sts": ["same", "alike"]}, register_as="")
    answer = run(root, "finetune", recipe)
    assert answer.code == 0, answer.err
    assert "similarity on alike: 79 of its texts were trained on" in " ".join(answer.out.split()), answer.out
    found = json.loads((root / "finetuned" / "similar" / "report.json").read_text(encoding="utf-8"))
    assert found["evaluations"][-1]["sts"]["same"]["spearman"] is None


# The gate


def test_what_was_learnt_from_other_texts_is_promoted(root: Path) -> None:
    answer = run(root, "promote", f"models:/{NAME}/1")
    assert answer.code == 0, answer.err
    assert f"champion of {NAME}: models:/{NAME}/1" in answer.out + answer.err
    assert f"champion of {NAME}: models:/{NAME}/1" in description(root, experiment_of(NAME), "promotion")


def test_the_alias_of_a_base_becomes_its_version(root: Path) -> None:
    """Else the result, which is the next candidate, would be compared with itself."""
    recipe = write_recipe(root, "further", base=f"models:/{NAME}@candidate")
    answer = run(root, "finetune", recipe, "--dry-run")
    assert answer.code == 0 and f"base models:/{NAME}/1" in answer.err, answer.err


def test_what_was_learnt_by_heart_is_refused(root: Path) -> None:
    recipe = write_recipe(root, "copied", stages=[{**STAGE, "data": [{"pairs": "copied"}]}])
    answer = run(root, "finetune", recipe)
    assert answer.code == 0, answer.err
    assert "160 of its texts" in answer.out
    refused = run(root, "promote")
    assert refused.code == 1
    assert "was trained or chosen on" in refused.out + refused.err
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        assert MlflowClient().get_model_version_by_alias(NAME, "champion").version in (1, "1")


# The command line


def test_without_a_recipe_the_ready_ones_are_listed(root: Path) -> None:
    answer = run(root, "finetune")
    assert answer.code == 0 and all(name in answer.out for name in ("shop_static", "turkembed_sequential"))


def test_a_dry_run_trains_nothing(root: Path) -> None:
    answer = run(root, "finetune", "recipe.yaml", "--dry-run", "--name", "tried")
    assert answer.code == 0 and "2. second: mnrl on train (80 rows), batch 8, 2 epochs" in answer.err
    assert not (root / "finetuned" / "tried").exists()
    part = ["--set", "stages.second.data=[{pairs: train, languages: [en], limit: 10}]"]
    answer = run(root, "finetune", "recipe.yaml", "--dry-run", "--name", "tried", *part)
    assert "2. second: mnrl on train (10 rows)" in answer.err, answer.err
    answer = run(root, "finetune", "recipe.yaml", "--dry-run", "--name", "tried", "--json")
    assert json.loads(answer.out)["name"] == "tried"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"stages": [STAGE, {**STAGE, "name": "later", "head_learning_rate": 0.1}]},
            "later: head_learning_rate",
        ),
        ({"stages": [{**STAGE, "loss": {"kind": "mnrl", "matryoshka": [4096]}}]}, "take sizes up to"),
        (
            {"stages": [{**STAGE, "data": [{"pairs": "said"}], "loss": TEACHER}]},
            "the teacher's vectors have 256 dimensions, the model's",
        ),
        (
            {
                "stages": [
                    {
                        **STAGE,
                        "data": [{"pairs": "said"}],
                        "loss": {**TEACHER, "teacher": TEACHER["teacher"] + "+dim32"},
                    }
                ]
            },
            "put a head with `out: 32` on the model",
        ),
        ({"base": "all_minilm_l6_v2", "languages": ["gu"]}, "of the tokens of a gu sentence are unknown"),
        ({"adapter": {"r": 4}}, "without a body: adapter"),
        ({"pooling": {"kind": "cls"}}, "without a body: pooling"),
    ],
)
def test_a_dry_run_finds_what_training_would_find(root: Path, changes: dict[str, Any], message: str) -> None:
    """In a later stage too, and before the base is evaluated."""
    if not (root / "data" / "pairs" / "said").exists():
        write_pairs(root / "data", "said", "translations", question_and_answer(2))
    answer = run(root, "finetune", write_recipe(root, "unfit", **changes), "--dry-run")
    assert answer.code == 2 and message in " ".join(answer.err.split()), answer.err


def test_a_dry_run_takes_a_head_that_fits_the_teacher(root: Path) -> None:
    write_pairs(root / "data", "heard", "translations", question_and_answer(2))
    stages = [{**STAGE, "data": [{"pairs": "heard"}], "loss": TEACHER}]
    recipe = write_recipe(root, "fit", stages=stages, head={"kind": "linear", "out": 256})
    answer = run(root, "finetune", recipe, "--dry-run")
    assert answer.code == 0 and "1. first: distillation on heard" in answer.err, answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recipy.yaml"], "no recipe 'recipy.yaml'"),
        (["shop_statik"], "Did you mean 'shop_static'?"),
        (["recipe.yaml", "--set", "seed=1"], "give the result a --name of its own"),
        (["recipe.yaml", "--name", "x", "--set", "stages.frist.batch=4"], "Did you mean 'first'?"),
        (["recipe.yaml", "--name", "x", "--set", "stages.first.batch"], "expected PLACE=VALUE"),
        (["recipe.yaml", "--name", "x", "--set", "stages.first.batch=many"], "batch"),
        (["recipe.yaml", "--name", "x", "--set", "base=bm25"], "no weights to train"),
        (["recipe.yaml", "--name", "x", "--set", "base=weak+dim8"], "without suffixes"),
        (["recipe.yaml", "--name", "x", "--set", "evaluate.tasks=[fourty]"], "there is no task 'fourty'"),
        (
            ["recipe.yaml", "--name", "x", "--set", f"evaluate.tasks=[{TASK}, data/{TASK}]"],
            "2 are called forty",
        ),
    ],
)
def test_mistakes_are_told(root: Path, words: list[str], message: str) -> None:
    answer = run(root, "finetune", *words)
    assert answer.code == 2 and message in answer.err and answer.err.startswith("Error: ")


def test_negatives_that_no_row_finds_are_told(root: Path) -> None:
    negatives = {"kind": "random", "per_row": 500}
    stages = [{**STAGE, "loss": "triplet", "negatives": negatives}]
    answer = run(root, "finetune", write_recipe(root, "greedy", stages=stages, evaluate={}))
    assert answer.code == 2 and "no row of train finds 500 negatives" in " ".join(answer.err.split())


def test_a_vocabulary_is_learnt_from_training_texts_alone(root: Path) -> None:
    """`dev` and `alike` are named by the recipe too, but only looked at."""
    from xlembed.finetune.recipe_loading import load_recipe, open_recipe
    from xlembed.finetune.stage import _trained_sets
    from xlembed.params import load_settings
    from xlembed.workspace import Workspace

    with no_surroundings(root):
        opened = open_recipe(
            load_recipe("recipe.yaml", Path("data")), Workspace(load_settings(Path("params.yaml")), Path())
        )
    assert set(opened.sets) == {"train", "dev", "alike"}
    assert [found.name for found in _trained_sets(opened)] == ["train"]
