"""Which probes there are: found in kinds/, so that a new one is one new file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xlembed.probe import kinds
from xlembed.probe.base import FittedProbe, Probe
from xlembed.probe.saved import read_about
from xlembed.registry import entries, load_entry
from xlembed.words import UserError, near_miss

FLOOR = "mean"
"""What every other probe must beat."""


@cache
def probe_names() -> tuple[str, ...]:
    """All, sorted; nothing heavy is imported."""
    return entries(kinds)


def find_probe(name: str) -> Probe:
    """A probe by name.

    Raises:
        UserError: with the known ones and the near miss.
    """
    if name not in probe_names():
        raise UserError(
            f"no probe {name!r}; there are {', '.join(probe_names())}.{near_miss(name, probe_names())}"
        )
    probe: Probe = load_entry(kinds, name).PROBE
    return probe


def load_probe(folder: Path) -> FittedProbe:
    """What `FittedProbe.save` wrote.

    Raises:
        UserError: the folder holds no probe of this version.
    """
    return find_probe(read_about(folder)["kind"]).load(folder)
