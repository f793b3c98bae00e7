"""The description of a run in MLflow: what was asked of whom, the headline, where the files are; for every study."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from cli.command import make_checkout, xlembed
from fakes.scored_toy import write_set
from xlembed.tracking.log import DESCRIPTION, DESCRIPTION_CHARS

pytestmark = pytest.mark.usefixtures("sketches")

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "xlembed"
COMMANDS = {
    "compare": ("-t", "toy"),
    "analyse": ("-t", "medical_qa_tr", "-m", "static_multilingual,static_multilingual+dim32"),
    "explore": ("-t", "toy", "-m", "toy,toy+dim3", "--reference", "toy"),
    "report": ("-t", "toy"),
    "probe": ("-t", "moods", "-m", "toy", "--probe", "ridge", "--log-model", "none"),
    "check-queries": ("-t", "toy", "--by", "toy"),
}
"""Study -> its options; what trains, promotes, asks a server or needs more texts is asked beside its own tests."""
FILES = {
    "compare": "reports/compare/toy",
    "analyse": "reports/analysis/medical_qa_tr",
    "explore": "reports/explore/toy",
    "report": "reports/report/toy",
    "probe": "reports/probe/moods",
    "check-queries": "reports/check/toy",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Run]]:
    """Kind -> its runs, of every experiment."""
    root = make_checkout(tmp_path_factory.mktemp("checkout"))
    write_set(root)
    shutil.copytree(ROOT / "data" / "medical_qa_tr", root / "data" / "medical_qa_tr")
    commands = {"run": ("-t", "toy", "-m", "toy,toy+dim3"), **COMMANDS}
    for name, options in commands.items():
        done = xlembed(root, name, *options)
        assert done.code == 0, (name, done.err)
        assert name == "run" or (root / FILES[name]).exists()
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    found: dict[str, list[Run]] = {}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            found.setdefault(run.data.tags.get("kind", ""), []).append(run)
    shutil.rmtree(root)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_study_s_run_says_what_was_asked_of_whom_what_came_out_and_where_it_is(
    runs: dict[str, list[Run]], name: str
) -> None:
    (whole,) = [run for run in runs[name] if "mlflow.parentRunId" not in run.data.tags]
    text, words = whole.data.tags[DESCRIPTION], COMMANDS[name]
    assert text.startswith(f"**xlembed {name}** on **{words[1]}**") and len(text) <= DESCRIPTION_CHARS
    first = text.splitlines()[0]
    assert "`toy`" in first or "`static_multilingual+dim32`" in first or name == "check-queries"
    assert "\n| ---" in text, "a table"
    assert f"Files: `{FILES[name]}`" in text


def test_no_run_is_without_a_description(runs: dict[str, list[Run]]) -> None:
    every = [run for of in runs.values() for run in of]
    assert len(every) > len(COMMANDS) + 2
    assert [run.info.run_name for run in every if not run.data.tags.get(DESCRIPTION)] == []
    (of_a_model,) = [run for run in runs["analyse"] if run.info.run_name == "static_multilingual+dim32"]
    said = of_a_model.data.tags[DESCRIPTION]
    assert said.startswith("**xlembed analyse** on **medical_qa_tr**: `static_multilingual+dim32`. ")


def opening(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Functions that open a run themselves, with the names they call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            calls = [c.func for c in ast.walk(node) if isinstance(c, ast.Call)]
            called = {f.id if isinstance(f, ast.Name) else getattr(f, "attr", "") for f in calls}
            if "open_run" in called:
                yield node.name, called


def test_whoever_opens_a_run_describes_what_was_found() -> None:
    found = {
        f"{path.relative_to(SRC)}:{name}": called
        for path in SRC.rglob("*.py")
        for name, called in opening(ast.parse(path.read_text(encoding="utf-8")))
    }
    describing = {"describe_run", "log_evaluation", "_analyse_all"}
    silent = {place for place, called in found.items() if not called & describing}
    assert silent == {"tracking/training.py:finetuning_run", "tracking/ledger.py:promotion_run"}, (
        "these two describe when they have finished: tests of fine-tuning and promotion"
    )
    assert len(found) > len(silent) + 5
