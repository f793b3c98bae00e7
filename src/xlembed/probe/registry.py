"""Which probes there are: found in kinds/, so that a new one is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from xlembed.probe import kinds
from xlembed.probe.base import FittedProbe, Probe
from xlembed.probe.saved import read_about
from xlembed.words import UserError, near_miss

FLOOR = "mean"
"""What every other probe must beat."""


@cache
def probe_names() -> tuple[str, ...]:
    """All, sorted; nothing heavy is imported."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(kinds.__path__)))


def find_probe(name: str) -> Probe:
    """A probe by name.

    Raises:
        UserError: with the known ones and the near miss.
    """
    if name not in probe_names():
        raise UserError(
            f"no probe {name!r}; there are {', '.join(probe_names())}.{near_miss(name, probe_names())}"
        )
    probe: Probe = importlib.import_module(f"{kinds.__name__}.{name}").PROBE
    return probe


def load_probe(folder: Path) -> FittedProbe:
    """What `FittedProbe.save` wrote.

    Raises:
        UserError: the folder holds no probe of this version.
    """
    return find_probe(read_about(folder)["kind"]).load(folder)
