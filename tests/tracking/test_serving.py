"""`mlflow models serve` answers real requests: an embedding model with vectors, a probe with scores."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cli.command import xlembed
from fakes.scored_toy import make_scored_checkout
from small_model import small_model
from xlembed.data.scored import load_scored
from xlembed.finetune.building import save_model
from xlembed.models.loading import load_encoder
from xlembed.models.selfcheck import sentences
from xlembed.models.spec import resolve_model
from xlembed.tracking.finetuned import log_finetuned, register_finetuned
from xlembed.words import Role

TEXTS = ["the old mill", "a new mill"]
WORDS = list(
    dict.fromkeys(["query:", "passage:", "the", "old", "new", "mill", "a", *sentences()["en"].split()])
)
PATIENCE_SECONDS = 120


def with_prompts(folder: Path) -> Path:
    """A random BERT whose roles have prompts of their own."""
    model = small_model(folder / "body", WORDS)
    model.prompts = {"query": "query: ", "document": "passage: "}
    save_model(model, folder / "saved", {})
    return folder / "saved"


def registered(folder: Path, root: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
    client = MlflowClient()
    experiment = client.create_experiment("e", artifact_location=(root / "mlruns").as_uri())
    with mlflow.start_run(experiment_id=experiment) as run:
        dim = 16
        first = register_finetuned(log_finetuned(folder, "m", dim, {}), run.info.run_id, "served", {}, "")
        again = register_finetuned("unused", run.info.run_id, "served", {"a": "b"}, "")
        assert first == again and first.uri == "models:/served/1"  # a second try makes no second version
    client.set_registered_model_alias("served", "champion", "1")


@dataclass(frozen=True)
class Served:
    address: str
    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def served(root: Path, uri: str = "models:/served@champion") -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        "models",
        "serve",
        "-m",
        uri,
        "--env-manager",
        "local",
        "--port",
        str(port),
    ]
    env = {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}",
        "HF_HUB_OFFLINE": "1",
        # MLflow starts uvicorn by its name, and the tests may run without an activated environment.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "mlflow", *words]
    with (root / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, env=env, cwd=root, start_new_session=True, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield Served(f"http://127.0.0.1:{port}", server, root / "server.log")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def ask(server: Served, role: Role) -> Any:
    return np.array(request(server, {"inputs": TEXTS, "params": {"prompt_name": role.value}}))


def request(server: Served, asked: dict[str, Any]) -> Any:
    body = json.dumps(asked).encode()
    posted = urllib.request.Request(
        f"{server.address}/invocations", body, {"Content-Type": "application/json"}, method="POST"
    )
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(posted, timeout=30) as answer:
                return json.load(answer)["predictions"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None
        except OSError:
            assert server.process.poll() is None and time.monotonic() < end, server.log.read_text()
            time.sleep(0.5)


def test_a_served_champion_encodes_queries_and_documents(tmp_path: Path) -> None:
    folder = with_prompts(tmp_path)
    try:
        registered(folder, tmp_path)
        with served(tmp_path) as server:
            answers = {role: ask(server, role) for role in Role}
    finally:
        mlflow.set_tracking_uri(None)
    encoder = load_encoder(resolve_model(str(folder)))
    for role, answer in answers.items():
        np.testing.assert_allclose(answer, encoder.encode_batch(TEXTS, role), atol=1e-5)
    assert np.abs(answers[Role.QUERY] - answers[Role.DOCUMENT]).max() > 1e-3


def test_a_served_probe_scores_texts(tmp_path: Path) -> None:
    """The system that `xlembed probe` prints a line for answers with the predictions of the run."""
    root = make_scored_checkout(tmp_path)
    answer = xlembed(root, "probe", "-t", "moods")
    (line,) = [line for line in answer.out.splitlines() if line.startswith("Serve toy:ridge: ")]
    uri = line.partition(" -m ")[2].split()[0]
    table = pd.read_parquet(root / "probes" / "moods" / "predictions.parquet")
    expected = (
        table[table["system"] == "toy:ridge"].set_index(["text_id", "dimension"])["predicted"].unstack()
    )
    texts = {t.text_id: t.text for t in load_scored("moods", root / "data").texts}
    ids = list(expected.index[:3])
    asked = {"inputs": {"text": [texts[i] for i in ids]}}
    with served(root, uri) as server:
        found = request(server, asked)
        with pytest.raises(AssertionError, match="text"):
            request(server, {"inputs": {"title": ["no text"]}})
    assert [set(row) for row in found] == [{"cheer", "alarm"}] * 3
    for i, row in zip(ids, found, strict=True):
        assert [row["cheer"], row["alarm"]] == pytest.approx(
            expected.loc[i, ["cheer", "alarm"]].tolist(), abs=1e-5
        )
