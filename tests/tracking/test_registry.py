"""Models of MLflow's registry as folders: versions, aliases, and what is said when there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import mlflow
import pytest
import torch
from mlflow.tracking import MlflowClient
from sentence_transformers import SentenceTransformer

from cli.command import no_surroundings
from fakes.toy import save_toy_model
from xlembed.models.loading import load_encoder
from xlembed.settings import Settings
from xlembed.tracking.opening import open_model
from xlembed.tracking.registry import fetch_model
from xlembed.words import Role, UserError
from xlembed.workspace import Workspace


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout whose store has `toy` 1, `toy` 2 (the same vectors, reversed) and `plain` 1, a text file."""
    root = tmp_path_factory.mktemp("checkout")
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        client = MlflowClient()
        experiment = client.create_experiment("models", artifact_location=(root / "mlruns").as_uri())
        model = SentenceTransformer(str(save_toy_model(root / "toy")), device="cpu")
        with mlflow.start_run(experiment_id=experiment) as run:
            for _ in range(2):
                mlflow.sentence_transformers.log_model(
                    model, name="model", registered_model_name="toy", pip_requirements=[]
                )
                with torch.no_grad():
                    model[0].embedding.weight *= -1
            mlflow.log_text("no model", "plain/readme.txt")
        client.create_registered_model("plain")
        source = f"{run.info.artifact_uri}/plain"
        client.create_model_version("plain", source, run_id=run.info.run_id)
        mlflow.set_tracking_uri(None)
        yield root


def boat(folder: Path) -> list[float]:
    """The vector of a word; (1, 0, 0, 0) in version 1."""
    return SentenceTransformer(str(folder), device="cpu").encode(["boat"])[0].tolist()


def test_a_version_is_fetched_as_a_folder(registry: Path, tmp_path: Path) -> None:
    fetched = [fetch_model(f"models:/toy/{version}", registry, tmp_path) for version in (1, 2)]
    assert [f.slug for f in fetched] == ["toy-v1", "toy-v2"]
    assert [boat(f.folder) for f in fetched] == [[1, 0, 0, 0], [-1, 0, 0, 0]]
    assert all(f.folder.is_relative_to(tmp_path) for f in fetched)


def test_an_alias_follows_its_version(registry: Path, tmp_path: Path) -> None:
    client = MlflowClient(f"sqlite:///{registry / 'mlflow.db'}")
    found = []
    for version in ("1", "2", "1"):
        client.set_registered_model_alias("toy", "champion", version)
        found.append(fetch_model("models:/toy@champion", registry, tmp_path))
    assert [f.slug for f in found] == ["toy-v1", "toy-v2", "toy-v1"]
    assert [boat(f.folder)[0] for f in found] == [1, -1, 1]


def test_a_registered_model_encodes(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path))
    ref = open_model(Workspace(Settings(), registry), "models:/toy/2+dim2")
    assert ref.slug == "toy-v2+dim2"
    vectors = load_encoder(ref, device="cpu").encode_batch(["boat"], Role.QUERY)
    assert vectors[0][:2].tolist() == [-1, 0]


def test_a_version_is_downloaded_once(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fetch_model("models:/toy/1", registry, tmp_path)

    def refuse(**_: object) -> None:
        raise OSError("no second download")

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", refuse)
    assert fetch_model("models:/toy/1", registry, tmp_path) == first
    with pytest.raises(UserError, match="no second download"):
        fetch_model("models:/toy/2", registry, tmp_path)


def test_a_torn_download_leaves_nothing(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tear(artifact_uri: str, dst_path: str) -> None:
        Path(dst_path).mkdir()
        (Path(dst_path) / "modules.json").write_text("[")
        raise OSError("connection lost")

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.artifacts, "download_artifacts", tear)
        with pytest.raises(UserError, match=r"'models:/toy/1': connection lost"):
            fetch_model("models:/toy/1", registry, tmp_path)
    assert list((tmp_path / "registry").iterdir()) == []
    assert boat(fetch_model("models:/toy/1", registry, tmp_path).folder)[0] == 1


def test_another_process_was_quicker(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    download = mlflow.artifacts.download_artifacts

    def download_twice(**asked: str) -> None:
        monkeypatch.undo()
        fetch_model("models:/toy/1", registry, tmp_path)
        download(**asked)

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", download_twice)
    assert boat(fetch_model("models:/toy/1", registry, tmp_path).folder)[0] == 1
    assert len(list((tmp_path / "registry").iterdir())) == 1


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("models:/boy/1", "boy"),
        ("models:/toy/3", "version=3"),
        ("models:/toy@challenger", "challenger"),
        ("models:/plain/1", r"version 1 holds no sentence-transformers model \(no modules\.json\)"),
        *(
            (uri, "expected models:/NAME/VERSION or models:/NAME@ALIAS")
            for uri in (
                *("models:/toy", "models:/toy/", "models:/toy@", "models:/toy/x", "models:/toy/latest"),
                *("models:/toy/1/2", "models:/toy/1@champion", "models://toy/1", "models:/", "toy/1"),
            )
        ),
    ],
)
def test_what_is_not_there(registry: Path, tmp_path: Path, uri: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        fetch_model(uri, registry, tmp_path)
    assert str(caught.value).startswith(repr(uri))


def test_files_that_are_gone(registry: Path, tmp_path: Path) -> None:
    """The registry knows the version, but its artifacts have been deleted."""
    client = MlflowClient(f"sqlite:///{registry / 'mlflow.db'}")
    files = Path(urlparse(client.get_model_version_download_uri("toy", "2")).path)
    away = shutil.move(files, tmp_path / "away")
    try:
        with pytest.raises(UserError, match="'models:/toy/2'"):
            fetch_model("models:/toy/2", registry, tmp_path / "cache")
    finally:
        shutil.move(away, files)
    assert list((tmp_path / "cache" / "registry").iterdir()) == []
