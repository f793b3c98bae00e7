"""Where runs are recorded: the user's tracking server, or a database in the checkout made once under a lock."""

from __future__ import annotations

import os
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow.tracking import MlflowClient

from xlembed.types import UserError


def connect(root: Path) -> str:
    """Point MLflow at its store and make sure that it exists; returns the tracking URI.

    A URI set by the user (MLFLOW_TRACKING_URI, or by `mlflow run`) is left as it is. The first contact with an
    empty database migrates it, which six processes must not do at once.

    Raises:
        UserError: inside `dvc exp run --temp`, whose folder is deleted with everything recorded in it.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        root = root.resolve()
        if {".dvc", "exps"} <= set(root.parts):
            raise UserError(
                "inside `dvc exp run --temp` or `--queue` runs would be recorded in a folder that DVC deletes: "
                "set MLFLOW_TRACKING_URI (for example sqlite:////path/to/mlflow.db) first"
            )
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
    uri = str(mlflow.get_tracking_uri())
    if uri.startswith("sqlite:///"):
        database = Path(uri.removeprefix("sqlite:///"))
        with FileLock(database.with_name(database.name + ".lock")):
            MlflowClient().search_experiments(max_results=1)
    return uri


def use_experiment(name: str) -> None:
    """Make `name` the active experiment unless the user chose one (MLFLOW_EXPERIMENT_NAME or _ID)."""
    if not (os.environ.get("MLFLOW_EXPERIMENT_NAME") or os.environ.get("MLFLOW_EXPERIMENT_ID")):
        mlflow.set_experiment(name)
