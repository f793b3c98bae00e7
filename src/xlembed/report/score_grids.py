"""Tables of scores: the headline, further measures, languages, pairs of languages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xlembed.evaluate.order import order_note
from xlembed.evaluate.tables import ALSO, INVALID
from xlembed.guide.result import Guide
from xlembed.report.inputs import Inputs
from xlembed.show.cells import NONE, counts_cell, number_cell, score_cell
from xlembed.show.content import Cell, Grid, Head, heads, row
from xlembed.show.notes import note_lines, notes_of
from xlembed.show.text import count_text, percent
from xlembed.stats.score_rows import Estimate, Truncation
from xlembed.stats.scorebook import (
    CROSS_LINGUAL,
    MACROS,
    MONOLINGUAL,
    Macro,
    ScoreBook,
)
from xlembed.words import Lang, Mode, Pool

MACRO_HEADS = tuple(m.head for m in MACROS)
FEW = 2
"""Languages that are named in a label; more stand in the notes."""
BRACKETS = "In %. Brackets: 95 % CI, unadjusted: which model is better is read from the paired tests only."


class ScoreGrids:
    """Tables of the scores of some models."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

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
                found = [book.of_language(m, lang) for m in (MONOLINGUAL, CROSS_LINGUAL)]
                cells = [score_cell(of, book.labels.get(lang, "")) for of in found]
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
                        cells = [_pair(book, pool, b, a) for pool in (Pool.ALL, Pool.TARGET)]
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
        rows = [row(b.model, *(_macro(b, m, measure) for m in MACROS)) for b in books]
        counts = [_counts(b.macro(m, measure) for b in books) for m in MACROS]
        foot = row("units / needs / clusters", *counts)
        notes = [BRACKETS, "Macro average: unweighted mean of languages or of ordered pairs of languages."]
        columns = heads("model", *MACRO_HEADS)
        return Grid(key, title, columns, tuple(rows), (foot,), (*notes, *self._label_notes()))

    def _all_measures(self, measures: Sequence[str]) -> Grid:
        rows = [
            row(m, b.model, *(_macro(b, macro, m) for macro in MACROS))
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
            rows.append(row(b, *(_shaded(book, pool, b, a) for a in book.languages), langs=(b,)))
        columns = (Head("query \\ answer", False), *(Head(a, langs=(a,)) for a in book.languages))
        note = f"In %. Rows: language of the query; columns: of the answer; diagonal: {diagonal.kind}."
        return Grid(
            f"matrix-{book.model}-{pool}",
            f"{book.model}: {book.primary_measure}, pool = {pool}",
            columns,
            tuple(rows),
            notes=(note, *filter(None, [book.footnote()]), *note_lines(notes_of([book]))),
            choice=(book.model, pool),
        )

    def truncation(self) -> Grid | None:
        """A row per model, kind of text and language of which something is cut; None if nothing is."""
        rows = [
            row(lang, kind, book.model, number_cell(cut.max_tokens), *_shares(of), langs=(lang,))
            for book in self._inputs.books
            if (cut := book.truncation)
            for kind, by_language in cut.by_kind().items()
            for lang, of in by_language.items()
            if of.texts_cut
        ]
        numbers = ("limit, tokens", "texts cut, %", "their tokens lost, %")
        columns = heads("language", "texts", "model", *numbers, words=("texts", "model"))
        notes = ("Tokens lost: of all tokens of these texts, prompts and special tokens left out.",)
        title = "What models do not read"
        return Grid("truncation", title, columns, tuple(rows), notes=notes) if rows else None

    def _label_notes(self) -> tuple[str, ...]:
        lines = [f"{b.model}: {b.label()}." for b in self._inputs.books if b.labels]
        return (*lines, *([INVALID] if lines else []), *note_lines(notes_of(self._inputs.books)))


def _shares(of: Truncation) -> list[Cell]:
    """Texts cut and tokens lost."""
    return [
        Cell(percent(share), sort=share, details=(f"{n:,} of {total:,} {what}",))
        for share, n, total, what in (
            (of.share_cut, of.texts_cut, of.texts, "texts"),
            (of.share_lost, of.tokens_lost, of.tokens, "tokens"),
        )
    ]


def _macro(book: ScoreBook, macro: Macro, measure: str) -> Cell:
    """A macro average with the label of the languages it is the mean of; few of them are named."""
    found = book.macro(macro, measure)
    members = found.cells if found else ()
    touched = [lang for cell in members for lang in cell.split("->")] or book.languages
    label = _label(book, touched)
    few = [lang for lang in book.languages if lang in book.labels and lang in touched]
    return score_cell(found, f"{label} ({', '.join(few)})" if label and len(few) <= FEW else label)


def _pair(book: ScoreBook, pool: str, b: Lang, a: Lang) -> Cell:
    return score_cell(book.pair(pool, b, a), _label(book, (b, a)), (a,))


def _shaded(book: ScoreBook, pool: str, b: Lang, a: Lang) -> Cell:
    found, cell = book.pair(pool, b, a), _pair(book, pool, b, a)
    if found is None:
        return cell
    details = (f"{b} asks, {a} answers: {cell.text} {cell.interval}", *cell.details)
    return replace(cell, text=percent(found.value), interval="", details=details, shade=found.value)


def _label(book: ScoreBook, langs: Iterable[Lang]) -> str:
    """Every label of some languages."""
    return ", ".join(dict.fromkeys(book.labels[lang] for lang in langs if lang in book.labels))


def _counts(found: Iterable[Estimate | None]) -> Cell:
    known = [e for e in found if e is not None]
    if not known:
        return NONE
    numbers = zip(*((e.n_units, e.n_needs, e.n_clusters) for e in known), strict=True)
    return Cell(" / ".join(map(count_text, numbers)))
