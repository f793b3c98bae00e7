"""Reading back: registered models as folders, files of finished runs."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.tracking import MlflowClient

from xlembed.files import FULL, error_number, temporary_folder
from xlembed.models.spec import Fetched
from xlembed.tracking.errors import hide_secrets
from xlembed.tracking.store import REFUSALS, connect, reason
from xlembed.words import UserError

RUN_ID = re.compile(r"[0-9a-f]{32}")


def fetch_model(uri: str, root: Path, cache: Path) -> Fetched:
    """Files of ``models:/name/3`` or ``models:/name@alias``; an alias is resolved to its version first.

    Args:
        uri: MLflow model URI.
        root: the checkout, whose store is asked when the user named none.
        cache: where versions are kept; a version never changes, so it is fetched once.

    Raises:
        UserError: if the registry has no such model, or it holds no sentence-transformers folder.
        Exception: what says that there is no room.
    """
    match = re.fullmatch(r"models:/([^/@]+)(?:/(\d+)|@(.+))", uri)
    if not match:
        raise UserError(f"{uri!r}: expected models:/NAME/VERSION or models:/NAME@ALIAS")
    name, version, alias = match.groups()
    store = connect(root)
    try:
        client = MlflowClient()
        found = (
            client.get_model_version_by_alias(name, alias)
            if alias
            else client.get_model_version(name, version)
        )
        folder = (
            cache
            / "registry"
            / re.sub(r"[^A-Za-z0-9._-]", "-", f"{name}-{found.version}-{found.creation_timestamp}")
        )
        if not folder.is_dir():
            with temporary_folder(folder) as temporary:
                target = temporary / "model"
                mlflow.artifacts.download_artifacts(
                    artifact_uri=f"models:/{name}/{found.version}", dst_path=str(target)
                )
                # MLflow copies nothing, without a word, where the files are gone: that is not kept.
                if any(target.rglob("modules.json")):
                    _keep(target, folder)
    except REFUSALS as error:
        if error_number(error) in FULL:
            raise
        raise UserError(hide_secrets(f"{uri!r}: {reason(error)} (tracking store: {store})")) from None
    models = sorted(p.parent for p in folder.rglob("modules.json"))
    if not models:
        raise UserError(
            f"{uri!r}: version {found.version} holds no sentence-transformers model (no modules.json)"
        )
    return Fetched(re.sub(r"[^A-Za-z0-9._-]", "-", name) + f"-v{found.version}", models[0])


def _keep(fetched: Path, folder: Path) -> None:
    """Move a version to its place, unless another process was quicker."""
    try:
        fetched.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


@dataclass(frozen=True)
class RunFiles:
    """Artifacts of one finished evaluation."""

    run_id: str
    folder: Path


def fetch_run(
    run_id: str, root: Path, names: list[str], target: Path, optional: Collection[str] = ()
) -> RunFiles:
    """Download some artifacts of a run, and those of `optional` that it has.

    Raises:
        UserError: if there is no such run or artifact.
        Exception: what says that there is no room.
    """
    store = connect(root)
    try:
        there = {file.path for file in mlflow.artifacts.list_artifacts(run_id=run_id)} if optional else set()
        for name in [*names, *(name for name in optional if name in there)]:
            mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name, dst_path=str(target))
    except REFUSALS as error:
        if error_number(error) in FULL:
            raise
        raise UserError(
            hide_secrets(f"run {run_id}: no evaluation to be read ({reason(error)}); tracking store: {store}")
        ) from None
    return RunFiles(run_id, target)
