"""What makes scores say little stands beside them, from a full store too; a device that is not there is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.command import Answer, xlembed
from fakes.toy import WORDS, save_toy_model, write_toy
from xlembed.data.loading import open_task
from xlembed.data.task import Task
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.export import Embeddings
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index, open_embeddings
from xlembed.evaluate.job import evaluate
from xlembed.evaluate.odd_vectors import vector_warnings
from xlembed.evaluate.tables import language_table, scores_table
from xlembed.models.spec import ModelRef
from xlembed.settings import EncodeSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))


def prepared(
    folder: Path, words: Mapping[str, Sequence[float]], name: str = "toy"
) -> tuple[Workspace, Task, ModelRef]:
    """The toy task, encoded twice by a model with these word vectors: the second time from the store."""
    write_toy(folder / "data" / "toy")
    model = save_toy_model(folder / name, words)
    workspace = Workspace(Settings(models={"m": {"source": str(model)}}), folder, folder)
    task, ref = open_task(workspace, "toy"), open_model(workspace, "m")
    for _ in range(2):
        encode(task, ref, workspace)
    return workspace, task, ref


def warnings_of(folder: Path, words: Mapping[str, Sequence[float]]) -> list[str]:
    workspace, task, ref = prepared(folder, words)
    return vector_warnings(open_embeddings(task, ref, workspace))


def test_zero_vectors_are_counted(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, WORDS) == [
        "zero vectors for 1 of 6 documents (these rank last)",
        "zero vectors for 1 of 6 queries",
    ]


def test_a_model_that_says_the_same_of_everything_is_told(tmp_path: Path) -> None:
    found = warnings_of(tmp_path, dict.fromkeys(WORDS, (0.6, 0.8)))
    assert [text.partition(" (")[0] for text in found] == [
        "zero vectors for 1 of 6 documents",
        "the vectors of 5 documents, all that are not zero, point the same way",
        "zero vectors for 1 of 6 queries",
        "the vectors of 5 queries, all that are not zero, point the same way",
    ]


def test_warnings_stand_beside_the_score_everywhere(tmp_path: Path) -> None:
    """A model of zeros, in a folder whose name promises prompts that it does not have."""
    workspace, task, ref = prepared(tmp_path, dict.fromkeys(WORDS, (0.0, 0.0)), name="e5-ours")
    index(task, ref, workspace)
    result = evaluate(task, ref, workspace)
    prompts, *zeros = result["warnings"]
    assert "it looks like e5_base" in prompts and "'passage: '" in prompts
    assert zeros == [
        "zero vectors for all 6 documents: they tell none from another",
        "zero vectors for all 6 queries: they tell none from another",
    ]
    scores = json.loads((workspace.run_folder("toy", "m") / "scores.json").read_text(encoding="utf-8"))
    assert (
        json.loads(workspace.details_file("toy", "m").read_text())["warnings"]
        == scores["warnings"]
        == [prompts, *zeros]
    )
    for table in (scores_table([scores]), language_table(scores)):
        assert all(warning in " ".join(table.notes) for warning in scores["warnings"])


@pytest.mark.parametrize(("angle", "told"), [(0.0, True), (1e-4, True), (2e-2, False)])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_same_up_to_what_a_ranking_sees(angle: float, told: bool, dtype: Any) -> None:
    """cos(1e-4) = 1 - 5e-9, cos(2e-2) = 1 - 2e-4; rankings round to 1e-6."""
    rows = np.array([[1, 0]] * 9000 + [[np.cos(angle), np.sin(angle)]], dtype=dtype)
    other = np.eye(2, dtype=dtype)
    found = vector_warnings(Embeddings(rows, other, tuple(map(str, range(9001))), ("a", "b"), {}))
    assert (len(found) == 1 and "9,001 documents" in found[0]) if told else found == []


# Devices


def test_a_device_that_is_not_there_is_refused_though_all_is_stored(tmp_path: Path) -> None:
    write_toy(tmp_path / "data" / "toy")
    entries = {"m": {"source": str(save_toy_model(tmp_path / "toy"))}}
    there = Workspace(Settings(models=entries), tmp_path, tmp_path)
    encode(open_task(there, "toy"), open_model(there, "m"), there)
    gone = Workspace(Settings(models=entries, encode=EncodeSettings(device="cuda:63")), tmp_path, tmp_path)
    with pytest.raises(UserError, match="device 'cuda:63' is not there"):
        encode(open_task(gone, "toy"), open_model(gone, "m"), gone)
    assert open_encoding(open_model(there, "m"), there).notes == ()


@pytest.mark.parametrize("device", ["quantum", "cuda:", "cuda:-1", "meta", "CPU"])
def test_a_device_of_another_name_is_a_mistake_of_the_command(tmp_path: Path, device: str) -> None:
    write_toy(tmp_path / "data" / "toy")
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    answer: Answer = xlembed(tmp_path, "encode", "-t", "toy", "-m", "static_multilingual", "--device", device)
    assert answer.code == 2 and "expected cpu, cuda, cuda:N or mps" in answer.err
    assert "Traceback" not in answer.err and len(answer.err.strip().splitlines()) <= 3
