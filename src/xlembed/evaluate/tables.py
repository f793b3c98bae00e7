"""Tables of scores and comparisons; `to_markdown` writes them, and those of other studies, for files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from xlembed.files import atomic_writer
from xlembed.show.cells import NONE, counts_cell, score_cell, share_cell
from xlembed.show.content import Cell, Grid, Head, Row, heads, row
from xlembed.show.notes import note_lines, notes_of
from xlembed.show.text import MINUS, count_text, interval_text, p_text, percent, points
from xlembed.stats.compared import Paired, label_notes, read_comparisons
from xlembed.stats.score_rows import Estimate
from xlembed.stats.scorebook import (
    CROSS_LINGUAL,
    MACROS,
    MONOLINGUAL,
    Macro,
    ScoreBook,
    read_all,
    read_scores,
)
from xlembed.stats.scores import MIN_CLUSTERS
from xlembed.words import UserError

ALSO = ("MRR@10", "nDCG@10")
"""Measures whose macros are shown below the primary one, when they are there."""
NOT_EXERCISED = "–"
"""Instead of a loss of 0 where the server scanned the pool; the note below the table says it in words."""
UNADJUSTED = "In %. Brackets: 95 % CI, unadjusted."
NO_CI = f"{interval_text(None)}: fewer than {MIN_CLUSTERS} clusters of questions."
INVALID = "A labelled row is invalid for a decision."


class Beside(Protocol):
    """Scores that were measured elsewhere: shown beside ours, without interval, and never tested."""

    @property
    def name(self) -> str:
        """Of the model, and where it was measured."""

    def macro(self, macro: Macro, measure: str) -> float | None:
        """A macro average; None where there is none."""


BESIDE = "Rows with (MTEB: ...) are read from MTEB's files: perhaps other texts, no units, no interval, never tested."


def scores_table(
    scores: Sequence[Mapping[str, Any] | ScoreBook],
    also: Sequence[str] = ALSO,
    beside: Sequence[Beside] = (),
) -> Grid:
    """Models x the four macro averages, one block per measure: the primary one, then those of `also`.

    The last row of a block counts units and clusters; if models differ, there is a range. `beside` comes before it.

    Raises:
        UserError: as `scorebook.read_all`.
    """
    books = read_all(scores)
    labels = any(b.labels for b in books)
    present = [m for m in also if any(m in b.measures() for b in books)]
    measures = list(dict.fromkeys([books[0].primary_measure, *present]))
    note = f"{UNADJUSTED} Macro average: unweighted mean of languages or pairs."
    rows: list[Row] = []
    for measure in measures:
        if len(measures) > 1:
            rows.append(heading(measure, len(MACROS) + labels, apart=bool(rows)))
        for b in books:
            found = [score_cell(b.macro(m, measure)) for m in MACROS]
            rows.append(row(b.model, *found, *_if(labels, b.label())))
        for other in beside:
            values = [other.macro(m, measure) for m in MACROS]
            cells = [NONE if value is None else Cell(percent(value)) for value in values]
            rows.append(row(other.name, *cells, *_if(labels, "")))
        counts = [counts_cell(b.macro(m, measure) for b in books) for m in MACROS]
        rows.append(row("units / clusters", *counts, *_if(labels, "")))
    measure = f"{measures[0]}, " if len(measures) == 1 else ""
    columns = heads("model", *(m.head for m in MACROS), *_if(labels, "label"), words=("label",))
    title = f"{books[0].task}: {measure}macro averages"
    return Grid(
        "scores",
        title,
        columns,
        tuple(rows),
        notes=(*_notes(note, labels, books, rows), *_if(bool(beside), BESIDE)),
    )


def language_table(scores: Mapping[str, Any] | ScoreBook, measure: str | None = None) -> Grid:
    """Languages of one model: the same language in both pools, and means over the other languages if stored."""
    book = read_scores(scores)
    measure = measure or book.primary_measure
    shown = [
        m
        for m in MACROS
        if m in (MONOLINGUAL, CROSS_LINGUAL) or any(book.of_language(m, x, measure) for x in book.languages)
    ]
    labels = bool(book.labels)
    lines = [(x, [book.of_language(m, x, measure) for m in shown]) for x in book.languages]
    lines.append(("macro", [book.macro(m, measure) for m in shown]))
    rows = []
    for name, found in lines:
        label = book.label() if name == "macro" else book.labels.get(name, "")
        cells = [*map(score_cell, found), counts_cell(found[:2])]
        rows.append(row(name, *cells, *_if(labels, label), strong=name == "macro"))
    columns = ("language", *(m.head for m in shown), "units / clusters", *_if(labels, "label"))
    return Grid(
        "scores-languages",
        f"{book.task}, {book.model}: {measure} by query language",
        heads(*columns, words=("label",)),
        tuple(rows[:-1]),
        (rows[-1],),
        _notes(UNADJUSTED, labels, [book], rows),
    )


def comparison_table(
    comparison: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    scores: Sequence[Mapping[str, Any]] = (),
    measure: str | None = None,
) -> Grid:
    """Pairs of models x macros: difference, interval, p, adjusted p and the verdict in words.

    Args:
        comparison: content of comparison.json (its primary family and labels are shown), or rows as
            `figures.forest` takes them.
        scores: of the models, for labels that `comparison` does not have.
        measure: default: the measure of the first row.

    Raises:
        UserError: if there are rows, but none of this measure.
    """
    whole: Mapping[str, Any] = comparison if isinstance(comparison, Mapping) else {"primary": comparison}
    labels = {**{s["model"]: s.get("labels") or {} for s in scores}, **whole.get("labels", {})}
    found = read_comparisons(whole["primary"], measure) if whole["primary"] else []
    measure = found[0].measure if found else measure or whole.get("primary_measure", "")
    tests = ", ".join(dict.fromkeys(r.test for r in found))
    units = "; ".join(
        f"{m.short} {_paired_counts(found, m)}" for m in MACROS if any(r.macro == m for r in found)
    )
    notes = (
        f"Differences in percentage points [95 % CI, unadjusted]; tests: {tests}; Holm over the family. "
        "Verdicts follow the adjusted p only.",
        f"Units / clusters: {units}.",
        *label_notes(found, labels),
        *note_lines({**notes_of(scores), **whole.get("model_notes", {})}),
    )
    rows: list[Row] = []
    for before, r in zip([None, *found], found, strict=False):
        if before is None or (before.a, before.b) != (r.a, r.b):
            a, b = (f"{m}*" if labels.get(m) else m for m in (r.a, r.b))
            rows.append(heading(f"{a} {MINUS} {b}", 4, apart=bool(rows)))
        difference = Cell(points(r.difference), interval_text(r.interval, signed=True))
        mode = f"  {r.macro.short}{r.restriction(labels)}"
        cells = (mode, difference, p_text(r.p_value), p_text(r.p_adjusted), r.verdict)
        rows.append(row(*cells, strong=r.is_decided))
    return Grid(
        "comparison",
        ": ".join(part for part in (whole.get("task"), f"paired differences in {measure}") if part),
        heads(f"A {MINUS} B", "difference", "p", "adj. p", "verdict", words=("verdict",)),
        tuple(rows),
        notes=notes if rows else ("No pair of models could be tested.",),
    )


def labelled_table(comparison: Mapping[str, Any]) -> Grid | None:
    """The same of pairs without a language in common on their cards; None if all could be tested."""
    if not (rows := comparison.get("labelled")):
        return None
    grid = comparison_table({**comparison, "primary": rows})
    note = (
        "Exploratory, and not for a decision: no language of the task is on both cards, so that nothing here is a "
        "test of models in languages they were made for."
    )
    return replace(
        grid,
        key="comparison-labelled",
        title=f"{comparison['task']}: differences in languages that are not on both cards (exploratory)",
        rows=tuple(
            replace(row, strong=row.strong and not any(c.text for c in row.cells[1:])) for row in grid.rows
        ),
        notes=(note, *grid.notes),
    )


def index_table(scores: Mapping[str, Any] | ScoreBook, also: Sequence[str] = ("nDCG@10",)) -> Grid:
    """What an index costs: macros as rows, exact search beside the index, the loss and the recall of neighbours.

    Raises:
        UserError: if the run was searched exactly, in memory.
    """
    book = read_scores(scores)
    found = book.index_fidelity
    if found is None:
        raise UserError(f"{book.task}, {book.model}: there was no index beside exact search")
    exact = {(r.kind, r.pool, r.measure): r.value for r in found.exact}
    loss = {(r.kind, r.pool, r.measure): r for r in found.loss if r.is_macro}
    recall = {(r.pool, r.measure): r for r in found.recall if r.query_lang is None}
    measures = [m for m in dict.fromkeys([book.primary_measure, *also]) if m in {key[2] for key in exact}]
    notes = [
        "In %. Loss: exact minus index, in percentage points [95 % CI, unadjusted], paired by unit. Recall: of the "
        "exact nearest neighbours.",
    ]
    if not found.loss or not found.recall or not all(found.exercised.values()):
        notes.append(
            f"{NOT_EXERCISED}: index not exercised; the server scans pools this small at this depth, so nothing is "
            "said about the index."
        )
    for (kind, pool, measure), lost in loss.items():
        whole = book.cell(kind, pool, None, None, measure)
        total = len(whole.cells) if whole else 0
        if measure == measures[0] and 0 < len(lost.cells) < total:
            notes.append(
                f"{kind}, pool {pool}: loss over the {len(lost.cells)} of {total} cells that were exercised."
            )
    rows: list[Row] = []
    for measure in measures:
        rows.append(heading(measure, 5, apart=bool(rows)))
        for macro in (m for m in MACROS if (m.kind, m.pool, measure) in exact):
            key = (macro.kind, macro.pool, measure)
            approximate = book.macro(macro, measure)
            rows.append(
                row(
                    f"  {macro.short}",
                    percent(exact[key]),
                    "n/a" if approximate is None else percent(approximate.value),
                    share_cell(loss[key].model_dump(), signed=True) if key in loss else NOT_EXERCISED,
                    *(_recall(recall.get((macro.pool, cut))) for cut in ("recall@10", "recall@100")),
                )
            )
    title = f"{book.task}, {book.model}: what the index costs ({index_words(book.index)})"
    columns = heads("", "exact", "index", "loss", "recall@10", "recall@100")
    return Grid("index", title, columns, tuple(rows), notes=tuple(notes))


def index_words(index: Mapping[str, Any]) -> str:
    """Which index a run was searched with.

    >>> index_words({"engine": "elasticsearch", "type": "hnsw", "m": 16, "num_candidates": 100})
    'elasticsearch, hnsw, m 16, num_candidates 100'
    """
    parts = [str(index[key]) for key in ("engine", "type") if index.get(key)]
    parts += [
        f"{key} {index[key]}"
        for key in ("m", "ef_construction", "num_candidates", "oversample")
        if index.get(key) is not None
    ]
    return ", ".join(parts)


def _recall(found: Estimate | None) -> Cell:
    if found is None:
        return Cell(NOT_EXERCISED)
    ends = found.interval
    interval = interval_text(None) if ends is None else f"[{percent(ends[0], 2)}, {percent(ends[1], 2)}]"
    return Cell(percent(found.value, 2), interval)


def to_markdown(grid: Grid) -> str:
    """A table as Markdown with title and notes; headings of blocks are bold."""
    rules = ["---:" if head.numeric else "---" for head in grid.heads]
    lines = [
        f"**{_plain(Head(grid.title))}**",
        "",
        _line([_plain(head) for head in grid.heads]),
        _line(rules),
    ]
    for of in (*grid.rows, *grid.foot):
        shown = [_plain(cell) for cell in of.cells]
        is_heading = len(shown) > 1 and not any(shown[1:])
        lines.append(_line([f"**{shown[0]}**", *shown[1:]] if is_heading else shown))
    for note in grid.notes:
        lines += ["", f"\\{note}" if note.startswith("*") else note]
    return "\n".join(lines) + "\n"


def write_page(path: Path, page: Callable[[Sequence[str]], str]) -> None:
    """Write what `page` makes of the names of the figures beside `path`, as a whole."""
    with atomic_writer(path) as file:
        file.write(page(sorted(p.name for p in (path.parent / "figures").glob("*.png"))))


def pictures_markdown(figures: Sequence[str]) -> list[str]:
    """PNG files in figures/ as Markdown, named by what they show."""
    return [f"![{name.removesuffix('.png').replace('_', ' ')}](figures/{name})" for name in figures]


def _plain(cell: Cell | Head) -> str:
    """On one line."""
    text = f"{cell.text} {cell.interval}" if isinstance(cell, Cell) else cell.text
    return text.replace("\n", " ").replace("|", "\\|").strip()


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def heading(text: str, others: int, apart: bool = False) -> Row:
    """Of a block, with so many empty cells after it."""
    return row(text, *[""] * others, strong=True, apart=apart)


def _if(wanted: bool, text: str) -> list[str]:
    return [text] if wanted else []


def _notes(note: str, labels: bool, books: Sequence[ScoreBook], rows: Sequence[Row]) -> tuple[str, ...]:
    without = any(cell.interval == interval_text(None) for row in rows for cell in row.cells)
    lines = (*_if(without, NO_CI), *_if(labels, INVALID))
    return (" ".join((note, *lines)), *note_lines(notes_of(books)))


def _paired_counts(rows: Sequence[Paired], macro: Macro) -> str:
    found = [r for r in rows if r.macro == macro]
    return f"{count_text(r.n_units for r in found)} / {count_text(r.n_clusters for r in found)}"
