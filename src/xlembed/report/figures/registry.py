"""Which figures there are: one folder per kind, so that a new one is one new file.

A command imports the folder of its kind and no other, and its DVC stage depends on that folder alone.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from xlembed.report.style import save

if TYPE_CHECKING:
    from xlembed.report.probes import ProbeBook
    from xlembed.report.profiles import Profile

Scores = Mapping[str, Any]
"""Content of one scores.json."""
Comparisons = Sequence[Mapping[str, Any]]
"""Rows of paired differences, see `comparison.Paired`."""
Tuning = Mapping[str, Any]
"""Content of one tune.json."""
Finetuning = Mapping[str, Any]
"""Content of report.json of a fine-tuning."""
Ablation = Mapping[str, Any]
"""Content of report.json of an ablation."""
ParadoxReport = Mapping[str, Any]
"""Content of paradox.json."""
Analysis = Mapping[str, Any]
"""Content of analysis.json, with that of projection.json (or None) as ``projection``, of umap.json as ``umap``."""
Guide = Mapping[str, Any]
"""Content of guide.json."""


@dataclass(frozen=True)
class RunFigure:
    """A figure of one model on one task.

    Attributes:
        draw: draws it.
        applies: whether these scores have what it shows.
    """

    draw: Callable[[Scores], Figure]
    applies: Callable[[Scores], bool]


@dataclass(frozen=True)
class ComparisonFigure:
    """A figure of several models on one task.

    Attributes:
        draw: draws it.
        applies: whether these scores and comparisons have what it shows.
    """

    draw: Callable[[Sequence[Scores], Comparisons], Figure]
    applies: Callable[[Sequence[Scores], Comparisons], bool]


@dataclass(frozen=True)
class TuningFigure:
    """A figure of the index settings tried for one model on one task.

    Attributes:
        draw: draws it.
        applies: whether the report has what it shows.
    """

    draw: Callable[[Tuning], Figure]
    applies: Callable[[Tuning], bool]


@dataclass(frozen=True)
class FinetuningFigure:
    """A figure of one fine-tuning.

    Attributes:
        draw: draws it.
        applies: whether the report has what it shows.
    """

    draw: Callable[[Finetuning], Figure]
    applies: Callable[[Finetuning], bool]


@dataclass(frozen=True)
class AblationFigure:
    """A figure of the variants of one recipe.

    Attributes:
        draw: draws it.
        applies: whether the report has what it shows.
    """

    draw: Callable[[Ablation], Figure]
    applies: Callable[[Ablation], bool]


@dataclass(frozen=True)
class ParadoxFigure:
    """A figure of the paradox test on one task.

    Attributes:
        draw: draws it.
        applies: whether the report has what it shows.
    """

    draw: Callable[[ParadoxReport], Figure]
    applies: Callable[[ParadoxReport], bool]


@dataclass(frozen=True)
class AnalysisFigure:
    """A figure of the vector spaces of one or several models on one task, side by side.

    Attributes:
        draw: draws it.
        applies: whether the reports have what it shows.
    """

    draw: Callable[[Sequence[Analysis]], Figure]
    applies: Callable[[Sequence[Analysis]], bool]


@dataclass(frozen=True)
class GuideFigure:
    """A figure of a guide: models ranked for one use.

    Attributes:
        draw: draws it.
        applies: whether the guide has what it shows.
    """

    draw: Callable[[Guide], Figure]
    applies: Callable[[Guide], bool]


@dataclass(frozen=True)
class ProfileFigure:
    """A figure of what is known of several models on one task: scores, analyses, speed.

    Attributes:
        draw: draws it.
        applies: whether the models have what it shows.
    """

    draw: Callable[[Sequence[Profile]], Figure]
    applies: Callable[[Sequence[Profile]], bool]


@dataclass(frozen=True)
class ProbeFigure:
    """A figure of the probes on one set of scored texts.

    Attributes:
        draw: draws it.
        applies: whether the results have what it shows.
        part: chapter of the report that it stands in: ``results``, ``errors``, ``fit``, ``truncation`` or ``cost``.
        caption: what it shows, in a sentence or two; also for those who do not see it.
    """

    draw: Callable[[ProbeBook], Figure]
    applies: Callable[[ProbeBook], bool]
    part: str
    caption: Callable[[ProbeBook], str]


def figures_of(kind: ModuleType) -> dict[str, Any]:
    """Every figure of a kind by file name, sorted.

    Args:
        kind: a package of this folder, such as `runs`; each of its modules has a `FIGURE`.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(kind.__path__))
    return {name: importlib.import_module(f"{kind.__name__}.{name}").FIGURE for name in names}


def draw(kind: ModuleType, *results: Any) -> dict[str, Figure]:
    """Every figure of a kind that applies to these results, by file name.

    Args:
        kind: a package of this folder.
        results: what that kind's figures are called with.
    """
    return {name: f.draw(*results) for name, f in figures_of(kind).items() if f.applies(*results)}


def write_figures(kind: ModuleType, folder: Path, *results: Any) -> None:
    """Every figure of a kind that applies to these results, as PNG and PDF."""
    for name, figure in draw(kind, *results).items():
        save(figure, folder, name)
