"""A local Ray cluster of two workers: the same store as one process makes, and one of them killed."""

from __future__ import annotations

import json
import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from cli.command import xlembed
from embeddings.dying_pair import dying_pair
from embeddings.hashing_assignment import HashingAssignment
from embeddings.hashing_encoder import HashingEncoder
from embeddings.test_encode_texts import contents
from embeddings.test_workers import TEXTS, encode
from fakes.toy import save_toy_model, write_toy
from xlembed.embeddings.backends.ray import open_actors
from xlembed.embeddings.crew import alone
from xlembed.embeddings.store import VectorStore
from xlembed.words import UserError

# Looked for and not imported: `connect` sets what Ray reads when it is.
NO_RAY = pytest.mark.skipif(
    find_spec("ray") is None, reason="needs the extra ray: pip install 'xlembed[ray]'"
)
pytestmark = [pytest.mark.slow, NO_RAY]


@pytest.fixture(scope="module", autouse=True)
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Started once, for all tests; its workers find the modules of the tests."""
    from xlembed.embeddings.cluster import connect

    with pytest.MonkeyPatch.context() as patch:
        paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        patch.setenv("XLEMBED_CACHE", str(tmp_path_factory.mktemp("cache")))
        with connect(HashingAssignment().settings):
            yield


def actors(**options: Any) -> Any:
    assignment: Any = HashingAssignment(options)
    return open_actors(assignment)


def test_a_killed_worker_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = VectorStore(tmp_path / "alone", "f")
    encode(expected, alone(HashingEncoder))
    store = VectorStore(tmp_path / "cache", "f")
    report = encode(store, actors(kill_at=5, killed=tmp_path / "killed", seconds_per_batch=0.05))
    assert (tmp_path / "killed").exists() and "its texts are encoded again" in caplog.text
    assert contents(store) == contents(expected) and report.n_encoded == 400


def test_the_error_of_a_worker_is_told(tmp_path: Path) -> None:
    store = VectorStore(tmp_path / "cache", "f")
    with pytest.raises(UserError, match=rf"NaN or infinity for document text 7 .*\'{TEXTS[7]}"):
        encode(store, actors(special={TEXTS[7]: float("nan")}))


# Pairs of model and task


def test_pairs_are_evaluated_elsewhere_and_one_that_fails_loses_no_other(tmp_path: Path) -> None:
    save_toy_model(tmp_path / "toy")
    broken = save_toy_model(tmp_path / "broken")
    (weights,) = broken.rglob("*.safetensors")
    save_file({"wrong": np.zeros((2, 2), np.float32)}, weights)
    for task in ("one", "two"):
        write_toy(tmp_path / "data" / task)
    (tmp_path / "params.yaml").write_text(
        "models: {toy: {source: ./toy}, broken: {source: ./broken}}\nencode: {device: cpu}\n",
        encoding="utf-8",
    )
    told = xlembed(tmp_path, *["run", "-m", "broken,toy", "-t", "one", "-t", "two", "--backend", "ray"])
    assert told.code == 2 and "2 of 4 pairs failed, the others are written" in told.err
    assert told.err.count("broken on one: ") == told.err.count("broken on two: ") == 2
    assert told.out.count("toy") >= 2 and told.err.count("MLflow run") == 2
    written = {place.relative_to(tmp_path): place.read_bytes() for place in _files(tmp_path)}
    here = xlembed(tmp_path, *["run", "-m", "toy", "-t", "one,two", "--out", "here"])
    assert here.code == 0, here.err
    assert written == {p.relative_to(tmp_path / "here"): p.read_bytes() for p in _files(tmp_path / "here")}
    assert len(written) > 10


def test_a_pair_whose_worker_is_killed_is_evaluated_by_another_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of `one` the first worker is killed, of `two` every one; both when the pair is encoded."""
    save_toy_model(tmp_path / "toy")
    for task in ("one", "two", "three"):
        write_toy(tmp_path / "data" / task)
    (tmp_path / "params.yaml").write_text(
        "models: {toy: {source: ./toy}}\nencode: {device: cpu}\n", encoding="utf-8"
    )
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    with monkeypatch.context() as patch:
        dying = partial(dying_pair, deaths, {"one": 1, "two": 9})
        patch.setattr("xlembed.evaluate.pair.evaluate_pair", dying)
        told = xlembed(tmp_path, *["run", "-m", "toy", "-t", "one,two,three", "--backend", "ray", "--json"])
    assert told.code == 2 and "1 of 3 pairs failed, the others are written" in told.err
    assert sorted(path.name.partition(".")[0] for path in deaths.iterdir()) == ["one", "two", "two", "two"]
    assert caplog.text.count("its work is done again") == 3 and "its work is done again" in told.err
    assert "toy on two: 3 workers were lost one after the other" in told.err and "--workers" in told.err
    assert json.loads(told.out)[0]["task"] in ("one", "three")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["one", "three"]
    for more in ([], ["--backend", "ray"]):
        again = xlembed(tmp_path, *["run", "-m", "toy", "-t", "one,three", *more])
        assert again.code == 0 and again.err.count("toy: reused, nothing has changed") == 2, again.err
    last = xlembed(tmp_path, *["run", "-m", "toy", "-t", "one,two,three"])
    assert last.code == 0 and last.err.count("toy: reused, nothing has changed") == 2, last.err


def _files(folder: Path) -> list[Path]:
    names = ("embeddings", "indices", "results", "runs")
    return [path for name in names for path in (folder / name).rglob("*") if path.is_file()]
