"""Tables of scores and comparisons for the console; `to_markdown` writes the same for files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from xlembed.report.comparison import Paired, label_notes, read_comparisons
from xlembed.report.document.content import Grid
from xlembed.report.notes import note_lines, notes_of
from xlembed.report.scorebook import (
    CROSS_LINGUAL,
    MACROS,
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    Estimate,
    Macro,
    ScoreBook,
    read_all,
    read_scores,
)
from xlembed.report.text import MINUS, count_text, interval_text, p_text, percent, points
from xlembed.types import Pool, UserError

ALSO = ("MRR@10", "nDCG@10")
"""Measures whose macros are shown below the primary one, when they are there."""
NOT_EXERCISED = "index not exercised"
"""Instead of a loss of 0 where the server scanned the pool."""
UNADJUSTED = "In %. Brackets: 95 % CI, unadjusted."
INVALID = "A labelled row is invalid for a decision."


@dataclass(frozen=True)
class Interval:
    """A number and its interval: on one line where there is room, else on two."""

    value: str
    interval: str

    def __str__(self) -> str:
        return f"{self.value} {self.interval}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fits = len(str(self)) <= options.max_width
        yield Text(str(self) if fits else f"{self.value}\n{self.interval}", justify="right")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(max(len(self.value), len(self.interval)), len(str(self)))


Cell = str | Interval


def scores_table(scores: Sequence[Mapping[str, Any]], also: Sequence[str] = ALSO) -> Table:
    """Models x the four macro averages, one block per measure: the primary one, then those of `also`.

    The last row of a block counts units and clusters; if models differ, there is a range.

    Args:
        scores: one content of scores.json per model, all on one task.
        also: further measures in [0, 1].

    Raises:
        UserError: as `scorebook.read_all`.
    """
    books = read_all(scores)
    labels = any(b.labels for b in books)
    present = [m for m in also if any(m in b.measures() for b in books)]
    measures = list(dict.fromkeys([books[0].primary_measure, *present]))
    note = f"{UNADJUSTED} Macro average: unweighted mean of languages or pairs."
    measure = f"{measures[0]}, " if len(measures) == 1 else ""
    table = _table(f"{books[0].task}: {measure}macro averages", note, labels)
    _remark(table, note_lines(notes_of(scores)))
    table.add_column("model", overflow="fold", min_width=12)
    for macro in MACROS:
        table.add_column(macro_head(macro), justify="right", min_width=12)
    if labels:
        table.add_column("label", overflow="fold", min_width=12)
    for measure in measures:
        if len(measures) > 1:
            _add(table, [measure, *[""] * len(MACROS)], labels, style="bold")
        for book in books:
            found = [book.macro(m, measure) for m in MACROS]
            _add(table, [book.model, *map(_estimate, found)], labels, book.label())
        _add(
            table,
            ["units / clusters", *(_counts(b.macro(m, measure) for b in books) for m in MACROS)],
            labels,
            style="dim",
            end=True,
        )
    return table


def language_table(scores: Mapping[str, Any], measure: str | None = None) -> Table:
    """Languages of one model: the same language in both pools, and means over the other languages if stored.

    Args:
        scores: content of scores.json.
        measure: a measure in [0, 1]; default: the primary one.
    """
    book = read_scores(scores)
    measure = measure or book.primary_measure
    shown = [
        m
        for m in MACROS
        if m in (MONOLINGUAL, CROSS_LINGUAL) or any(_of_language(book, m, x, measure) for x in book.languages)
    ]
    labels = bool(book.labels)
    table = _table(f"{book.task}, {book.model}: {measure} by query language", UNADJUSTED, labels)
    _remark(table, note_lines(notes_of([scores])))
    table.add_column("language", no_wrap=True)
    for macro in shown:
        table.add_column(macro_head(macro), justify="right")
    table.add_column("units / clusters", justify="right")
    if labels:
        table.add_column("label", overflow="fold")
    for lang in book.languages:
        found = [_of_language(book, m, lang, measure) for m in shown]
        _add(table, [lang, *map(_estimate, found), _counts(found[:2])], labels, book.labels.get(lang, ""))
    table.add_section()
    macros = [book.macro(m, measure) for m in shown]
    _add(table, ["macro", *map(_estimate, macros), _counts(macros[:2])], labels, book.label(), style="bold")
    return table


def pair_table(scores: Mapping[str, Any], pool: str = Pool.ALL, measure: str | None = None) -> Table:
    """The language matrix of one pool: query languages as rows, document languages as columns; no intervals.

    Args:
        scores: content of scores.json.
        pool: ``all`` or ``target``.
        measure: a measure in [0, 1]; default: the primary one.
    """
    book = read_scores(scores)
    measure = measure or book.primary_measure
    diagonal = CROSS_LINGUAL if pool == Pool.ALL else MONOLINGUAL
    table = _table(
        f"{book.task}, {book.model}: {measure}, pool = {pool}",
        f"In %. Rows: query language; columns: document language; diagonal: {diagonal.kind}. "
        + book.footnote(),
        labels=False,
    )
    _remark(table, note_lines(notes_of([scores])))
    table.add_column("", no_wrap=True)
    for lang in book.languages:
        table.add_column(book.marked(lang), justify="right")
    for query_lang in book.languages:
        found = [book.pair(pool, query_lang, x, measure) for x in book.languages]
        _add(
            table,
            [book.marked(query_lang), *("n/a" if e is None else percent(e.value) for e in found)],
            False,
        )
    return table


def comparison_table(
    comparison: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    scores: Sequence[Mapping[str, Any]] = (),
    measure: str | None = None,
) -> Table:
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
    rows = read_comparisons(whole["primary"], measure) if whole["primary"] else []
    measure = rows[0].measure if rows else measure or whole.get("primary_measure", "")
    tests = ", ".join(dict.fromkeys(r.test for r in rows))
    units = "; ".join(
        f"{m.short} {_paired_counts(rows, m)}" for m in MACROS if any(r.macro == m for r in rows)
    )
    notes = [
        f"Differences in percentage points [95 % CI, unadjusted]; tests: {tests}; Holm over the family. "
        "Verdicts follow the adjusted p only.",
        f"Units / clusters: {units}.",
        *label_notes(rows, labels),
        *note_lines({**notes_of(scores), **whole.get("model_notes", {})}),
    ]
    title = ": ".join(part for part in (whole.get("task"), f"paired differences in {measure}") if part)
    table = _table(title, "\n".join(notes) if rows else "No pair of models could be tested.", labels=False)
    table.add_column(f"A {MINUS} B", overflow="fold", min_width=18)
    table.add_column("difference", justify="right", min_width=15)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("adj. p", justify="right", no_wrap=True)
    table.add_column("verdict", min_width=13)
    previous: tuple[str, str] | None = None
    for r in rows:
        if previous != (r.a, r.b):
            if previous:
                table.add_section()
            a, b = (f"{m}*" if labels.get(m) else m for m in (r.a, r.b))
            _add(table, [f"{a} {MINUS} {b}", "", "", "", ""], False, style="bold")
            previous = (r.a, r.b)
        difference = Interval(points(r.difference), interval_text(r.interval, signed=True))
        cells: list[Cell] = [
            f"  {r.macro.short}",
            difference,
            p_text(r.p_value),
            p_text(r.p_adjusted),
            r.verdict,
        ]
        _add(table, cells, False, style="bold" if r.is_decided else None)
    return table


def index_table(scores: Mapping[str, Any], also: Sequence[str] = ("nDCG@10",)) -> Table:
    """What an index costs: macros as rows, exact search beside the index, the loss and the recall of neighbours.

    Args:
        scores: content of scores.json of a run whose vectors were searched through an index.
        also: further measures than the primary one.

    Raises:
        UserError: if the run was searched exactly, in memory.
    """
    book = read_scores(scores)
    if "index_fidelity" not in scores:
        raise UserError(f"{book.task}, {book.model}: there was no index beside exact search")
    found = scores["index_fidelity"]
    exact = {(r["kind"], r["pool"], r["measure"]): r["value"] for r in found["exact"]}
    loss = {
        (r["kind"], r["pool"], r["measure"]): r
        for r in found["loss"]
        if r["query_lang"] is None and r["doc_lang"] is None
    }
    recall = {(r["pool"], r["measure"]): r for r in found["recall"] if r["query_lang"] is None}
    measures = [m for m in dict.fromkeys([book.primary_measure, *also]) if m in {key[2] for key in exact}]
    notes = [
        "In %. Loss: exact minus index, in percentage points [95 % CI, unadjusted], paired by unit. Recall: of the "
        "exact nearest neighbours.",
    ]
    if not found["loss"] or not found["recall"] or not all(found["exercised"].values()):
        notes.append(
            f"{NOT_EXERCISED}: the server scans pools this small at this depth, so nothing is said about the index."
        )
    for kind, pool, measure in loss:
        cells, total = loss[kind, pool, measure].get("cells") or (), _n_cells(scores, kind, pool, measure)
        if measure == measures[0] and cells and len(cells) < total:
            notes.append(
                f"{kind}, pool {pool}: loss over the {len(cells)} of {total} cells that were exercised."
            )
    title = f"{book.task}, {book.model}: what the index costs ({index_words(scores)})"
    table = _table(title, "\n".join(notes), labels=False)
    table.add_column("", min_width=11)
    for head in ("exact", "index", "loss", "recall@10", "recall@100"):
        table.add_column(head, justify="right")
    for measure in measures:
        _add(table, [measure, *[""] * 5], False, style="bold")
        shown = [m for m in MACROS if (m.kind, m.pool, measure) in exact]
        for macro in shown:
            key = (macro.kind, macro.pool, measure)
            approximate = book.macro(macro, measure)
            cells_: list[Cell] = [
                f"  {macro.short}",
                percent(exact[key]),
                "n/a" if approximate is None else percent(approximate.value),
                _signed(loss[key]) if key in loss else NOT_EXERCISED,
            ]
            for cut in ("recall@10", "recall@100"):
                row = recall.get((macro.pool, cut))
                cells_.append(_recall_cell(row) if row else NOT_EXERCISED)
            _add(table, cells_, False)
    return table


def index_words(scores: Mapping[str, Any]) -> str:
    """Which index a run was searched with.

    >>> index_words({"index": {"engine": "elasticsearch", "type": "hnsw", "m": 16, "num_candidates": 100}})
    'elasticsearch, hnsw, m 16, num_candidates 100'
    """
    index = scores["index"]
    parts = [str(index[key]) for key in ("engine", "type") if index.get(key)]
    parts += [
        f"{key} {index[key]}"
        for key in ("m", "ef_construction", "num_candidates", "oversample")
        if index.get(key) is not None
    ]
    return ", ".join(parts)


def _n_cells(scores: Mapping[str, Any], kind: str, pool: str, measure: str) -> int:
    for row in scores["scores"]:
        if (row["kind"], row["pool"], row["measure"]) == (kind, pool, measure) and row["query_lang"] is None:
            return len(row.get("cells") or ())
    return 0


def _ends(row: Mapping[str, Any]) -> tuple[float, float] | None:
    return None if row["ci_low"] is None or row["ci_high"] is None else (row["ci_low"], row["ci_high"])


def _signed(row: Mapping[str, Any]) -> Cell:
    return Interval(points(row["value"]), interval_text(_ends(row), signed=True))


def _recall_cell(row: Mapping[str, Any]) -> Cell:
    ends = _ends(row)
    interval = interval_text(None) if ends is None else f"[{percent(ends[0], 2)}, {percent(ends[1], 2)}]"
    return Interval(percent(row["value"], 2), interval)


def index_markdown(scores: Mapping[str, Any]) -> str:
    """`index_table` as Markdown."""
    return to_markdown(index_table(scores))


def scores_markdown(scores: Sequence[Mapping[str, Any]], also: Sequence[str] = ALSO) -> str:
    """`scores_table` as Markdown."""
    return to_markdown(scores_table(scores, also))


def language_markdown(scores: Mapping[str, Any], measure: str | None = None) -> str:
    """`language_table` as Markdown."""
    return to_markdown(language_table(scores, measure))


def comparison_markdown(
    comparison: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    scores: Sequence[Mapping[str, Any]] = (),
    measure: str | None = None,
) -> str:
    """`comparison_table` as Markdown."""
    return to_markdown(comparison_table(comparison, scores, measure))


def to_markdown(table: Table) -> str:
    """A table of this module as a Markdown table with title and notes; headings of blocks are bold."""
    columns = list(table.columns)
    rules = ["---:" if c.justify == "right" else "---" for c in columns]
    lines = [f"**{_plain(table.title)}**", "", _line([_plain(c.header) for c in columns]), _line(rules)]
    for row in zip(*([_plain(cell) for cell in c.cells] for c in columns), strict=True):
        is_heading = len(row) > 1 and not any(row[1:])
        lines.append(_line([f"**{row[0]}**", *row[1:]] if is_heading else row))
    if table.caption:
        for note in _text(table.caption).split("\n"):
            lines += ["", f"\\{note}" if note.startswith("*") else note]
    return "\n".join(lines) + "\n"


def framed(title: str, *notes: str, padding: int = 1) -> Table:
    """An empty table as all of ours look: title and notes to the left, a rule below the heads.

    Args:
        title: in bold.
        notes: below it, a line each.
        padding: right of every cell.
    """
    return Table(
        title=Text(title, style="bold"),
        caption=Text("\n".join(notes)) if any(notes) else None,
        title_justify="left",
        caption_justify="left",
        caption_style="",
        box=box.SIMPLE_HEAD,
        padding=(0, padding, 0, 0),
        show_edge=False,
    )


def _table(title: str, note: str, labels: bool) -> Table:
    # A labelled table must still fit into 80 columns.
    return framed(title, f"{note} {INVALID}" if labels else note, padding=0 if labels else 1)


def _remark(table: Table, lines: Sequence[str]) -> None:
    """Lines below the caption."""
    table.caption = Text("\n".join([_text(table.caption), *lines]))


def _add(
    table: Table,
    cells: Sequence[Cell],
    labels: bool,
    label: str = "",
    style: str | None = None,
    end: bool = False,
) -> None:
    shown = [Text(c) if isinstance(c, str) else c for c in cells]
    table.add_row(*shown, *([Text(label)] if labels else []), style=style, end_section=end)


def grid_table(grid: Grid) -> Table:
    """A table of the report for the terminal."""
    table = framed(grid.title, *grid.notes)
    for head in grid.heads:
        table.add_column(
            Text(head.text), justify="right" if head.numeric else "left", overflow="fold", min_width=6
        )
    for row in grid.rows:
        if row.apart:
            table.add_section()
        cells = [Interval(c.text, c.interval) if c.interval else Text(c.text) for c in row.cells]
        table.add_row(*cells, style="bold" if row.strong else None)
    return table


def macro_head(macro: Macro) -> Text:
    """A macro average as the head of a column, on two lines where it is long."""
    heads = {
        CROSS_LINGUAL: "cross_\nlingual",
        TRUE_CROSS_ALL: "true cross,\npool all",
        TRUE_CROSS_TARGET: "true cross,\npool target",
    }
    return Text(heads.get(macro, macro.title), justify="right")


def _estimate(estimate: Estimate | None) -> Cell:
    if estimate is None:
        return "n/a"
    return Interval(percent(estimate.value), interval_text(estimate.interval))


def _of_language(book: ScoreBook, macro: Macro, lang: str, measure: str) -> Estimate | None:
    doc_lang = lang if macro in (MONOLINGUAL, CROSS_LINGUAL) else None
    return book.cell(macro.kind, macro.pool, lang, doc_lang, measure)


def _counts(estimates: Iterable[Estimate | None]) -> str:
    found = [e for e in estimates if e is not None]
    if not found:
        return "n/a"
    return f"{count_text(e.n_units for e in found)} / {count_text(e.n_clusters for e in found)}"


def _paired_counts(rows: Sequence[Paired], macro: Macro) -> str:
    found = [r for r in rows if r.macro == macro]
    return f"{count_text(r.n_units for r in found)} / {count_text(r.n_clusters for r in found)}"


def _text(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell if cell is not None else "")


def _plain(cell: object) -> str:
    """Of one line, as a cell of a Markdown table."""
    return _text(cell).replace("_\n", "_").replace("\n", " ").replace("|", "\\|").strip()


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
