"""Fine-tuned rivals as systems of a probe run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rival:
    """A recipe with its base found."""


def open_rival(source, workspace):  # type: ignore
    raise NotImplementedError


def rival_system(rival, scored, parts, workspace, watch):  # type: ignore
    raise NotImplementedError
