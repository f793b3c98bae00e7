"""The results of probes as a document: advice, tables, figures, method, what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xlembed.probe.figures_data import PROBE, RIVAL, ProbeBook
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
from xlembed.show.published import published_grid
from xlembed.words import counted

LENGTHS = "128,256,512,8192"
"""Tokens of the truncation study that is proposed."""
ADVICE = "Short texts lose nothing by a limit; long ones lose what stands behind it."


def probe_document(book: ProbeBook, pictures: Mapping[str, Sequence[Picture]]) -> Document:
    """The whole report.

    Args:
        book: the results.
        pictures: part of the report (``results``, ``errors``, ``fit``, ``truncation``, ``cost``) -> its figures.
    """
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
