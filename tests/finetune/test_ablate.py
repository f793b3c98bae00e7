"""An ablation on the toy task; what is trained is injected, everything else is real."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fakes.toy import save_toy_model, write_toy
from finetune.test_sts import ROWS
from xlembed.cli import xlembed
from xlembed.evaluate.dimensions import search_times
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.finetune.ablate import ablate, open_ablation
from xlembed.finetune.ablation import Training
from xlembed.finetune.danger import danger_lines
from xlembed.finetune.job import finetuned_folder
from xlembed.finetune.recipe_loading import Opened, Record
from xlembed.finetune.sts import measure_sts, sts_change
from xlembed.search.exact import ExactIndex
from xlembed.settings import Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Watch, Workspace, unwatched

pytestmark = pytest.mark.slow

RECIPE = """
name: toy_recipe
base: {model}
stages:
  - {{name: first, data: [{{pairs: toy_pairs}}], loss: mnrl, batch: 2}}
  - {{name: retrieval, data: [{{pairs: toy_pairs}}], loss: mnrl, batch: 2}}
"""
ABLATION = """
name: toy_ablation
recipe: {recipe}
variants:
  - {{name: whole, title: both stages}}
  - {{name: alone, stages: [retrieval], set: {{stages.retrieval.batch: 3}}}}
dims: [4, 2, 99]
dims_of: [whole]
task: toy
sts: toy_sts
seeds: [42, 7]
"""


def write_pairs(folder: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    card = f"name: {folder.name}\nkind: {kind}\nlanguages: [en]\n"
    (folder / "pairs.yaml").write_text(card, encoding="utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(lines, encoding="utf-8")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("ablate")
    write_toy(root / "data" / "toy")
    save_toy_model(root / "model")
    write_pairs(root / "data" / "pairs" / "toy_sts", "scored", ROWS)
    pairs = [{"anchor": a, "positive": b} for a, b in (("boat", "boot"), ("cat", "katze"), ("haus", "haus"))]
    write_pairs(root / "data" / "pairs" / "toy_pairs", "pairs", pairs)
    (root / "recipe.yaml").write_text(RECIPE.format(model=root / "model"), encoding="utf-8")
    (root / "ablation.yaml").write_text(ABLATION.format(recipe=root / "recipe.yaml"), encoding="utf-8")
    return Workspace(Settings.model_validate({"evaluate": {"resamples": 200}}), root, root)


def train(
    opened: Opened, workspace: Workspace, watch: Watch = unwatched, record: Record | None = None
) -> dict[str, Any]:
    """What `finetune` leaves behind, without training: variant `alone` loses all but one dimension of its vectors."""
    recipe, task = opened.recipe, opened.tasks[0]
    folder = finetuned_folder(workspace, recipe.name)
    inner = replace(workspace, out=folder)
    save_toy_model(folder / "model")
    dim = 1 if "alone" in recipe.name else None
    evaluations, results = [], []
    for after, variation in (("base", None), (recipe.stages[-1].name, dim)):
        ref = open_model(workspace, str(folder / "model"), dim=variation)
        ref = replace(ref, slug=f"{recipe.name}.{after}")
        encode(task, ref, inner)
        index(task, ref, inner)
        headline = evaluate(task, ref, inner)
        results.append(measure_sts(ref, opened.sets["toy_sts"], inner))
        evaluations.append(
            {
                "after": after,
                "model": ref.slug,
                "tasks": {"toy": headline},
                "sts": {"toy_sts": results[-1].to_json()},
            }
        )
    report: dict[str, Any] = {
        "recipe": recipe.name,
        "base_slug": "toy",
        "dim": 4,
        "stages": [
            {"name": s.name, "loss": s.loss.kind, "batch": s.batch, "took_seconds": 1.5}
            for s in recipe.stages
        ],
        "evaluations": evaluations,
        "sts_changes": [
            {
                "from": "base",
                "to": recipe.stages[-1].name,
                "set": "toy_sts",
                **sts_change(results[0], results[1]),
            }
        ],
    }
    return report | {"warnings": danger_lines(report)}


@pytest.fixture(scope="module")
def told(workspace: Workspace) -> tuple[dict[str, Any], list[str]]:
    """The report, and which trainings were recorded."""
    recorded = []

    @contextlib.contextmanager
    def record(training: Training) -> Iterator[None]:
        recorded.append(training.recipe.name)
        yield

    opened = open_ablation(str(workspace.root / "ablation.yaml"), workspace)
    return ablate(opened, workspace, record=record, train=train), recorded


def test_every_variant_is_trained_with_every_seed(told: tuple[dict[str, Any], list[str]]) -> None:
    report, recorded = told
    assert recorded == [f"toy_ablation.{v}.seed{s}" for v in ("whole", "alone") for s in (42, 7)]
    whole, alone = report["variants"]
    assert (whole["title"], whole["stages"], whole["batch"]) == ("both stages", ["first", "retrieval"], 2)
    assert (alone["title"], alone["stages"], alone["batch"]) == ("alone", ["retrieval"], 3)
    assert whole["took_seconds"] == 3.0
    assert [s["seed"] for s in whole["seeds"]] == [42, 7]


def test_variants_are_compared_with_the_first(told: tuple[dict[str, Any], list[str]]) -> None:
    report, _ = told
    rows = report["comparison"]["primary"]
    assert {(r["a"], r["b"]) for r in rows} == {("alone", "whole")}
    scores = {
        v["name"]: {(s["kind"], s["pool"]): s["value"] for s in v["scores"]} for v in report["variants"]
    }
    assert len(scores["whole"]) == 4
    for r in rows:
        key = (r["kind"], r["pool"])
        assert r["difference"] == pytest.approx(scores["alone"][key] - scores["whole"][key], abs=1e-5)
    assert (
        report["base"]["scores"] == report["variants"][0]["scores"]
    )  # `whole` was not changed by its training


def test_similarity_before_and_after(told: tuple[dict[str, Any], list[str]]) -> None:
    whole, alone = told[0]["variants"]
    assert whole["sts"]["before"] == whole["sts"]["after"]
    assert alone["sts"]["change"]["difference"] == pytest.approx(
        alone["sts"]["after"]["spearman"] - alone["sts"]["before"]["spearman"], abs=1e-5
    )


def test_dimensions_bytes_and_times(told: tuple[dict[str, Any], list[str]]) -> None:
    report, _ = told
    rows = report["dimensions"]
    assert [(r["variant"], r["dim"], r["bytes"]) for r in rows] == [("whole", 4, 16), ("whole", 2, 8)]
    assert all(0 < r["ms"]["low"] <= r["ms"]["median"] <= r["ms"]["high"] for r in rows)
    assert rows[0]["scores"] == report["variants"][0]["scores"]
    assert "whole has 4 dimensions; 99 of `dims` left out." in report["warnings"]
    assert (report["timing"]["documents"], report["timing"]["queries"]) == (6, 6)
    assert any("Contrastive batch: first 2, retrieval 2" in line for line in report["warnings"])
    assert any(line.startswith("whole: of what it has at 4 dimensions") for line in report["warnings"])


def test_files(told: tuple[dict[str, Any], list[str]], workspace: Workspace) -> None:
    folder = workspace.reports("ablations", "toy_ablation")
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == told[0]
    drawn = {p.name for p in (folder / "figures").iterdir()}
    assert {"ablation.png", "sts_slopes.png", "dimension_curve.png"} <= drawn
    assert "batch_curve.png" not in drawn  # the stages differ too
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "both stages" in text and "![dimension curve](figures/dimension_curve.png)" in text
    assert (folder / "comparison" / "comparison.json").is_file()


def test_everything_wrong_is_told_before_anything_is_trained(workspace: Workspace) -> None:
    path = workspace.root / "wrong.yaml"
    text = ABLATION.format(recipe=workspace.root / "recipe.yaml")
    path.write_text(
        text.replace("batch: 3", "batch: 99").replace("sts: toy_sts", "sts: toy_pairs"), encoding="utf-8"
    )
    with pytest.raises(UserError) as error:
        open_ablation(str(path), workspace)
    assert "variant alone: stages.0.batch: 99 is more than the 3 rows there are" in str(error.value)
    assert "variant whole: evaluate.sts: toy_pairs holds pairs" in str(error.value)
    assert str(error.value).count("variant whole") == 1  # not once per seed


def test_the_plan_is_printed_without_training(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr("xlembed.finetune.ablate.finetune", None)
    plan = CliRunner().invoke(
        xlembed, ["ablate", "ablation.yaml", "--dry-run", "--json"], catch_exceptions=False
    )
    rows = json.loads(plan.stdout)
    assert [(r["name"], r["seed"]) for r in rows][:2] == [
        ("toy_ablation.whole.seed42", 42),
        ("toy_ablation.whole.seed7", 7),
    ]
    assert rows[2]["stages"] == ["retrieval (mnrl, batch 3)"]
    told = CliRunner().invoke(xlembed, ["ablate", "ablation.yaml", "--dry-run"], catch_exceptions=False)
    assert "cut to 4, 2, 99 dimensions: whole" in told.stdout
    ready = CliRunner().invoke(xlembed, ["ablate"], catch_exceptions=False)
    assert "shop_small" in ready.stdout


def test_times_of_all_dimensions_are_of_the_same_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    clock = iter(range(1000))
    monkeypatch.setattr("xlembed.evaluate.dimensions.time.perf_counter", lambda: float(next(clock)))
    vectors = np.eye(2, dtype=np.float32)
    documents = ExactIndex(["a", "b"], ["en", "en"], vectors)
    told: list[int] = []
    found = search_times({2: (documents, vectors)}, rounds=3, watch=lambda what, n, total: told.append(n))
    assert found == {2: {"median": 500.0, "low": 500.0, "high": 500.0}}  # a second for two queries
    assert told == [0, 1, 2, 3]
