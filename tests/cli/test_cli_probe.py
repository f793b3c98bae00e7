"""`xlembed probe` as a user types it: files, MLflow runs, a model that takes texts, and what it says of bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from cli.command import Answer, no_surroundings, xlembed
from fakes.scored_toy import make_scored_checkout, write_set
from xlembed.data.scored import load_scored

pytestmark = pytest.mark.usefixtures("sketches")

SYSTEMS = ("mean", "toy:ridge", "toy:mlp")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    root = make_scored_checkout(tmp_path_factory.mktemp("checkout"))
    params = root / "params.yaml"  # whose lists are those of `dvc repro`
    text = params.read_text(encoding="utf-8").replace(
        "tasks: [moods], models: [toy]", "tasks: [], models: [toy, toy+dim3]"
    )
    params.write_text(text, encoding="utf-8")
    answer = xlembed(root, "probe", "-t", "moods", "-m", "toy", "--probe", "ridge,mlp", "--log-model", "all")
    assert answer.code == 0, answer.err
    return root, answer


@pytest.fixture(scope="module")
def report(done: tuple[Path, Answer]) -> dict[str, Any]:
    return json.loads((done[0] / "probes" / "moods" / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def runs(done: tuple[Path, Answer]) -> dict[str, Run]:
    client = MlflowClient(f"sqlite:///{done[0] / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("moods/probe")
    assert experiment is not None
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_tables_say_what_the_files_say(done: tuple[Path, Answer], report: dict[str, Any]) -> None:
    root, answer = done
    for system in SYSTEMS:
        (row,) = [
            r
            for r in report["scores"]
            if (r["system"], r["measure"], r["dimension"], r["lang"]) == (system, "MAE", None, None)
        ]
        assert system in answer.out and f"{row['value']:.3f}" in answer.out
    assert "English-only model" in answer.out
    pages = root / "reports" / "probe" / "moods"
    assert {p.name for p in pages.iterdir()} == {
        "figures",
        "report.docx",
        "report.html",
        "report.md",
        "timings.json",
    }
    assert str(pages.relative_to(root) / "report.html") in answer.out


def test_mlflow_has_a_run_per_system_under_one(runs: dict[str, Run], report: dict[str, Any]) -> None:
    parent = runs["probe moods"]
    assert set(runs) == {"probe moods", *SYSTEMS}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert parent.data.params["probe.probes"] == "ridge,mlp" and parent.data.params["task.name"] == "moods"
    assert parent.data.params["probe.models"] == "toy" and parent.data.params["probe.tasks"] == "moods"
    assert parent.inputs.dataset_inputs[0].dataset.name == "moods"
    ridge = runs["toy:ridge"]
    assert ridge.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (
        ridge.data.tags["english_only"] == "true" and ridge.data.tags["verdict.no_rival"] == "not comparable"
    )
    (overall,) = [
        r
        for r in report["scores"]
        if (r["system"], r["measure"], r["dimension"], r["lang"]) == ("toy:ridge", "MAE", None, None)
    ]
    metrics = ridge.data.metrics
    assert metrics["mae"] == overall["value"] and metrics["mae/ci_low"] == overall["ci_low"]
    assert metrics["size/trainable_parameters"] == 10 and metrics["speed/ms_per_text"] > 0
    assert {"mae/fr", "mae/dimension/cheer", "mae/fr/dimension/cheer", "spearman", "rmse"} <= set(metrics)


def test_logged_models_take_texts_and_give_the_scores_of_the_run(
    done: tuple[Path, Answer], runs: dict[str, Run]
) -> None:
    root, answer = done
    table = pd.read_parquet(root / "probes" / "moods" / "predictions.parquet")
    texts = {t.text_id: t.text for t in load_scored("moods", root / "data").texts}
    lines = [line for line in answer.out.splitlines() if line.startswith("Serve ")]
    assert len(lines) == 2
    for line in lines:
        system = line.removeprefix("Serve ").partition(": ")[0]
        uri = line.partition(" -m ")[2].split()[0]
        with no_surroundings(root):
            mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
            model = mlflow.pyfunc.load_model(uri)
        own = table[table["system"] == system]
        ids = own["text_id"].unique()[:5].tolist()
        found = model.predict(pd.DataFrame({"text": [texts[i] for i in ids]}))
        assert list(found.columns) == ["cheer", "alarm"]
        expected = own.set_index(["text_id", "dimension"])["predicted"].unstack().loc[ids, ["cheer", "alarm"]]
        assert np.allclose(found, expected, atol=1e-5)
        assert model.metadata.signature.inputs.input_names() == ["text"]
        files = {p.suffix for p in (root / "mlruns").rglob("*") if p.is_file()}
        assert not files & {".pkl", ".pickle", ".bin", ".pt", ".joblib"}


def test_labels_are_served_with_their_decisions(done: tuple[Path, Answer]) -> None:
    root, _ = done
    answer = xlembed(root, "probe", "-t", "signs", "--experiment", "labels", "--json")
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("labels")
    assert experiment is not None
    (logged,) = client.search_logged_models([experiment.experiment_id])
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        found = mlflow.pyfunc.load_model(logged.model_uri).predict(
            pd.DataFrame({"text": ["joy joy paix", "gloom gloom"]})
        )
    assert list(found.columns) == ["cheer", "alarm", "cheer_yes", "alarm_yes"]
    assert found["cheer_yes"].tolist() == [1, 0]
    (ridge,) = [s for s in report["systems"] if s["name"] == "toy:ridge"]
    assert (found["cheer"] >= ridge["thresholds"]["cheer"]).astype(int).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "-t: expected scored texts"),
        (["-t", "mods"], "Did you mean 'moods'"),
        (["-t", "moods", "-m", "tyo"], "unknown model 'tyo'"),
        (["-t", "moods", "--probe", "rigde"], "no probe 'rigde'"),
        (["-t", "moods", "--rival", "nobody"], "minilm_lora"),
        (["-t", "moods", "--max-tokens", "0"], "probe.max_tokens"),
        (["-t", "moods", "--split", "random"], "probe.split"),
        (["-t", "moods", "--log-model", "most"], "choose one of best, all, none"),
    ],
)
def test_bad_input_is_a_message_and_exit_code_2(
    done: tuple[Path, Answer], words: list[str], message: str
) -> None:
    answer = xlembed(done[0], "probe", *words)
    assert answer.code == 2 and message in answer.err, answer.err
    assert "Traceback" not in answer.err


def test_a_broken_text_is_told_with_its_line(done: tuple[Path, Answer]) -> None:
    root, _ = done
    folder = write_set(root, "broken", n_documents=12).folder
    lines = (folder / "texts.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    lines[4] = lines[4].replace('"alarm": ', '"alram": ')
    (folder / "texts.jsonl").write_text("".join(lines), encoding="utf-8")
    answer = xlembed(root, "probe", "-t", "broken")
    assert answer.code == 2 and "texts.jsonl:5" in answer.err and "alarm" in answer.err
