"""The report of probes in a folder: figures/, report.md, report.html and report.docx."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from xlembed.files import atomic_folder, atomic_path
from xlembed.probe import figures as probes
from xlembed.probe.document import probe_document
from xlembed.probe.figures_data import ProbeBook, read_probes
from xlembed.show.content import Picture
from xlembed.show.docx import to_docx
from xlembed.show.figures.registry import figures_of, write_figures
from xlembed.show.html import to_html
from xlembed.show.markdown import to_markdown

ORDER = ("overall", "by_score", "by_length", "by_language", "calibration", "residuals", "truncation")
"""Figures in reading order; others come after, by name."""


def write_probe_report(
    report: Mapping[str, Any],
    predictions: pd.DataFrame,
    timings: Mapping[str, Mapping[str, Any]] | None,
    folder: Path,
) -> None:
    """Write the report; each file is replaced whole, and other files in the folder stay.

    Args:
        report: content of report.json.
        predictions: content of predictions.parquet.
        timings: content of timings.json; None: nothing was timed.
        folder: of the report.

    Raises:
        UserError: if a field of the report or a column of the predictions is missing.
    """
    book = read_probes(report, predictions, timings)
    with atomic_folder(folder / "figures") as figures:
        figures.mkdir(exist_ok=True)
        write_figures(probes, figures, book)
    document = probe_document(book, read_pictures(book, folder / "figures"))
    for name, content in (
        ("report.md", to_markdown(document).encode("utf-8")),
        ("report.html", to_html(document).encode("utf-8")),
        ("report.docx", to_docx(document)),
    ):
        with atomic_path(folder / name) as path:
            path.write_bytes(content)


def read_pictures(book: ProbeBook, folder: Path) -> dict[str, list[Picture]]:
    """Part of the report -> its figures, in reading order."""
    found: dict[str, list[Picture]] = {}
    figures = {name: f for name, f in figures_of(probes).items() if f.applies(book)}
    for name in sorted(figures, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n)):
        figure = figures[name]
        picture = Picture(name, (folder / f"{name}.png").read_bytes(), b"", figure.caption(book))
        found.setdefault(figure.part, []).append(picture)
    return found
