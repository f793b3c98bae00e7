"""A local Ray cluster of two workers: the same store as one process makes, and one of them killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from embeddings.hashing_assignment import HashingAssignment
from embeddings.hashing_encoder import HashingEncoder
from embeddings.test_encode_texts import contents
from embeddings.test_workers import TEXTS, encode
from xlembed.embeddings.backends.ray import open_actors
from xlembed.embeddings.crew import alone
from xlembed.embeddings.store import VectorStore
from xlembed.words import UserError

pytest.importorskip("ray", reason="needs the extra ray: pip install 'xlembed[ray]'")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Any:
    """Started once, for all tests; its workers find the modules of the tests."""
    from xlembed.embeddings.cluster import connect

    with pytest.MonkeyPatch.context() as patch:
        paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
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
