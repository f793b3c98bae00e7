from __future__ import annotations

import base64
import contextlib
import gc
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
import torch
from filelock import FileLock
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, event

from elastic_node import Node

REPOSITORY = Path(__file__).resolve().parent.parent
# Machines are busy: no test fails for the time it takes.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """What was imported stays: full collections, of which each training asks for two, need not walk over it."""
    gc.collect()
    gc.freeze()


@event.listens_for(Engine, "connect")
def _unflushed(connection: Any, _: object) -> None:
    """Tests cut no power: what SQLite writes need not reach the disk with every commit."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Of a process that died: how, and how much memory was left then."""
    if error:
        memory = Path("/proc/meminfo")
        left = memory.read_text().splitlines()[2] if memory.is_file() else ""
        print(f"\n{node.gateway.id} ended with {node.gateway._io.popen.wait(10)}; {left}", file=sys.stderr)


@pytest.fixture(scope="module", autouse=True)
def _no_store_left() -> Iterator[None]:
    """MLflow remembers store and experiment for the process: the next file of tests must not find the last one's."""
    yield
    if mlflow := sys.modules.get("mlflow"):
        mlflow.set_tracking_uri(None)
    # MLflow sets these for processes begun here, and forgets the second where a test gave the environment back.
    for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public corpora that are not in the repository; a test that asks for them is skipped without them."""
    told = os.environ.get("XLEMBED_SHARED")
    folder = Path(told) if told else REPOSITORY.parent / "shared" / "data"
    if not (folder / "xquad").is_dir():
        pytest.skip(
            f"no public corpora in {folder} (set XLEMBED_SHARED to a folder with xquad/, tatoeba/, tquad/)"
        )
    return folder


@pytest.fixture(scope="session")
def node_scripts() -> Path:
    """Where `start` and `stop` lie."""
    told = os.environ.get("XLEMBED_SHARED")
    shared = Path(told).resolve().parent if told else REPOSITORY.parent / "shared"
    folder = shared / "elasticsearch"
    if not (folder / "start").is_file():
        pytest.skip(f"no Elasticsearch to start in {folder} (XLEMBED_SHARED names the data folder beside it)")
    if shutil.which("java") is None:
        pytest.skip("Elasticsearch needs Java 17 or newer, and there is no `java`")
    return folder


@pytest.fixture(scope="session")
def started_node(node_scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A healthy node that every test may use and none may hurt."""
    made = Node(node_scripts, tmp_path_factory.mktemp("node"))
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def node(started_node: Node) -> Node:
    """The node, empty: which files ran before in this process must not matter."""
    client = started_node.server().client
    # One by one: a node may refuse to delete by wildcard.
    for name in client.indices.get(index="*", expand_wildcards="open,closed"):
        client.indices.delete(index=name)
    return started_node


@pytest.fixture(scope="session")
def all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes of one `pytest -n` share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def session_cache(all_workers: Path) -> Path:
    """Shared by the tests that encode much, so that a model sees each text once."""
    folder = all_workers / "shared_cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _migrated_once(all_workers: Path) -> Iterator[None]:
    """A new SQLite store of MLflow is a copy of the first one: its 67 migrations take a second each time."""
    if "mlflow" not in sys.modules:
        yield
        return
    from mlflow.store.db import utils

    made = all_workers / "migrated.db"
    real = utils._initialize_tables

    def initialize(engine: Engine) -> None:
        if engine.dialect.name != "sqlite":
            real(engine)
            return
        with FileLock(f"{made}.lock"):
            if not made.exists():
                first = create_engine(f"sqlite:///{made}.part")
                real(first)
                first.dispose()
                Path(f"{made}.part").replace(made)
        with contextlib.closing(sqlite3.connect(made)) as source, engine.connect() as target:
            source.backup(target.connection.driver_connection)

    with mock.patch.object(utils, "_initialize_tables", initialize):
        yield


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def sketches() -> Iterator[tuple[Any, Any]]:
    """Every figure that applies is one pixel: an evaluation draws for most of its time. Where no test looks at them."""
    from xlembed.show.figures import registry

    real = registry.draw, registry.save

    def names(kind: ModuleType, *results: Any) -> dict[str, str]:
        return {name: name for name, f in registry.figures_of(kind).items() if f.applies(*results)}

    def save(_: str, folder: Path, name: str, *, pdf: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for form in ("png", "pdf") if pdf else ("png",):
            (folder / f"{name}.{form}").write_bytes(PIXEL)

    with mock.patch.object(registry, "draw", names), mock.patch.object(registry, "save", save):
        yield real


@pytest.fixture
def drawn(sketches: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """For one test of those: figures as they are."""
    for name, function in zip(("draw", "save"), sketches, strict=True):
        monkeypatch.setattr(f"xlembed.show.figures.registry.{name}", function)


@pytest.fixture(scope="module", autouse=True)
def _surroundings(session_cache: Path) -> Iterator[None]:
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("XLEMBED_CACHE", str(session_cache))
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        torch.set_num_threads(1)  # `make test` shares the cores out by processes
        yield
    torch.set_num_threads(threads)
