"""What every probe can do: fit on frozen vectors, predict, be saved without pickle; and which ones there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors.numpy import load_file, save_file

from xlembed.data.scored import ScoredKind, Scores
from xlembed.files import read_record, write_json
from xlembed.probe import kinds
from xlembed.registry import entries, load_entry
from xlembed.words import UserError, Vectors, near_miss

Floats = NDArray[np.float64]
CONSTANT = 1e-12
"""A spread below this is none: the column is only centred."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and spread per column.

    Attributes:
        mean: float64, shape (n_columns,).
        spread: float64, shape (n_columns,), never 0.
    """

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, values: ArrayLike) -> Scaling:
        """Of the columns of an array, shape (n, n_columns)."""
        array = np.asarray(values, dtype=np.float64)
        spread = array.std(axis=0)
        return cls(array.mean(axis=0), np.where(spread > CONSTANT, spread, 1.0))

    def standardise(self, values: ArrayLike) -> Floats:
        """Mean 0 and spread 1 on the training part."""
        scaled: Floats = (np.asarray(values, dtype=np.float64) - self.mean) / self.spread
        return scaled

    def restore(self, values: ArrayLike) -> Floats:
        """Back on the original scale."""
        restored: Floats = np.asarray(values, dtype=np.float64) * self.spread + self.mean
        return restored


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
    """What all probes share."""

    kind: ScoredKind
    seed: int = 42


class Probe(Protocol):
    """A way of learning, one per file in probe/kinds: a class whose objects are `FittedProbe`."""

    def fit(self, train: Batch, validation: Batch, options: FitOptions) -> FittedProbe:
        """Learn on `train`; whatever is chosen is chosen on `validation`."""

    def load(self, folder: Path) -> FittedProbe:
        """What `save` wrote."""


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """For what must come out the same to the last bit: how sums are shared out decides how they are rounded."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


ABOUT, ARRAYS = "probe.json", "probe.safetensors"
FORMAT = 1


def write_probe(
    folder: Path, kind: str, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """`probe.json` with the kind of probe and what else it needs, and its arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    if arrays:
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, folder / ARRAYS)
    write_json(folder / ABOUT, {**about, "format": FORMAT, "kind": kind})


def read_about(folder: Path) -> dict[str, Any]:
    """Content of `probe.json`.

    Raises:
        UserError: it is not there, damaged, or of another format.
    """
    about = read_record(folder / ABOUT, f"{folder} holds no saved probe")
    if about.get("format") != FORMAT:
        raise UserError(f"{folder / ABOUT}: format {about.get('format')!r}; this version reads {FORMAT}")
    return about


def read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays by name."""
    return dict(load_file(folder / ARRAYS))


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


End = float | None
"""None: open."""


@dataclass(frozen=True)
class Bounds:
    """Ends of the scale of each dimension."""

    ends: tuple[tuple[End, End], ...]

    def clip(self, scores: Scores) -> Scores:
        """The scores, shape (n, n_dimensions); what lies outside is set to the nearer end."""
        low, high = self._arrays()
        clipped: Scores = np.clip(scores, low, high)
        return clipped

    def n_outside(self, scores: Scores) -> int:
        """How many of the scores `clip` would change."""
        low, high = self._arrays()
        return int(((scores < low) | (scores > high)).sum())

    def _arrays(self) -> tuple[Scores, Scores]:
        low = np.array([-np.inf if low is None else low for low, _ in self.ends])
        high = np.array([np.inf if high is None else high for _, high in self.ends])
        return low, high


def clipped_note(clipped: Sequence[tuple[str, int]], n: int) -> list[str]:
    """A sentence on the predictions that were set to an end of the scale, if there are any."""
    told = [f"{name} {count:,}" for name, count in clipped if count]
    if not told:
        return []
    return [f"Predictions outside their scale were set to its nearer end, of {n:,} each: {', '.join(told)}."]
