"""What a run records: settings, data, scores, files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import mlflow
from mlflow.data.meta_dataset import MetaDataset
from mlflow.data.sources import LocalArtifactDatasetSource  # type: ignore[attr-defined]  # made at run time
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS
from mlflow.utils.uri import is_local_uri

from xlembed.files import read_yaml
from xlembed.params import flatten
from xlembed.settings import Settings

METRICS_PER_CALL = 500
DESCRIPTION = "mlflow.note.content"
DESCRIPTION_CHARS = 7500
"""MLflow keeps tags of 8,000."""
VARIED = {
    "corpus": {"relevance", "max_documents_per_language"},
    "encode": {"instruction", "storage_dtype"},
    "index": {"engine", "type"},
    "evaluate": {"depth", "other_versions"},
}
"""Settings of the main job that a person varies between runs: parameters, the rest is in settings.yaml."""
DIGEST_CHARS = 36
"""MLflow keeps no longer digest of a data set."""


def metric_name(name: str) -> str:
    """MLflow allows no ``@``: ``accuracy@1`` -> ``accuracy_at_1``."""
    return re.sub(r"[^\w./ :-]", "_", name.replace("@", "_at_"))


class Loggable(Protocol):
    """What a study returns, as far as its run keeps it; files say the rest."""

    def to_json(self) -> Any:
        """What its file holds."""

    def params(self) -> Mapping[str, str]:
        """Settings that a person would vary, beside those of params.yaml."""

    def tags(self) -> Mapping[str, str]:
        """What the UI can filter by."""

    def metrics(self) -> Mapping[str, float]:
        """Numbers by name; ``@`` is allowed."""


@dataclass(frozen=True)
class Inputs:
    """What is known before the work.

    Attributes:
        settings: of params.yaml and options.
        sections: that the work reads.
        name: of the data.
        folder: with the data.
        digest: of the data.
        params: further ones.
        tags: further ones.
        notes: name -> what a file of that name keeps.
    """

    settings: Settings
    sections: tuple[str, ...]
    name: str
    folder: Path
    digest: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def log_inputs(inputs: Inputs, root: Path) -> None:
    """Settings, versions and data of the active run; `root` is the checkout.

    Parameters are what a person varies and what is set; every setting of the sections is in settings.yaml.
    """
    varied = {
        key: value for key, value in flatten(inputs.settings, inputs.sections).items() if _is_varied(key)
    }
    log_params({key: value for key, value in {**varied, **inputs.params}.items() if value})
    whole = inputs.settings.model_dump(mode="json", include=set(inputs.sections))
    for name, content in {"settings": whole, **inputs.notes}.items():
        log_json(content, f"{name}.yaml")
    log_tags({**version_tags(root, inputs.folder), **inputs.tags})
    log_dataset(inputs.name, inputs.folder, inputs.digest)


def _is_varied(key: str) -> bool:
    """Sections of studies are whole."""
    section, _, name = key.partition(".")
    return name in VARIED.get(section, {name})


def describe(text: str) -> None:
    """Markdown that the UI shows above a run, as far as a tag holds it."""
    mlflow.set_tag(DESCRIPTION, cut_at_line(text, DESCRIPTION_CHARS))


def cut_at_line(text: str, chars: int) -> str:
    """Markdown of some length at most; what is cut is told."""
    if len(text) <= chars:
        return text
    end = "\n\n... the rest is among the artifacts"
    return text[: chars - len(end)].rpartition("\n")[0] + end


def run_address(run_id: str) -> str:
    """A run as a link inside the UI."""
    return f"#/experiments/{MlflowClient().get_run(run_id).info.experiment_id}/runs/{run_id}"


def log_result(result: Loggable, place: Path) -> None:
    """What was found, in the active run; `place` is a folder of files, or one file."""
    log_params(result.params())
    log_tags(result.tags())
    log_metrics(result.metrics())
    if place.is_dir():
        log_folder(place)
    else:
        log_file(place)


def log_params(params: Mapping[str, str]) -> None:
    """Write-once parameters named ``section.key``."""
    mlflow.log_params(dict(params))


def log_tags(tags: Mapping[str, str]) -> None:
    """Tags of the active run."""
    mlflow.set_tags(dict(tags))


def log_metrics(values: Mapping[str, float]) -> None:
    """Many metrics of the active run in few calls."""
    run = mlflow.active_run()
    if run is None:
        raise RuntimeError("there is no active run to log metrics to")
    now = int(time.time() * 1000)
    metrics = [Metric(metric_name(key), value, now, 0) for key, value in values.items()]
    for start in range(0, len(metrics), METRICS_PER_CALL):
        MlflowClient().log_batch(run.info.run_id, metrics=metrics[start : start + METRICS_PER_CALL])


def log_dataset(name: str, folder: Path, digest: str) -> None:
    """Link a task to the active run by its content digest."""
    source = LocalArtifactDatasetSource(folder.as_posix())
    dataset = MetaDataset(source, name=name, digest=digest[:DIGEST_CHARS])  # type: ignore[abstract]  # MLflow's own use
    mlflow.log_input(dataset, context="evaluation")


def log_folder(folder: Path, within: str = "", run_id: str | None = None) -> None:
    """All files of a folder as artifacts.

    Where artifacts lie in a folder of the same disk, they are hard links: our files are replaced, never written into.

    Args:
        folder: with the files.
        within: folder of the artifacts in which they go; empty: beside the others.
        run_id: of a finished run; None: the active one.
    """
    place = _local_artifacts(run_id)
    if place is None:
        mlflow.log_artifacts(str(folder), within or None, run_id=run_id)
        return
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = place / within / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(file)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(file, target)


def _local_artifacts(run_id: str | None) -> Path | None:
    """The folder of a run's artifacts; None where a server or a store keeps them."""
    uri = str(MlflowClient().get_run(run_id).info.artifact_uri) if run_id else mlflow.get_artifact_uri()
    if not is_local_uri(uri, is_tracking_or_registry_uri=False):  # type: ignore[no-untyped-call]
        return None
    return Path(local_file_uri_to_path(uri))  # type: ignore[no-untyped-call]


def log_file(path: Path) -> None:
    """One file as an artifact of the active run."""
    mlflow.log_artifact(str(path))


def log_json(value: Mapping[str, Any], name: str) -> None:
    """A small file of the active run, as JSON or, by its name, as YAML."""
    mlflow.log_dict(dict(value), name)


def log_table(rows: Sequence[Mapping[str, Any]], name: str) -> None:
    """A table that the MLflow UI shows, in place of one of that name: `mlflow.log_table` would add its rows to it.

    Args:
        rows: JSON values by column, the same columns in each.
        name: of its file.
    """
    table = {"columns": list(rows[0]) if rows else [], "data": [list(row.values()) for row in rows]}
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / name
        file.write_text(json.dumps(table, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        log_file(file)
    run = mlflow.active_run()
    tags = MlflowClient().get_run(run.info.run_id).data.tags if run else {}
    known = [entry for entry in json.loads(tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]")) if entry["path"] != name]
    log_tags({MLFLOW_LOGGED_ARTIFACTS: json.dumps([*known, {"path": name, "type": "table"}])})


def version_tags(root: Path, data: Path) -> dict[str, str]:
    """Git commit of the checkout, whether files differ from it, and DVC revision of the data, where there are any."""
    found = {
        "git_commit": _git(root, "rev-parse", "HEAD"),
        "git_dirty": _git_dirty(root),
        "dvc_data_revision": _dvc_revision(root, data),
    }
    return {key: value for key, value in found.items() if value}


def _git(root: Path, *words: str) -> str | None:
    """What Git says about the checkout; nothing is locked, so that parallel stages do not meet."""
    command = ["git", "--no-optional-locks", *words]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git, no checkout, or no commit yet
        return None


def _git_dirty(root: Path) -> str | None:
    """`true` if a file of the commit was changed or src/ holds a new one; what stages write does not count."""
    outputs = [f":(exclude){name}" for name in ("results", "dvc.lock")]
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *outputs)
    new = _git(root, "status", "--porcelain", "--", "src")
    if changed is None or new is None or _git(root, "rev-parse", "HEAD") is None:
        return None
    return "true" if changed or new else "false"


def _dvc_revision(root: Path, data: Path) -> str | None:
    """The hash that a .dvc file records for this folder, or for one that holds it."""
    for file in sorted([*root.glob("*.dvc"), *root.glob("data/*.dvc")]):
        if not file.is_file():
            continue
        try:
            content = read_yaml(file)
            for out in content["outs"]:
                if data.resolve().is_relative_to(
                    (file.parent / content.get("wdir", "") / out["path"]).resolve()
                ):
                    return str(out["md5"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue  # not this tool's file to complain about
    return None
