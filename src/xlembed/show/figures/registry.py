"""Which figures there are: one folder per kind, so that a new one is one new file.

A command imports the folder of its kind and no other, and its DVC stage depends on that folder alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from matplotlib.figure import Figure

from xlembed.registry import load_all
from xlembed.show.style import save
from xlembed.stats.scorebook import ScoreBook

Scores = Mapping[str, Any] | ScoreBook
"""What one scores.json holds."""
Comparisons = Sequence[Mapping[str, Any]]
"""Rows of paired differences, see `comparison.Paired`."""
Finetuning = Mapping[str, Any]
"""Content of report.json of a fine-tuning."""
Ablation = Mapping[str, Any]
"""Content of report.json of an ablation."""
ParadoxReport = Mapping[str, Any]
"""Content of paradox.json."""


@dataclass(frozen=True)
class Registered:
    """A figure of a kind.

    Attributes:
        draw: draws it from what the figures of its kind are called with.
        applies: whether these results have what it shows.
        part: chapter of the report that it stands in, where figures are chosen by chapter.
        caption: what it shows, in a sentence or two; also for those who do not see it.
    """

    draw: Callable[..., Figure]
    applies: Callable[..., bool]
    part: str = ""
    caption: Callable[..., str] = lambda *results: ""


def figures_of(kind: ModuleType) -> dict[str, Registered]:
    """Every figure of a kind by file name, sorted; a kind is a package each of whose modules has a `FIGURE`."""
    return load_all(kind, "FIGURE")


def draw(kind: ModuleType, *results: Any) -> dict[str, Figure]:
    """Every figure of a kind that applies to these results, by file name."""
    return {name: f.draw(*results) for name, f in figures_of(kind).items() if f.applies(*results)}


def write_figures(kind: ModuleType, folder: Path, *results: Any, pdf: bool = False) -> None:
    """Every figure of a kind that applies to these results, as PNG, for print as PDF too."""
    for name, figure in draw(kind, *results).items():
        save(figure, folder, name, pdf=pdf)
