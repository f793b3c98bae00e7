"""`xlembed paradox` and `compare --across-tasks` on the bundled reviews, with entries that share the bundled model."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml

from cli.command import Answer, description, no_surroundings, xlembed
from xlembed.evaluate.skipping import write_skipped
from xlembed.paradox.grids import paradox_tables, verdict_grids

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TASK = ROOT / "data" / "reviews_sample"
BASES = ("static_multilingual", "base2", "base3", "base4", "base5")
PARAMS = """\
models:
  base2: {source: static_multilingual, document_prompt: "review "}
  base3: {source: static_multilingual, document_prompt: "opinion about a product: "}
  base4: {source: static_multilingual, query_prompt: "question "}
  base5: {source: static_multilingual, document_prompt: "text: ", query_prompt: "question: "}
  twin: {source: static_multilingual}
  english: {source: static_multilingual, languages: [en], query_prompt: "query "}
  nameless: {source: static_multilingual, languages: [], query_prompt: "search "}
"""
QUICK = ("--resamples", "200", "--measures", "accuracy@1", "--depth", "20", "--out", "out")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    root = tmp_path_factory.mktemp("checkout")
    if not TASK.is_dir():
        pytest.skip("data/reviews_sample is not there: dvc pull data.dvc")
    for name in ("reviews_sample", "reviews_again"):
        shutil.copytree(TASK, root / "data" / name)
    card = root / "data" / "reviews_again" / "task.yaml"
    card.write_text(
        card.read_text(encoding="utf-8").replace("reviews_sample", "reviews_again"), encoding="utf-8"
    )
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    names = [*BASES, "twin", "english", "nameless"]
    words = [word for name in names for word in ("-m", name)]
    options = ["-t", "reviews_sample", "--language-k", "5", *QUICK]
    lax = ("--margin-bm25", "0.3")  # the bundled model is 12 points below bm25
    answer = xlembed(root, "paradox", *words, "--with", "dim64", *options, *lax, "--json")
    return root, answer


@pytest.fixture(scope="module")
def report(finished: tuple[Path, Answer]) -> dict[str, Any]:
    root, answer = finished
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    written = root / "out" / "reports" / "paradox" / "reviews_sample" / "paradox.json"
    assert json.loads(written.read_text(encoding="utf-8")) == found
    return found


def test_its_run_is_described(finished: tuple[Path, Answer], report: dict[str, Any]) -> None:
    text = description(finished[0], "reviews_sample/paradox", "paradox")
    assert text.startswith(
        "**xlembed paradox** on **reviews_sample**: `static_multilingual`, `static_multilingual+dim64`, "
    )
    assert "| base5 |" in text and "Files: `out/reports/paradox/reviews_sample`" in text


def test_base_models_enter_and_the_others_are_listed_with_the_reason(report: dict[str, Any]) -> None:
    assert [row["model"] for row in report["models"] if row["enters"]] == list(BASES)
    reasons = {row["model"]: row["reason"] for row in report["left_out"]}
    assert reasons["twin"] == "the same vectors as static_multilingual"
    assert reasons["english"].startswith("English-only model: its card lacks de, ")
    assert reasons["nameless"] == "its card names no languages"
    assert reasons["base2+dim64"] == "variant of base2"
    assert set(reasons) | set(BASES) == {row["model"] for row in report["models"]}
    assert reasons["bm25"].endswith("what models are measured against")  # not asked for
    assert len(report["models"]) == 17


def test_five_base_models_are_tested(report: dict[str, Any]) -> None:
    tests = {row["against"]: row for row in report["correlations"]}
    assert list(tests) == ["monolingual", "loss_weak", "loss_strong"]
    for row in tests.values():
        assert (row["n"], row["exact"]) == (5, True)
        assert row["p_value"] == pytest.approx(
            round(row["p_value"] * 120) / 120, abs=1e-7
        )  # shares of 5! orders
        assert row["p_value"] <= row["p_adjusted"] <= 1
    assert [row["model"] for row in report["conditions"]] == list(BASES)
    variants = {f"{name}+dim64" for name in BASES}
    assert {row["model"]: row["judged"] for row in report["variant_standings"]} == dict.fromkeys(
        variants, False
    )
    assert report["variant_conditions"] == []  # 30 points below bm25
    found = {row["variant"]: row for row in report["remedies"]}
    assert variants <= set(found) and {found[name]["mends"] for name in variants} == {"no"}  # mono falls
    assert found["english+dim64"]["mends"] == "not judged" and report["remedy_notes"]
    told = "* english: English-only model (de, es, fr, ja, zh); these languages are left out."
    for grid in (*verdict_grids(report), *paradox_tables(report)):
        if grid.key in ("paradox-remedies", "paradox-losses", "comparison"):
            assert told in grid.notes, grid.key


def test_the_numbers_are_those_of_the_evaluations(
    finished: tuple[Path, Answer], report: dict[str, Any]
) -> None:
    root, _ = finished
    for row in report["models"]:
        result = json.loads(
            (root / "out" / "results" / "reviews_sample" / f"{row['model']}.details.json").read_text(
                encoding="utf-8"
            )
        )["scores"]
        assert round(row["monolingual"]["value"], 4) == result["mono"]["macro"]["accuracy@1"]["value"]
        assert round(row["loss_strong"]["value"], 4) == result["loss_strong"]["macro"]["accuracy@1"]["value"]
        if row["model"] == "bm25":
            assert row["separation"] is None
            continue
        purity = row["separation"]
        assert purity["value"] == pytest.approx(purity["purity"] - purity["expected"], abs=2e-6)
    scores = {row["model"]: row for row in report["models"]}
    for row in report["standings"]:
        mono, bm25 = (scores[name]["monolingual"]["value"] for name in (row["model"], "bm25"))
        assert row["monolingual"]["value"] == pytest.approx(mono, abs=2e-6)
        assert row["minus_bm25"]["value"] == pytest.approx(mono - bm25, abs=2e-6)
        assert (row["twice_chance"], row["bm25_floor"]) == (
            pytest.approx(2 * report["chance"], abs=2e-6),
            -0.3,
        )
    for row in report["conditions"]:
        score = scores[row["model"]]
        mono, cross, loss = (score[key]["value"] for key in ("monolingual", "cross_lingual", "loss_strong"))
        rival = scores[row["monolingual"]["against"]]["monolingual"]["value"]
        assert row["monolingual"]["value"] == pytest.approx(mono - rival, abs=2e-6)
        assert row["cross_lingual"]["value"] == pytest.approx(cross - mono, abs=2e-6)
        assert row["loss_strong"]["value"] == pytest.approx(loss, abs=2e-6)
        assert row["loss_strong_share"]["value"] == pytest.approx(loss - 0.1 * mono, abs=2e-6)


def test_every_variant_is_set_against_its_own_base(report: dict[str, Any]) -> None:
    pairs = {(row["a"], row["b"]) for row in report["before_after"]}
    assert {(f"{name}+dim64", name) for name in BASES} <= pairs
    assert all(a == f"{b}+dim64" for a, b in pairs)
    sizes = {row["family_size"] for row in report["before_after"]}
    assert sizes == {len(report["before_after"])}  # one family over all variants
    scores = {row["model"]: row for row in report["models"]}
    for row in report["loss_changes"]:
        if row["variant"] == "base2+dim64":
            change = scores["base2+dim64"][row["kind"]]["value"] - scores["base2"][row["kind"]]["value"]
            assert row["difference"] == pytest.approx(change, abs=2e-6)


def test_the_report_says_verdict_rule_and_margins(
    finished: tuple[Path, Answer], report: dict[str, Any]
) -> None:
    folder = finished[0] / "out" / "reports" / "paradox" / "reviews_sample"
    text = (folder / "paradox.md").read_text(encoding="utf-8")
    assert (
        report["demonstration"] and "these 5 models on this task only (the task is a demonstration)" in text
    )
    assert report["margins"] == {"mono": 0.03, "loss": 0.05, "loss_share": 0.1, "bm25": 0.3}
    assert "-30 points, or minus half of bm25's score" in text and "above 2 times chance" in text
    assert report["verdict"]["text"] in text and "Verdict over 5 base models" in text
    assert all(line in text for line in report["rule"]) and "above -3 points" in text
    assert "twin: the same vectors as static_multilingual" in text
    names = {path.name for path in (folder / "figures").iterdir()}
    assert names == {f"{figure}.{kind}" for figure in ("separation", "variants") for kind in ("png",)}


def test_finished_evaluations_are_taken_over(finished: tuple[Path, Answer], report: dict[str, Any]) -> None:
    root, _ = finished
    units = root / "out" / "runs" / "reviews_sample" / "base2" / "units.parquet"
    before = units.stat().st_mtime_ns
    words = ["-m", "base2,base3", "-t", "reviews_sample", "--language-k", "5", *QUICK, "--margin-loss", "0.4"]
    again = xlembed(root, "paradox", *words)
    assert again.code == 0, again.err
    assert units.stat().st_mtime_ns == before
    assert "too few models: 2 base models" in again.out and "below 40 points" in again.out
    assert "Verdict over 2 base models: No model could be judged." in again.out
    assert re.search(r"Not judged: base2: its monolingual score minus bm25's is −1\d\.\d points", again.out)
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        runs = mlflow.search_runs(experiment_names=["reviews_sample/paradox"], output_format="list")
    kinds = [run.data.tags.get("kind") for run in runs]
    assert (
        kinds.count("paradox") == 2 and kinds.count(None) == 17
    )  # one per evaluation, none for those taken over
    latest = runs[0].data
    assert latest.params["paradox.margin_loss"] == "0.4" and "base2/separation" in latest.metrics


def test_rankings_across_tasks(finished: tuple[Path, Answer], report: dict[str, Any]) -> None:
    """The second task is a copy, so the order is the same; the English-only model cannot be ranked."""
    root, _ = finished
    runs = root / "out" / "runs"
    if not (runs / "reviews_again").exists():
        shutil.copytree(runs / "reviews_sample", runs / "reviews_again")
        for path in (runs / "reviews_again").rglob("scores.json"):
            path.write_text(path.read_text(encoding="utf-8").replace("reviews_sample", "reviews_again"))
    words = [*("-m", "base2,base3+fp32,base5"), "-m", "english", "--json", "--out", "out"]
    answer = xlembed(root, "compare", "--across-tasks", "reviews_sample", "reviews_again", *words)
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["models"] == ["base2", "base3", "base5"] and len(found["agreement"]) == 4
    assert [row["model"] for row in found["left_out"]] == ["english"]
    for row in found["agreement"]:
        assert row["tau"] == 1 and row["ci_low"] <= row["ci_high"] <= 1
        assert row["ranks"][0] == row["ranks"][1]
        assert all(
            with_best[ranks.index(min(ranks))]
            for with_best, ranks in zip(row["with_best"], row["ranks"], strict=True)
        )
    assert "Not ranked: english: its card lacks" in answer.err and "descriptive only" in answer.err
    folder = root / "out" / "reports" / "compare" / "across-reviews_sample-reviews_again"
    assert json.loads((folder / "across.json").read_text(encoding="utf-8")) == found
    assert "Kendall's tau-b over 3 models" in (folder / "across.md").read_text(encoding="utf-8")
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["run"] = {"models": ["base2", "base3", "gone"]}
    (root / "skipped.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    write_skipped("gone", "not here", [runs / "reviews_sample" / "gone"])
    words = ["--params", "skipped.yaml", "--json", "--out", "out"]
    answer = xlembed(root, "compare", "--across-tasks", "reviews_sample", "reviews_again", *words)
    assert answer.code == 0 and json.loads(answer.out)["models"] == ["base2", "base3"], answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("paradox", "-m", "base2", "-t", "reviews_sample", "--with", "dimm64"), "unknown suffix '+dimm64'"),
        (
            ("paradox", "-m", "base2", "-t", "reviews_sample", "--with", "a/b"),
            "is no suffix of a model's name",
        ),
        (("paradox", "-m", "bge_m", "-t", "reviews_sample"), "Did you mean 'bge_m3'"),
        (("paradox", "-m", "base2", "-t", "reviews_sample", "--margin-mono", "3"), "less than 1"),
        (
            ("paradox", "-m", "base2", "-t", "reviews_sample", "--modes", "monolingual", "--out", "x"),
            "needs all modes; evaluate.modes lacks cross_lingual, true_cross_lingual",
        ),
        (("compare", "--across-tasks", "reviews_sample"), "compares two tasks, found reviews_sample"),
        (
            ("compare", "--across-tasks", "reviews_sample", "b", "-m", "base2"),
            "nothing of that kind is there",
        ),
        (("compare", "--across-tasks", "a", "b", "--intersect"), "--intersect does not go with it"),
    ],
)
def test_mistakes_are_told_before_any_work(
    finished: tuple[Path, Answer], words: tuple[str, ...], message: str
) -> None:
    root, _ = finished
    answer = xlembed(root, *words)
    assert answer.code == 2
    assert message in " ".join(answer.err.split())
    assert not (root / "x").exists()
