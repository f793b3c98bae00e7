"""`xlembed analyse` on the bundled reviews, and what it says of bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from cli.command import Answer, xlembed
from xlembed.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("static_multilingual", "static_multilingual+dim32")
FILES = {"analysis.json", "analysis.md", "projection.json", "figures"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "data" / "reviews_sample", root / "data" / "reviews_sample")
    answer = xlembed(root, "analyse", "-m", ",".join(MODELS), "-t", "reviews_sample")
    assert answer.code == 0, answer.err
    return root, answer


@pytest.fixture(scope="module")
def report(done: tuple[Path, Answer]) -> dict[str, Any]:
    path = done[0] / "analysis" / "reviews_sample" / MODELS[0] / "analysis.json"
    return json.loads(path.read_text(encoding="utf-8"))


def value(report: dict[str, Any], measure: str, lang: str | None = None) -> dict[str, Any]:
    (row,) = [r for r in report["separation"] if (r["measure"], r["lang"]) == (measure, lang)]
    return row


def test_every_file_is_written(done: tuple[Path, Answer]) -> None:
    root, answer = done
    for model in MODELS:
        folder = root / "analysis" / "reviews_sample" / model
        assert {p.name for p in folder.iterdir()} == FILES
        assert model in answer.out
    side_by_side = root / "reports" / "analysis" / "reviews_sample"
    for folder in (side_by_side, root / "analysis" / "reviews_sample" / MODELS[0]):
        drawn = {p.name for p in (folder / "figures").iterdir()}
        assert drawn == {f"{n}.{s}" for n in ("cosine_matrix", "projection") for s in ("png",)}
    page = (side_by_side / "analysis.md").read_text(encoding="utf-8")
    assert all(f"| {model} |" in page for model in MODELS)
    assert "Topic confounded" in answer.out and "Topic confounded" in page


def test_the_sample_is_balanced_and_every_score_has_its_interval(report: dict[str, Any]) -> None:
    languages = report["sample"]["languages"]
    assert len(languages) == 6 and report["sample"]["left_out"] == {}
    assert report["sample"]["n_documents"] == 6 * report["sample"]["per_language"]
    size = report["sample"]["per_language"]
    expected = (size - 1) / (6 * size - 1)
    assert value(report, "expected_purity@10")["value"] == pytest.approx(expected, abs=1e-6)
    excess = value(report, "purity@10")["value"] - expected
    assert value(report, "purity_excess@10")["value"] == pytest.approx(excess, abs=2e-6)
    for measure in ("silhouette", "purity@10", "language_accuracy"):
        found = value(report, measure)
        assert found["ci_low"] <= found["value"] <= found["ci_high"]
        assert found["n"] == 6 * size and found["n_clusters"] == report["sample"]["n_groups"]
        per_language = [value(report, measure, lang)["value"] for lang in languages]
        assert found["value"] == pytest.approx(sum(per_language) / 6, abs=2e-6)


def test_what_the_bundled_model_is_known_for(report: dict[str, Any]) -> None:
    """It knows word forms from other words, is not fooled by its own texts, and cuts nothing."""
    turkish = report["morphology"][0]
    assert turkish["lang"] == "tr" and turkish["superiority"]["ci_low"] > 0.5
    assert turkish["inflected"]["n"] == turkish["unrelated"]["n"] == 32
    assert report["sanity"]["self_retrieval"]["value"] > 0.95
    assert report["sanity"]["prompts_missing"] == report["sanity"]["prompts_doubled"] == []
    assert report["translations"] == [] and report["topic_confounded"] is True
    premiums = {row["lang"]: row["ratio"]["value"] for row in report["tokenisation"]["premiums"]}
    assert premiums["en"] == 1 and len(premiums) == 6
    assert {row["kind"] for row in report["tokenisation"]["premiums"]} == {
        "queries"
    }  # reviews are no translations
    assert all(row["share_lost"]["value"] == 0 for row in report["tokenisation"]["truncation"])


def test_the_run_is_tracked(done: tuple[Path, Answer], report: dict[str, Any]) -> None:
    client = MlflowClient(f"sqlite:///{done[0] / 'mlflow.db'}")
    found = client.get_experiment_by_name("reviews_sample/analyse")
    assert found is not None
    runs = {run.info.run_name: run for run in client.search_runs([found.experiment_id])}
    assert set(runs) == {"analyse", *MODELS}
    parent, child = runs["analyse"], runs[MODELS[0]]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert child.data.metrics["separation/purity_at_10"] == value(report, "purity@10")["value"]
    assert child.data.metrics["morphology/tr/superiority/ci_low"] > 0.5
    assert child.data.params["analyse.neighbours"] == "10"
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_the_same_again_gives_the_same_bytes_and_json_on_stdout(
    done: tuple[Path, Answer], report: dict[str, Any]
) -> None:
    root, _ = done
    path = root / "analysis" / "reviews_sample" / MODELS[0] / "analysis.json"
    before = path.read_bytes()
    again = xlembed(root, "analyse", "-m", MODELS[0], "-t", "reviews_sample", "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out) == report
    assert path.read_bytes() == before


def test_a_model_without_vectors_says_so(done: tuple[Path, Answer]) -> None:
    answer = xlembed(done[0], "analyse", "-m", "bm25", "-t", "reviews_sample")
    assert answer.code == 0, answer.err
    assert "there is nothing to look at" in answer.out
    assert (done[0] / "analysis" / "reviews_sample" / "bm25" / "analysis.md").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-m", "static_multilingua", "-t", "reviews_sample"], "Did you mean 'static_multilingual'?"),
        (["-m", ",", "-t", "reviews_sample"], "expected at least one model"),
        (
            ["-m", MODELS[0], "-t", "reviews_sample", "--neighbours", "0", "--out", "x"],
            "greater than or equal to 1",
        ),
        (
            ["-m", MODELS[0], "-t", "reviews_sample", "--folds", "3"],
            "analyse.folds: differs from params.yaml",
        ),
        (
            ["-m", MODELS[0], "-t", "reviews_sample", "--word-pairs", "none.yaml", "--out", "x"],
            "none.yaml is no file",
        ),
    ],
)
def test_mistakes_are_told_before_any_work(words: list[str], message: str, done: tuple[Path, Answer]) -> None:
    answer = xlembed(done[0], "analyse", *words)
    assert answer.code == 2
    assert message in answer.err
    assert not list(done[0].glob("x/analysis/*/*"))


def test_a_task_too_small_to_look_at(tmp_path: Path) -> None:
    from cli.command import make_checkout

    root = make_checkout(tmp_path)
    answer = xlembed(root, "analyse", "-m", "toy", "-t", "toy")
    assert answer.code == 2
    assert "at least 10 documents that have a vector; found en: 2, de: 3" in answer.err


def test_defaults_are_those_of_the_specification() -> None:
    found = Settings().analyse
    assert (found.neighbours, found.project_per_language, found.perplexity, found.sampling_seed) == (
        10,
        500,
        30,
        42,
    )
