"""MLflow as the main job needs it: a third of what its import costs otherwise."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Any

UNUSED = ("pandas", "polars", "pyarrow", "pygments")
"""Libraries of tables that MLflow is never handed here, and of colours; it provides for machines that lack them."""


def import_mlflow() -> None:
    """Import MLflow as where those are not installed; later they can be imported as ever.

    It looks for plugins ten times over, which are found once. What is imported already stays as it is.
    """
    hidden = [name for name in UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own mark: importing it raises ImportError
    look_up, known = importlib.metadata.entry_points, importlib.metadata.entry_points()

    def chosen(**wanted: Any) -> Any:
        return known.select(**wanted)

    importlib.metadata.entry_points = chosen
    try:
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  (and all the rest of it)
    finally:
        importlib.metadata.entry_points = look_up
        for name in hidden:
            del sys.modules[name]
