"""Which figures there are: found in this folder, so that a new one is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

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


def run_figures() -> dict[str, RunFigure]:
    """Figures of a run by file name, sorted."""
    return {name: f for name, f in _found().items() if isinstance(f, RunFigure)}


def comparison_figures() -> dict[str, ComparisonFigure]:
    """Figures of a comparison by file name, sorted."""
    return {name: f for name, f in _found().items() if isinstance(f, ComparisonFigure)}


def draw_run(scores: Scores) -> dict[str, Figure]:
    """Every figure of a run that applies."""
    return {name: f.draw(scores) for name, f in run_figures().items() if f.applies(scores)}


def draw_comparison(scores: Sequence[Scores], comparisons: Comparisons) -> dict[str, Figure]:
    """Every figure of a comparison that applies."""
    found = comparison_figures().items()
    return {name: f.draw(scores, comparisons) for name, f in found if f.applies(scores, comparisons)}


def draw_tuning(report: Tuning) -> dict[str, Figure]:
    """Every figure of a report of index settings that applies."""
    found = {name: f for name, f in _found().items() if isinstance(f, TuningFigure)}
    return {name: f.draw(report) for name, f in found.items() if f.applies(report)}


def draw_finetuning(report: Finetuning) -> dict[str, Figure]:
    """Every figure of a fine-tuning that applies."""
    found = {name: f for name, f in _found().items() if isinstance(f, FinetuningFigure)}
    return {name: f.draw(report) for name, f in found.items() if f.applies(report)}


def draw_ablation(report: Ablation) -> dict[str, Figure]:
    """Every figure of an ablation that applies."""
    found = {name: f for name, f in _found().items() if isinstance(f, AblationFigure)}
    return {name: f.draw(report) for name, f in found.items() if f.applies(report)}


def draw_paradox(report: ParadoxReport) -> dict[str, Figure]:
    """Every figure of a paradox test that applies; the file's name without `paradox_`."""
    found = {name: f for name, f in _found().items() if isinstance(f, ParadoxFigure)}
    return {name.removeprefix("paradox_"): f.draw(report) for name, f in found.items() if f.applies(report)}


def draw_analysis(reports: Sequence[Analysis]) -> dict[str, Figure]:
    """Every figure of the analyses of one task that applies."""
    found = {name: f for name, f in _found().items() if isinstance(f, AnalysisFigure)}
    return {name: f.draw(reports) for name, f in found.items() if f.applies(reports)}


def draw_guide(report: Guide) -> dict[str, Figure]:
    """Every figure of a guide that applies."""
    found = {name: f for name, f in _found().items() if isinstance(f, GuideFigure)}
    return {name: f.draw(report) for name, f in found.items() if f.applies(report)}


def draw_profiles(found: Sequence[Profile]) -> dict[str, Figure]:
    """Every figure of several models' profiles that applies."""
    figures = {name: f for name, f in _found().items() if isinstance(f, ProfileFigure)}
    return {name: f.draw(found) for name, f in figures.items() if f.applies(found)}


def probe_figures(book: ProbeBook) -> dict[str, ProbeFigure]:
    """Figures of probes that apply; the file's name without `probe_`."""
    found = {name: f for name, f in _found().items() if isinstance(f, ProbeFigure)}
    return {name.removeprefix("probe_"): f for name, f in found.items() if f.applies(book)}


def draw_probes(book: ProbeBook) -> dict[str, Figure]:
    """Every figure of probes that applies."""
    return {name: f.draw(book) for name, f in probe_figures(book).items()}


def _found() -> dict[str, object]:
    result: dict[str, object] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        figure = getattr(importlib.import_module(f"{__package__}.{module.name}"), "FIGURE", None)
        if figure is not None:
            result[module.name] = figure
    return dict(sorted(result.items()))
