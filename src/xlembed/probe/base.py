"""What every probe can do: fit on frozen vectors, predict, be saved without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xlembed.data.scored import ScoredKind, Scores
from xlembed.words import Vectors


@dataclass(frozen=True, eq=False)
class Batch:
    """Vectors with their scores.

    Attributes:
        vectors: float32, shape (n, dim).
        scores: float64, shape (n, n_dimensions).
    """

    vectors: Vectors
    scores: Scores


class FittedProbe(Protocol):
    """A probe that has learnt."""

    @property
    def n_parameters(self) -> int:
        """Numbers that were fitted."""

    @property
    def details(self) -> Mapping[str, Any]:
        """What was chosen on validation, for reports; JSON."""

    def predict(self, vectors: Vectors) -> Scores:
        """Scores, or probabilities of labels; shape (n, n_dimensions)."""

    def save(self, folder: Path) -> None:
        """Write everything `load` needs, without pickle."""


@dataclass(frozen=True)
class FitOptions:
    """What all probes share.

    Attributes:
        kind: scores are regressed, labels classified.
        seed: of everything random.
    """

    kind: ScoredKind
    seed: int = 42


class Probe(Protocol):
    """A way of learning; one per file in probe/kinds."""

    def fit(self, train: Batch, validation: Batch, options: FitOptions) -> FittedProbe:
        """Learn on `train`; whatever is chosen is chosen on `validation`."""

    def load(self, folder: Path) -> FittedProbe:
        """What `save` wrote."""
