"""The results of probes as a document, its files and its tables for the console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from xlembed.files import atomic_folder, atomic_path
from xlembed.probe import figures as probes
from xlembed.probe import probe_grids as grids
from xlembed.probe.figures_data import COLUMNS, FLOOR, PROBE, RIVAL, ProbeBook, read_probes
from xlembed.probe.probe_advice import advise, cards
from xlembed.probe.probe_errors import truncation_series
from xlembed.show.content import Block, Bullets, Document, Grid, Missing, Part, Picture
from xlembed.show.docx import to_docx
from xlembed.show.figures.registry import figures_of, write_figures
from xlembed.show.html import to_html
from xlembed.show.markdown import to_markdown
from xlembed.show.published import published_grid
from xlembed.show.text import percent
from xlembed.stats.scores import FEW_CLUSTERS, MIN_CLUSTERS
from xlembed.words import counted

SMALL_LANGUAGE = 30
"""Documents of a language under which its row is descriptive."""


def method_lines(book: ProbeBook) -> tuple[str, ...]:
    """How it was measured, a line each."""
    return (
        _split(book),
        _leakage(book),
        "Systems: a text is embedded once by a model that stays as it is; a probe (ridge, MLP, LightGBM) is fitted on "
        "the vectors of the training part, and whatever is chosen is chosen on the validation part. The test part is "
        "used once. The floor predicts "
        + ("the share of the training part." if book.are_labels else "the mean of the training part."),
        _measures(book),
        "Intervals: 95 %, bootstrap over documents of the test part, the same resamples for all systems; unadjusted. "
        f"Under {MIN_CLUSTERS} documents there is none.",
        f"Tests: two-sided sign flips of the sums of documents, all pairs of systems in {book.primary} over all "
        "texts, Holm over all pairs. Everything by dimension, language, score or length is described, not tested.",
        *(
            f"Rule of the verdicts: {r}"
            for r in dict.fromkeys(v["rule"] for v in book.verdicts if v.get("rule"))
        ),
        "Published figures stand in a table of their own and enter no verdict.",
    )


def _split(book: ProbeBook) -> str:
    split = book.report["split"]
    if split["kind"] == "documents":
        shares = " / ".join(percent(x, 0) for x in split["shares"])
        return (
            f"Split: by document, {shares} % for training, validation and test, seed {split['seed']}; texts of one "
            "document are never in two parts."
        )
    return "Split: the published one of this set, kept as it is; texts of one document may be in two parts."


def _leakage(book: ProbeBook) -> str:
    found = book.report.get("leakage") or {}
    n = found.get("n_dropped", 0)
    said = (
        "Leakage: training and validation texts that are near copies of a test text (similarity from "
        f"{found.get('threshold', 'n/a')}) "
    )
    return said + (f"were dropped: {n:,}." if n else "are dropped; there were none.")


def _measures(book: ProbeBook) -> str:
    if book.are_labels:
        return (
            "Measures: F1, precision and recall of the label 1, and accuracy, in %; the threshold of each system and "
            "dimension was chosen on validation."
        )
    return (
        "Measures: MAE, the mean distance from the true score; RMSE, which weighs large errors more; Spearman, "
        "whether the order of the texts is right. MAE and RMSE are in points of the scale."
    )


def unknown_lines(book: ProbeBook) -> Iterator[str]:
    """What these results cannot say, the gravest first."""
    n = book.n_test[1]
    if n < MIN_CLUSTERS:
        yield f"Only {n} test documents: too few for any interval; every number is descriptive."
    elif n < FEW_CLUSTERS:
        yield f"Only {n} test documents: below {FEW_CLUSTERS} nothing is promised of intervals."
    name = book.systems[0].name if book.systems else ""
    sizes = {x: s.n_clusters for x in book.languages if (s := book.score(name, lang=x)) is not None}
    few = [f"{x} ({size})" for x, size in sizes.items() if size < SMALL_LANGUAGE]
    if few and len(book.languages) > 1:
        yield f"Few test documents in {', '.join(few)}: these languages are described only."
    if book.rival is None:
        yield "No fine-tuned model was trained on this split: whether one would be better is not known."
    else:
        yield (
            f"The rival is one recipe ({book.rival.name}): a larger model or a longer training may do better, so a "
            "verdict is against this rival and no other."
        )
    for line in book.label_notes():
        yield f"{line.removeprefix('* ').removesuffix(': invalid for a decision.')}: its numbers enter no advice."
    english = [str(s.model) for s in book.systems if s.facts.get("english_only") and not s.label]
    if english:
        names = ", ".join(dict.fromkeys(english))
        yield f"English-only, and valid here only since all texts are English: {names}."
    if torn := (book.report.get("leakage") or {}).get("torn_documents", 0):
        documents = counted(torn, "document has", "documents have")
        yield f"{documents} texts in more than one part of the split: errors on the test part look too small."
    others = [s.name for s in book.systems if s.kind != FLOOR]
    untimed = [name for name in others if book.time(name) is None]
    if untimed:
        yield f"Not timed: {', '.join(untimed)}."
    if len(untimed) < len(others):
        yield "Times are of one machine, one run and this batch size."
    yield "One split with one seed: another one would move every number by about its interval."
    yield f"One set of texts: on texts unlike those of {book.task} the order of the systems may be another one."
    yield from book.report.get("notes", ())


LENGTHS = "128,256,512,8192"
"""Tokens of the truncation study that is proposed."""
ADVICE = "Short texts lose nothing by a limit; long ones lose what stands behind it."


def probe_document(book: ProbeBook, pictures: Mapping[str, Sequence[Picture]]) -> Document:
    """The whole report. Figures stand in their parts: ``results``, ``errors``, ``fit``, ``truncation``, ``cost``."""
    advice = advise(book)
    unknown = tuple(unknown_lines(book))
    parts = (
        Part("results", "How far off each system is", tuple(pictures.get("results", ()))),
        Part("replacement", "Frozen embedding with a probe, or a fine-tuned model", _replacement(book)),
        Part("dimensions", "By dimension", (grids.dimension_grid(book),)),
        Part("by-languages", "By language", (grids.language_grid(book),) if len(book.languages) > 1 else ()),
        Part("errors", "Where the errors are", tuple(pictures.get("errors", ()))),
        Part("fit", "Calibration and residuals", tuple(pictures.get("fit", ()))),
        Part("truncation", "How much of a text must be read", _truncation(book, pictures)),
        Part("cost", "Size and time", (*_some(grids.cost_grid(book)), *pictures.get("cost", ()))),
        Part("data", "The data", _data(book)),
        Part("methods", "How it was measured", (Bullets(method_lines(book)),)),
        Part("limitations", "What is not known", (Bullets(unknown),)),
        Part("published", "Published elsewhere", (published_grid("probes"),)),
        Part(
            "all",
            "All measures and all pairs",
            (*grids.detail_grids(book), *_some(grids.all_test_grid(book))),
        ),
    )
    return Document(
        task=book.task,
        measure=book.primary,
        languages=book.languages,
        models=tuple(dict.fromkeys(s.model for s in book.systems if s.model)),
        lead=f"{_asked(book)} {advice.lead}",
        verdicts=cards(book, advice),
        headline=grids.system_grid(book),
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
    found: list[Block] = [*_some(grids.verdict_grid(book))]
    said = dict.fromkeys(str(v["said"]) for v in book.verdicts if book.best and v["system"] == book.best.name)
    if said:
        found.append(Bullets(tuple(said)))
    found += _some(grids.key_test_grid(book))
    if not book.of_kind(RIVAL):
        command = f"xlembed probe -t {book.task} --rival minilm_lora"
        found.append(Missing("a fine-tuned rival on the same split", command))
    return tuple(found)


def _truncation(book: ProbeBook, pictures: Mapping[str, Sequence[Picture]]) -> tuple[Block, ...]:
    if not truncation_series(book):
        command = f"xlembed probe -t {book.task} --max-tokens {LENGTHS}"
        return (Missing("the same model cut at several lengths (truncation study)", command),)
    return (ADVICE, *_some(grids.truncation_grid(book)), *pictures.get("truncation", ()))


def _data(book: ProbeBook) -> tuple[Block, ...]:
    report = book.report
    facts = [f"{key.capitalize()}: {report[key]}." for key in ("source", "licence") if report.get(key)]
    if report.get("task_digest"):
        facts.append(f"Digest {str(report['task_digest'])[:16]}.")
    told = (str(report["description"]),) if report.get("description") else ()
    return (
        *told,
        " ".join(facts),
        grids.criteria_grid(book),
        grids.part_grid(book),
        *_some(grids.leak_grid(book)),
    )


def probe_tables(
    report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Grid]:
    """What `xlembed probe` prints: systems, dimensions, languages, truncation, verdicts, tests.

    Raises:
        UserError: if a field of the report is missing.
    """
    book = _book(report, timings)
    tables = [_without_kinds(grids.system_grid(book), book)]
    tables += [grids.dimension_grid(book)] if len(book.dimensions) > 1 else []
    tables += [grids.language_grid(book)] if len(book.languages) > 1 else []
    others = (grids.truncation_grid(book), grids.verdict_grid(book), grids.key_test_grid(book))
    return [*tables, *(grid for grid in others if grid is not None)]


def verdict_lines(
    report: Mapping[str, Any], timings: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """Which system to take, whether it replaces fine-tuning, how sure that is, what it costs; a line each."""
    advice = advise(_book(report, timings))
    return [line for line in (advice.choice, advice.replaces, advice.sure, advice.cost) if line]


def _without_kinds(grid: Grid, book: ProbeBook) -> Grid:
    """The main table with a note instead of its second column: a console is narrow."""
    kinds = {"Fine-tuned": book.of_kind(RIVAL), "Floor": book.of_kind(FLOOR)}
    note = " ".join(f"{what}: {', '.join(s.name for s in of)}." for what, of in kinds.items() if of)
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
