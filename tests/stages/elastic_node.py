"""A real node for the stages' tests; a test that asks for it is skipped where none can be started."""

from __future__ import annotations

from tests.index.elastic.conftest import node, node_scripts

__all__ = ["node", "node_scripts"]
