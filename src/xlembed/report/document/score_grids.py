"""Tables of scores: the headline, further measures, languages, pairs of languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlembed.report.document.cells import NONE, counts_cell, number_cell, score_cell
from xlembed.report.document.content import Cell, Grid, Head, heads, row
from xlembed.report.document.inputs import Inputs
from xlembed.report.guide import Guide
from xlembed.report.notes import note_lines, notes_of
from xlembed.report.order import order_note
from xlembed.report.scorebook import CROSS_LINGUAL, MACROS, MONOLINGUAL, Estimate, Key, Macro, ScoreBook
from xlembed.report.tables import ALSO, INVALID
from xlembed.report.text import count_text, percent
from xlembed.types import Lang, Mode, Pool

MACRO_HEADS = tuple(m.head for m in MACROS)
FEW = 2
"""Languages that are named in a label; more stand in the notes."""
BRACKETS = "In %. Brackets: 95 % CI, unadjusted: which model is better is read from the paired tests only."


class ScoreGrids:
    """Tables of the scores of some models."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._rows = {
            (s["model"], Key(r["kind"], r["pool"], r["query_lang"], r["doc_lang"], r["measure"])): r
            for s in inputs.scores
            for r in s["scores"]
        }

    def headline(self) -> Grid:
        """Models x the four macro averages of the primary measure."""
        grid = self._macros("headline", f"{self._inputs.measure}: macro averages", self._inputs.measure)
        weighed = {g.languages for g in self._inputs.guides.values() if isinstance(g, Guide)}
        other = sorted(
            ", ".join(langs) for langs in weighed if set(langs) != set(self._inputs.books[0].languages)
        )
        notes = tuple(
            f"This table is over all languages; the verdicts above are over {langs}." for langs in other
        )
        order = order_note(self._inputs.comparison)
        return replace(grid, notes=(*notes, *([order] if order else []), *grid.notes))

    def further(self) -> list[Grid]:
        """The same for further measures, and all measures of all models, folded."""
        books, primary = self._inputs.books, self._inputs.measure
        every = dict.fromkeys(m for book in books for m in book.measures())
        shown = [m for m in ALSO if m in every and m != primary]
        grids = [self._macros(f"macros-{m}", f"{m}: macro averages", m) for m in shown]
        rest = [m for m in every if m not in (*shown, primary)]
        if rest:
            grids.append(self._all_measures(rest))
        return grids

    def languages(self) -> Grid:
        """A row per language and model: the same language in both pools."""
        rows = []
        for lang in self._inputs.books[0].languages:
            for book in self._inputs.books:
                found = [book.cell(m.kind, m.pool, lang, lang) for m in (MONOLINGUAL, CROSS_LINGUAL)]
                cells = [
                    self._score(book, m, lang, lang, book.primary_measure)
                    for m in (MONOLINGUAL, CROSS_LINGUAL)
                ]
                rows.append(row(lang, book.model, *cells, counts_cell(found), langs=(lang,)))
        columns = heads("language", "model", *MACRO_HEADS[:2], "units / clusters", words=("model",))
        note = (
            "Query and answer in the same language; the documents searched are those of the language, or all."
        )
        title = f"{self._inputs.measure} by language"
        return Grid("languages", title, columns, tuple(rows), notes=(BRACKETS, note, *self._label_notes()))

    def matrices(self) -> list[Grid]:
        """The language matrix of each model and pool."""
        return [
            self._matrix(book, pool)
            for book in self._inputs.books
            for pool in (Pool.ALL, Pool.TARGET)
            if any(k.kind == Mode.TRUE_CROSS_LINGUAL and k.pool == pool and k.doc_lang for k in book.cells)
        ]

    def pairs(self) -> Grid | None:
        """A row per ordered pair of languages and model, both pools; None if no pair was evaluated."""
        rows = []
        for book in self._inputs.books:
            for b in book.languages:
                for a in (x for x in book.languages if x != b):
                    found = [book.pair(pool, b, a) for pool in (Pool.ALL, Pool.TARGET)]
                    if any(found):
                        cells = [self._pair(book, pool, b, a) for pool in (Pool.ALL, Pool.TARGET)]
                        rows.append(row(b, a, book.model, *cells, counts_cell(found), langs=(b, a)))
        if not rows:
            return None
        numbers = ("pool all", "pool target", "units / clusters")
        columns = heads("query", "answer", "model", *numbers, words=("answer", "model"))
        notes = (BRACKETS, "Single pairs are descriptive only.", *self._label_notes())
        title = f"{self._inputs.measure} of each pair of languages"
        return Grid("pairs", title, columns, tuple(rows), notes=notes, folded=True)

    def _macros(self, key: str, title: str, measure: str) -> Grid:
        books = self._inputs.books
        rows = [row(b.model, *(self._score(b, m, None, None, measure) for m in MACROS)) for b in books]
        counts = [_counts(b.macro(m, measure) for b in books) for m in MACROS]
        foot = row("units / needs / clusters", *counts)
        notes = [BRACKETS, "Macro average: unweighted mean of languages or of ordered pairs of languages."]
        columns = heads("model", *MACRO_HEADS)
        return Grid(key, title, columns, tuple(rows), (foot,), (*notes, *self._label_notes()))

    def _all_measures(self, measures: Sequence[str]) -> Grid:
        rows = [
            row(m, b.model, *(self._score(b, macro, None, None, m) for macro in MACROS))
            for m in measures
            for b in self._inputs.books
        ]
        columns = heads("measure", "model", *MACRO_HEADS, words=("model",))
        notes = (BRACKETS, *self._label_notes())
        title = "All other measures: macro averages"
        return Grid("measures", title, columns, tuple(rows), notes=notes, folded=True)

    def _matrix(self, book: ScoreBook, pool: str) -> Grid:
        diagonal = CROSS_LINGUAL if pool == Pool.ALL else MONOLINGUAL
        rows = []
        for b in book.languages:
            rows.append(row(b, *(self._shaded(book, pool, b, a) for a in book.languages), langs=(b,)))
        columns = (Head("query \\ answer", False), *(Head(a, langs=(a,)) for a in book.languages))
        note = f"In %. Rows: language of the query; columns: of the answer; diagonal: {diagonal.kind}."
        return Grid(
            f"matrix-{book.model}-{pool}",
            f"{book.model}: {book.primary_measure}, pool = {pool}",
            columns,
            tuple(rows),
            notes=(note, *filter(None, [book.footnote()]), *self._notes_of(book.model)),
            choice=(book.model, pool),
        )

    def _shaded(self, book: ScoreBook, pool: str, b: Lang, a: Lang) -> Cell:
        found, cell = book.pair(pool, b, a), self._pair(book, pool, b, a)
        if found is None:
            return cell
        details = (f"{b} asks, {a} answers: {cell.text} {cell.interval}", *cell.details)
        return Cell(
            percent(found.value),
            label=cell.label,
            sort=found.value,
            details=details,
            langs=(a,),
            shade=found.value,
        )

    def _pair(self, book: ScoreBook, pool: str, b: Lang, a: Lang) -> Cell:
        kind = (
            Mode.TRUE_CROSS_LINGUAL if a != b else (CROSS_LINGUAL if pool == Pool.ALL else MONOLINGUAL).kind
        )
        key = Key(kind, pool, b, a, book.primary_measure)
        return score_cell(
            book.pair(pool, b, a), self._rows.get((book.model, key)), _label(book, (b, a)), (a,)
        )

    def _score(
        self, book: ScoreBook, macro: Macro, query: Lang | None, doc: Lang | None, measure: str
    ) -> Cell:
        row = self._rows.get((book.model, Key(macro.kind, macro.pool, query, doc, measure)))
        touched = [query or "", doc or ""] if query else _langs_of(row, book)
        label = _label(book, touched)
        few = [lang for lang in book.languages if lang in book.labels and lang in touched]
        if query is None and label and len(few) <= FEW:
            label += f" ({', '.join(few)})"
        return score_cell(book.cell(macro.kind, macro.pool, query, doc, measure), row, label)

    def truncation(self) -> Grid | None:
        """A row per model, kind of text and language of which something is cut; None if nothing is."""
        rows = [
            row(lang, kind, s["model"], number_cell(cut["max_tokens"]), *_shares(of), langs=(lang,))
            for s in self._inputs.scores
            if (cut := s.get("truncation"))
            for kind in ("documents", "queries")
            for lang, of in cut[kind].items()
            if of["texts_cut"]
        ]
        numbers = ("limit, tokens", "texts cut, %", "their tokens lost, %")
        columns = heads("language", "texts", "model", *numbers, words=("texts", "model"))
        notes = ("Tokens lost: of all tokens of these texts, prompts and special tokens left out.",)
        title = "What models do not read"
        return Grid("truncation", title, columns, tuple(rows), notes=notes) if rows else None

    def _notes_of(self, model: str) -> list[str]:
        return note_lines(notes_of([s for s in self._inputs.scores if s["model"] == model]))

    def _label_notes(self) -> tuple[str, ...]:
        lines = [f"{b.model}: {b.label()}." for b in self._inputs.books if b.labels]
        return (*lines, *([INVALID] if lines else []), *note_lines(notes_of(self._inputs.scores)))


def _shares(row: Mapping[str, Any]) -> list[Cell]:
    """Texts cut and tokens lost, of a row of `truncation` in scores.json."""
    return [
        Cell(percent(row[share]), sort=row[share], details=(f"{row[n]:,} of {row[of]:,} {of}",))
        for share, n, of in (("share_cut", "texts_cut", "texts"), ("share_lost", "tokens_lost", "tokens"))
    ]


def _langs_of(row: object, book: ScoreBook) -> Sequence[Lang]:
    """Languages of the cells that a macro is the mean of."""
    cells = row.get("cells") if isinstance(row, dict) else None
    return [lang for cell in cells for lang in str(cell).split("->")] if cells else book.languages


def _label(book: ScoreBook, langs: Iterable[Lang]) -> str:
    """Every label of some languages."""
    return ", ".join(dict.fromkeys(book.labels[lang] for lang in langs if lang in book.labels))


def _counts(found: Iterable[Estimate | None]) -> Cell:
    known = [e for e in found if e is not None]
    if not known:
        return NONE
    numbers = zip(*((e.n_units, e.n_needs, e.n_clusters) for e in known), strict=True)
    return Cell(" / ".join(map(count_text, numbers)))
