"""A real node for the session, and others whose settings provoke faults."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xlembed.index.elastic.connection import ENVIRONMENT, Server

from .node import Node

REPOSITORY = Path(__file__).resolve().parents[3]
MakeNode = Callable[..., Node]


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
def node(node_scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A healthy node that every test may use and none may hurt."""
    made = Node(node_scripts, tmp_path_factory.mktemp("node"))
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def make_node(node_scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeNode]:
    """Nodes of a module's own, with settings of its choice."""
    nodes: list[Node] = []

    def make(*settings: str) -> Node:
        nodes.append(Node(node_scripts, tmp_path_factory.mktemp("own"), *settings))
        return nodes[-1].start()

    try:
        yield make
    finally:
        for made in nodes:
            made.close()


@pytest.fixture
def server(node: Node) -> Server:
    return node.server()


@pytest.fixture(autouse=True)
def _no_connection_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
