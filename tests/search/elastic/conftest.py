"""A real node for the session, and others whose settings provoke faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elastic_node import Node
from xlembed.search.elastic.connection import ENVIRONMENT, Server

MakeNode = Callable[..., Node]


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
