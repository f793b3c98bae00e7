"""The results of probes as a document, its files and its tables for the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from xlembed.files import atomic_folder, atomic_path
from xlembed.probe import figures as probes
from xlembed.probe.figures_data import COLUMNS, FLOOR, PROBE, RIVAL, ProbeBook, read_probes
from xlembed.probe.probe_advice import advise, cards
from xlembed.probe.probe_grids import (
    all_test_grid,
    cost_grid,
    criteria_grid,
    detail_grids,
    dimension_grid,
    key_test_grid,
    language_grid,
    leak_grid,
    part_grid,
    system_grid,
    truncation_grid,
    verdict_grid,
)
from xlembed.probe.probe_text import has_study, method_lines, unknown_lines
from xlembed.show.content import Block, Bullets, Document, Grid, Missing, Part, Picture
from xlembed.show.docx import to_docx
from xlembed.show.figures.registry import figures_of, write_figures
from xlembed.show.html import to_html
from xlembed.show.markdown import to_markdown
from xlembed.show.published import published_grid
from xlembed.words import counted

LENGTHS = "128,256,512,8192"
"""Tokens of the truncation study that is proposed."""
ADVICE = "Short texts lose nothing by a limit; long ones lose what stands behind it."


def probe_document(book: ProbeBook, pictures: Mapping[str, Sequence[Picture]]) -> Document:
    """The whole report. Figures stand in their parts: ``results``, ``errors``, ``fit``, ``truncation``, ``cost``."""
    advice = advise(book)
    unknown = unknown_lines(book)
    parts = (
        Part("results", "How far off each system is", tuple(pictures.get("results", ()))),
        Part("replacement", "Frozen embedding with a probe, or a fine-tuned model", _replacement(book)),
        Part("dimensions", "By dimension", (dimension_grid(book),)),
        Part("by-languages", "By language", (language_grid(book),) if len(book.languages) > 1 else ()),
        Part("errors", "Where the errors are", tuple(pictures.get("errors", ()))),
        Part("fit", "Calibration and residuals", tuple(pictures.get("fit", ()))),
        Part("truncation", "How much of a text must be read", _truncation(book, pictures)),
        Part("cost", "Size and time", (*_some(cost_grid(book)), *pictures.get("cost", ()))),
        Part("data", "The data", _data(book)),
        Part("methods", "How it was measured", (Bullets(method_lines(book)),)),
        Part("limitations", "What is not known", (Bullets(unknown),)),
        Part("published", "Published elsewhere", (published_grid("probes"),)),
        Part("all", "All measures and all pairs", (*detail_grids(book), *_some(all_test_grid(book)))),
    )
    return Document(
        task=book.task,
        measure=book.primary,
        languages=book.languages,
        models=tuple(dict.fromkeys(s.model for s in book.systems if s.model)),
        lead=f"{_asked(book)} {advice.lead}",
        verdicts=cards(book, advice),
        headline=system_grid(book),
        parts=tuple(part for part in parts if part.blocks),
        limitations=unknown,
        title=f"Probes on frozen embeddings: {book.task}",
        figures="figures",
    )


def _asked(book: ProbeBook) -> str:
    probes, rivals = len(book.of_kind(PROBE)), len(book.of_kind(RIVAL))
    what = "labels" if book.are_labels else "scores"
    n = len(book.dimensions)
    n_predict = counted(probes, "probe")
    if rivals:
        n_predict += f" and {counted(rivals, 'fine-tuned model')}"
    predict = "predicts" if probes + rivals == 1 else "predict"
    return (
        f"{n_predict} {predict} the {what} of {book.task} in {counted(n, 'dimension')}; measured on "
        f"{book.counts} ({', '.join(book.languages)})."
    )


def _some(grid: Grid | None) -> tuple[Block, ...]:
    return () if grid is None else (grid,)


def _replacement(book: ProbeBook) -> tuple[Block, ...]:
    found: list[Block] = [*_some(verdict_grid(book))]
    said = dict.fromkeys(str(v["said"]) for v in book.verdicts if book.best and v["system"] == book.best.name)
    if said:
        found.append(Bullets(tuple(said)))
    found += _some(key_test_grid(book))
    if not book.of_kind(RIVAL):
        found.append(
            Missing(
                "a fine-tuned rival on the same split", f"xlembed probe -t {book.task} --rival minilm_lora"
            )
        )
    return tuple(found)


def _truncation(book: ProbeBook, pictures: Mapping[str, Sequence[Picture]]) -> tuple[Block, ...]:
    if not has_study(book):
        command = f"xlembed probe -t {book.task} --max-tokens {LENGTHS}"
        return (Missing("the same model cut at several lengths (truncation study)", command),)
    return (ADVICE, *_some(truncation_grid(book)), *pictures.get("truncation", ()))


def _data(book: ProbeBook) -> tuple[Block, ...]:
    report = book.report
    facts = [f"{key.capitalize()}: {report[key]}." for key in ("source", "licence") if report.get(key)]
    if report.get("task_digest"):
        facts.append(f"Digest {str(report['task_digest'])[:16]}.")
    told = (str(report["description"]),) if report.get("description") else ()
    return (*told, " ".join(facts), criteria_grid(book), part_grid(book), *_some(leak_grid(book)))


def probe_tables(
    report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Grid]:
    """What `xlembed probe` prints: systems, dimensions, languages, truncation, verdicts, tests.

    Raises:
        UserError: if a field of the report is missing.
    """
    book = _book(report, timings)
    grids = [_without_kinds(system_grid(book), book)]
    grids += [dimension_grid(book)] if len(book.dimensions) > 1 else []
    grids += [language_grid(book)] if len(book.languages) > 1 else []
    others = (truncation_grid(book), verdict_grid(book), key_test_grid(book))
    return [*grids, *(grid for grid in others if grid is not None)]


def verdict_lines(
    report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """Which system to take, whether it replaces fine-tuning, how sure that is, what it costs; a line each."""
    advice = advise(_book(report, timings))
    return [line for line in (advice.choice, advice.replaces, advice.sure, advice.cost) if line]


def _without_kinds(grid: Grid, book: ProbeBook) -> Grid:
    """The main table with a note instead of its second column: a console is narrow."""
    rivals = ", ".join(s.name for s in book.of_kind(RIVAL))
    floors = ", ".join(s.name for s in book.of_kind(FLOOR))
    note = " ".join(
        f"{what}: {names}." for what, names in (("Fine-tuned", rivals), ("Floor", floors)) if names
    )
    rows = tuple(replace(row, cells=(row.cells[0], *row.cells[2:])) for row in grid.rows)
    return replace(grid, heads=(grid.heads[0], *grid.heads[2:]), rows=rows, notes=(note, *grid.notes))


def _book(report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None) -> ProbeBook:
    """Tables need no predictions."""
    return read_probes(report, pd.DataFrame(columns=list(COLUMNS)), timings)


ORDER = ("overall", "by_score", "by_length", "by_language", "calibration", "residuals", "truncation")
"""Figures in reading order; others come after, by name."""


def write_probe_report(
    report: Mapping[str, Any],
    predictions: pd.DataFrame,
    timings: Mapping[str, Mapping[str, Any]] | None,
    folder: Path,
) -> None:
    """Write the report; each file is replaced whole, and other files in the folder stay.

    Without timings nothing was timed.

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
