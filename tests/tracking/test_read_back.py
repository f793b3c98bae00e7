"""A finished run read back through MLflow's client: what architecture.md promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from cli.command import xlembed
from xlembed.files import atomic_writer
from xlembed.tracking.log import log_folder, metric_name, version_tags
from xlembed.tracking.runs import open_run
from xlembed.tracking.store import EXPERIMENT_KIND, connect
from xlembed.words import UserError

pytestmark = pytest.mark.usefixtures("sketches")

FOUR = ("cross", "mono", "true_cross/all", "true_cross/target")
HEADLINE = sorted(
    [f"{mode}/{measure}" for mode in FOUR for measure in ("accuracy_at_1", "MRR_at_10", "accuracy_at_10")]
    + ["loss_strong/accuracy_at_1", "loss_weak/accuracy_at_1"]
)
"""And `language_bias`, where a first document is wrong."""
PARTS = ("encode", "index", "search", "ranks", "metrics", "intervals", "files", "figures", "logging")
SPEED = {
    *(
        f"speed/{role}/{name}"
        for role in ("document", "query")
        for name in ("seconds", "texts_per_second", "peak_memory_mb")
    ),
    *(f"speed/{name}_{what}" for name in (*PARTS, "total") for what in ("seconds", "peak_memory_mb")),
}
WORDS = {"de": ["Hund", "Katze", "Haus"], "en": ["dog", "cat", "house"]}


def write_task(root: Path) -> None:
    folder = root / "data" / "animals"
    (folder / "qrels").mkdir(parents=True)
    (folder / "task.yaml").write_text("name: animals\nlanguages: [de, en]\nalignment: parallel\n")
    documents, queries, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for lang, words in WORDS.items():
        for i, word in enumerate(words):
            documents.append(f'{{"_id": "d{i}-{lang}", "text": "{word}", "lang": "{lang}", "group": "{i}"}}')
            queries.append(
                f'{{"_id": "q{i}-{lang}", "text": "{word}?", "lang": "{lang}", "need_id": "q{i}"}}'
            )
            qrels += [f"q{i}-{lang}\td{i}-{other}\t1" for other in WORDS]
    for name, rows in (("corpus.jsonl", documents), ("queries.jsonl", queries), ("qrels/test.tsv", qrels)):
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout where a whole process has run."""
    root = tmp_path_factory.mktemp("checkout")
    write_task(root)
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "DVC_"))}
    surroundings |= {
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "XLEMBED_CACHE": str(root / "cache"),
    }
    words = ("run", "-m", "static_multilingual", "-t", "animals", "--json")
    command = [sys.executable, "-c", "from xlembed.cli import main; main()", *words]
    done = subprocess.run(command, cwd=root, env=surroundings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    speed = found.pop("speed")
    details = (root / "results/animals/static_multilingual.details.json").read_text(encoding="utf-8")
    assert found == json.loads(details)
    assert set(speed["seconds"]) == set(speed["peak_memory_mb"]) == {*PARTS, "total"}
    assert all(found > 0 for found in speed["peak_memory_mb"].values())
    return root


@pytest.fixture
def client(finished: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")


def runs(client: MlflowClient, experiment: str = "animals") -> dict:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    listed = client.search_runs([found.experiment_id], run_view_type=ViewType.ALL)
    return {run.info.run_name: run for run in listed}


def test_the_experiment_of_a_task_holds_evaluations_only(client: MlflowClient) -> None:
    found = runs(client)
    assert set(found) == {"static_multilingual"} and found["static_multilingual"].info.status == "FINISHED"
    experiment = client.get_experiment_by_name("animals")
    assert experiment is not None and experiment.tags[EXPERIMENT_KIND] == "custom_model_development"


def test_params_tags_metrics_and_data(client: MlflowClient) -> None:
    run = runs(client)["static_multilingual"]
    assert run.data.params["evaluate.depth"] == "1000"
    assert run.data.params["encode.storage_dtype"] == "float32"
    assert len(run.data.params) <= 13 and not any(name.startswith("card.") for name in run.data.params)
    assert run.data.tags["task"] == "animals" and run.data.tags["english_only"] == "false"
    assert len(run.data.tags["fingerprint"]) == 64
    names = sorted(name for name in run.data.metrics if not name.startswith("speed/"))
    assert [name for name in names if not name.endswith(("/ci_low", "/ci_high"))] == HEADLINE
    assert all(
        0 <= run.data.metrics[name] <= 1 for name in names if "accuracy" in name and "loss" not in name
    )
    assert {name for name in run.data.metrics if name.startswith("speed/")} == SPEED
    description = run.data.tags["mlflow.note.content"]
    assert "| monolingual |" in description and "xlembed report -t animals" in description
    assert [d.dataset.name for d in run.inputs.dataset_inputs] == ["animals"]


def test_artifacts(client: MlflowClient) -> None:
    run = runs(client)["static_multilingual"]
    names = {a.path for a in client.list_artifacts(run.info.run_id)}
    assert {"units.parquet", "scores.json", "all.trec.gz", "figures", "scores_table.json"} <= names
    assert {"settings.yaml", "card.yaml", "speed.json"} <= names
    with tempfile.TemporaryDirectory() as place:
        table, scores = (
            json.loads(Path(client.download_artifacts(run.info.run_id, name, place)).read_text())
            for name in ("scores_table.json", "scores.json")
        )
    assert '"type": "table"' in run.data.tags["mlflow.loggedArtifacts"]
    assert len(table["data"]) == len([row for row in scores["scores"] if row["value"] is not None]), (
        "nothing is lost"
    )
    figures = {Path(a.path).name for a in client.list_artifacts(run.info.run_id, "figures")}
    assert {"accuracy_matrix.png", "language_bars.png", "language_matrix.png"} <= figures


def test_artifacts_take_no_second_place_on_the_disk(finished: Path, client: MlflowClient) -> None:
    run = runs(client)["static_multilingual"]
    artifacts = Path(run.info.artifact_uri.removeprefix("file://"))
    for name in ("units.parquet", "all.trec.gz", "figures/accuracy_matrix.png"):
        own = finished / "runs" / "animals" / "static_multilingual" / name
        assert (artifacts / name).samefile(own)


@pytest.mark.parametrize("linked", [True, False])
def test_artifacts_of_a_run_stay_when_a_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):  # MLflow sets the second itself
        monkeypatch.delenv(name, raising=False)
    if not linked:
        monkeypatch.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError("another disk")))
    folder = tmp_path / "found"
    with open_run(tmp_path, task="toy", name="one", tags={}) as run_id:
        for content in ("first", "second"):
            with atomic_writer(folder / "sub" / "scores.json") as file:
                file.write(content)
            if content == "first":
                log_folder(folder)
        place = Path(mlflow.get_artifact_uri().removeprefix("file://"))
        assert run_id and (place / "sub" / "scores.json").read_text() == "first"
        log_folder(folder)
        assert (place / "sub" / "scores.json").read_text() == "second"


def test_compare_reads_run_ids(finished: Path, client: MlflowClient) -> None:
    second = xlembed(finished, "run", "-m", "static_multilingual", "--dim", "64", "-t", "animals")
    assert second.code == 0, second.err
    assert (finished / "results/animals/static_multilingual+dim64.json").is_file()
    found = runs(client)
    ids = [found[name].info.run_id for name in ("static_multilingual", "static_multilingual+dim64")]
    done = xlembed(finished, "compare", *ids, "--json")
    assert done.code == 0, done.err
    assert '"this test cannot reject"' in done.out  # three needs only
    assert runs(client, "animals/compare")["compare"].info.status == "FINISHED"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "-m", "static_multilingul", "-t", "animals"), "Did you mean 'static_multilingual'"),
        (("run", "-m", "static_multilingual", "-t", "animal"), "animals"),
        (("rnu",), "Did you mean 'run'"),
        (("run", "-m", "static_multilingual+dm64", "-t", "animals"), "unknown suffix '+dm64'"),
        (("run", "-m", "static_multilingual", "-t", "animals", "--depth", "100"), "--out FOLDER"),
        (
            ("run", "-m", "static_multilingual", "-t", "animals", "--measures", "ndgc@10", "--out", "x"),
            "ndgc@10",
        ),
        (("compare", "nothing"), "MLflow run id"),
        (
            ("search", "x", "-m", "static_multilingual", "-t", "animals", "--lang", "fr"),
            "no documents in 'fr'",
        ),
    ],
)
def test_mistakes_exit_2_with_a_message(finished: Path, words: tuple[str, ...], message: str) -> None:
    done = xlembed(finished, *words)
    assert done.code == 2
    assert message in " ".join(done.err.split()) and "Traceback" not in done.err


def test_a_failing_run_is_marked_failed_and_leaves_no_result(finished: Path, tmp_path: Path) -> None:
    write_task(tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"nothing")
    (broken / "config.json").write_text("{}")
    done = xlembed(tmp_path, "run", "-m", "./broken", "-t", "animals")
    assert done.code != 0
    assert not list(tmp_path.glob("results/**/*.json"))
    found = list(runs(MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")).values())
    parent = next(run for run in found if "mlflow.parentRunId" not in run.data.tags)
    assert parent.info.status == "FAILED" and parent.data.tags["end_reason"]


def test_temporary_experiments_need_a_tracking_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / ".dvc" / "tmp" / "exps" / "tmpabc"
    folder.mkdir(parents=True)
    try:
        with pytest.raises(UserError, match="MLFLOW_TRACKING_URI"):
            connect(folder)
    finally:
        mlflow.set_tracking_uri(None)


def test_runs_say_whether_files_differ_from_the_commit(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    def dirty() -> str | None:
        return version_tags(tmp_path, tmp_path / "data").get("git_dirty")

    assert dirty() is None  # no checkout
    git("init", "-q")
    for name in ("src/code.py", "params.yaml", "results/toy.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1\n", encoding="utf-8")
    assert dirty() is None  # no commit
    git("add", ".")
    git("commit", "-q", "-m", "start")
    assert dirty() == "false"
    (tmp_path / "results" / "toy.json").write_text("2\n", encoding="utf-8")
    (tmp_path / "notes.txt").touch()
    assert dirty() == "false"  # what a stage wrote, and what is no part of the project
    for name in ("params.yaml", "src/code.py", "src/new.py"):
        path = tmp_path / name
        before = path.read_text(encoding="utf-8") if path.exists() else None
        path.write_text("2\n", encoding="utf-8")
        assert dirty() == "true", name
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")
    assert dirty() == "false"


def test_metric_names() -> None:
    assert metric_name("true_cross/all/nDCG@10/ci_low") == "true_cross/all/nDCG_at_10/ci_low"
