"""Registries: a package with one module per entry, so that a new entry is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def entries(package: ModuleType) -> tuple[str, ...]:
    """Names of the modules in a package, sorted; none is imported."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))


def load_entry(package: ModuleType, name: str) -> ModuleType:
    """One of its modules, by one of its `entries`."""
    return importlib.import_module(f"{package.__name__}.{name}")


def load_all(package: ModuleType, attribute: str) -> dict[str, Any]:
    """Name -> what every module of the package defines under this name."""
    return {name: getattr(load_entry(package, name), attribute) for name in entries(package)}
