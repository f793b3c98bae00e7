"""`mlflow models serve` answers a real request with the vectors that our own encoder gives."""

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
from mlflow.tracking import MlflowClient

from small_model import small_model
from xlembed.finetune.building import save_model
from xlembed.models.loading import load_encoder
from xlembed.models.selfcheck import sentences
from xlembed.models.spec import resolve_model
from xlembed.tracking.finetuned import log_finetuned, register_finetuned
from xlembed.types import Role

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
def served(root: Path) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        "models",
        "serve",
        "-m",
        "models:/served@champion",
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
    body = json.dumps({"inputs": TEXTS, "params": {"prompt_name": role.value}}).encode()
    request = urllib.request.Request(
        f"{server.address}/invocations", body, {"Content-Type": "application/json"}, method="POST"
    )
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return np.array(json.load(answer)["predictions"])
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
