"""Figures on disk: every registered figure of a run or a comparison, as PNG and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlembed.report.figures.registry import (
    draw_ablation,
    draw_analysis,
    draw_comparison,
    draw_finetuning,
    draw_guide,
    draw_paradox,
    draw_probes,
    draw_profiles,
    draw_run,
    draw_tuning,
)
from xlembed.report.probes import ProbeBook
from xlembed.report.profiles import Profile
from xlembed.report.style import save


def write_run_figures(scores: Mapping[str, Any], folder: Path) -> None:
    """All figures of one evaluated model."""
    for name, figure in draw_run(scores).items():
        save(figure, folder, name)


def write_comparison_figures(
    scores: Sequence[Mapping[str, Any]], comparison: Mapping[str, Any], folder: Path
) -> None:
    """All figures of a comparison; its tests of the primary family are drawn."""
    for name, figure in draw_comparison(scores, comparison["primary"]).items():
        save(figure, folder, name)


def write_tuning_figures(report: Mapping[str, Any], folder: Path) -> None:
    """All figures of the index settings tried for one model on one task."""
    for name, figure in draw_tuning(report).items():
        save(figure, folder, name)


def write_finetuning_figures(report: Mapping[str, Any], folder: Path) -> None:
    """All figures of one fine-tuning."""
    for name, figure in draw_finetuning(report).items():
        save(figure, folder, name)


def write_ablation_figures(report: Mapping[str, Any], folder: Path) -> None:
    """All figures of one ablation."""
    for name, figure in draw_ablation(report).items():
        save(figure, folder, name)


def write_paradox_figures(report: Mapping[str, Any], folder: Path) -> None:
    """All figures of one paradox test."""
    for name, figure in draw_paradox(report).items():
        save(figure, folder, name)


def write_analysis_figures(reports: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """All figures of the vector spaces of one or several models."""
    for name, figure in draw_analysis(reports).items():
        save(figure, folder, name)


def write_guide_figures(report: Mapping[str, Any], folder: Path) -> None:
    """All figures of one guide."""
    for name, figure in draw_guide(report).items():
        save(figure, folder, name)


def write_profile_figures(found: Sequence[Profile], folder: Path) -> None:
    """All figures of several models' profiles."""
    for name, figure in draw_profiles(found).items():
        save(figure, folder, name)


def write_probe_figures(book: ProbeBook, folder: Path) -> None:
    """All figures of the probes on one set of scored texts."""
    for name, figure in draw_probes(book).items():
        save(figure, folder, name)
