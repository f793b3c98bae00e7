"""The command line inside the test process: as `xlembed WORDS` in a folder, without seconds of imports each time."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import mlflow
from mlflow.tracking import MlflowClient

from fakes.toy import save_toy_model, write_toy
from xlembed.cli import main
from xlembed.tracking.log import DESCRIPTION


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str


@contextlib.contextmanager
def no_surroundings(folder: Path, **env: str) -> Iterator[None]:
    """No network, a store of vectors of its own, nothing of MLflow or DVC in the environment, before and after."""
    with mock.patch.dict(os.environ), contextlib.chdir(folder):
        for name in [n for n in os.environ if n.startswith(("MLFLOW_", "DVC_"))]:
            del os.environ[name]
        mlflow.set_tracking_uri(None)
        os.environ |= {"XLEMBED_CACHE": str(folder / "cache"), "MLFLOW_DISABLE_TELEMETRY": "true"}
        os.environ |= {"COLUMNS": "1000", **env}  # a message is looked for as it is, in one line
        with (
            mock.patch("huggingface_hub.constants.HF_HUB_OFFLINE", True),
            mock.patch("huggingface_hub.constants.HF_HUB_CACHE", str(folder / "hub")),
        ):
            try:
                yield
            finally:
                mlflow.set_tracking_uri(None)


def xlembed(folder: Path, *words: str, **env: str) -> Answer:
    """Run a command in `folder`; an exception that is no exit is a traceback and fails the test."""
    out, err = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with (
            no_surroundings(folder, **env),
            mock.patch("sys.argv", ["xlembed", *words]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            main()
        code = 0
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        signal.signal(signal.SIGTERM, handler)
    return Answer(code, out.getvalue(), err.getvalue())


def make_checkout(root: Path) -> Path:
    """Task `toy` and, as an entry of params.yaml, model `toy` (fakes/toy.py)."""
    write_toy(root / "data" / "toy")
    save_toy_model(root / "toy_model")
    (root / "params.yaml").write_text(
        "run: {tasks: [toy], models: [toy, toy+dim3]}\nmodels: {toy: {source: toy_model}}\n", encoding="utf-8"
    )
    return root


def description(root: Path, experiment: str, run: str) -> str:
    """Of a run in the checkout's own store, by the names of its experiment and of itself."""
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    (found,) = client.search_runs(
        [str(e.experiment_id) for e in [client.get_experiment_by_name(experiment)] if e],
        f"tags.mlflow.runName = '{run}'",
    )
    return str(found.data.tags[DESCRIPTION])
