"""Tables: the headline, further measures, languages and pairs, paired tests, models by kind, the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlembed.evaluate.order import order_note
from xlembed.evaluate.tables import ALSO, INVALID
from xlembed.guide.result import Guide
from xlembed.report.inputs import Inputs
from xlembed.show.cells import NONE, counts_cell, difference_cell, number_cell, p_cell, score_cell
from xlembed.show.content import Cell, Grid, Head, heads, row
from xlembed.show.notes import note_lines, notes_of
from xlembed.show.text import MINUS, count_text, model_names, percent
from xlembed.stats.compared import Paired
from xlembed.stats.score_rows import Estimate, Truncation
from xlembed.stats.scorebook import CROSS_LINGUAL, MACROS, MONOLINGUAL, Macro, ScoreBook, label_text
from xlembed.words import Lang, Mode, Pool, counted

MACRO_HEADS = tuple(m.head for m in MACROS)
FEW = 2
"""Languages that are named in a label; more stand in the notes."""
BRACKETS = "In %. Brackets: 95 % CI, unadjusted: which model is better is read from the paired tests only."
SIZES = ((50e6, "under 50 M"), (300e6, "50 to 300 M"), (1e9, "300 M to 1 B"))
LARGEST = "1 B and more"
UNKNOWN = "not known"


def headline_grid(inputs: Inputs) -> Grid:
    """Models x the four macro averages of the primary measure."""
    grid = _macros(inputs, "headline", f"{inputs.measure}: macro averages", inputs.measure)
    weighed = {g.languages for g in inputs.guides.values() if isinstance(g, Guide)}
    every = set(inputs.books[0].languages)
    other = sorted(", ".join(langs) for langs in weighed if set(langs) != every)
    notes = [f"This table is over all languages; the verdicts above are over {langs}." for langs in other]
    order = order_note(inputs.comparison)
    if order and (left_out := (inputs.comparison or {}).get("left_out")):
        order += f" Not tested: {model_names(left_out)}."
    return replace(grid, notes=(*notes, *([order] if order else []), *grid.notes))


def further_grids(inputs: Inputs) -> list[Grid]:
    """Macro averages of further measures, and all measures of all models, folded."""
    books, primary = inputs.books, inputs.measure
    every = dict.fromkeys(m for book in books for m in book.measures())
    shown = [m for m in ALSO if m in every and m != primary]
    grids = [_macros(inputs, f"macros-{m}", f"{m}: macro averages", m) for m in shown]
    rest = [m for m in every if m not in (*shown, primary)]
    if rest:
        grids.append(_all_measures(inputs, rest))
    return grids


def languages_grid(inputs: Inputs) -> Grid:
    """A row per language and model: the same language in both pools."""
    rows = []
    for lang in inputs.books[0].languages:
        for book in inputs.books:
            found = [book.of_language(m, lang) for m in (MONOLINGUAL, CROSS_LINGUAL)]
            cells = [score_cell(of, book.labels.get(lang, "")) for of in found]
            rows.append(row(lang, book.model, *cells, counts_cell(found), langs=(lang,)))
    columns = heads("language", "model", *MACRO_HEADS[:2], "units / clusters", words=("model",))
    note = "Query and answer in the same language; the documents searched are those of the language, or all."
    title = f"{inputs.measure} by language"
    return Grid("languages", title, columns, tuple(rows), notes=(BRACKETS, note, *_label_notes(inputs)))


def matrices(inputs: Inputs) -> list[Grid]:
    """The language matrix of each model and pool."""
    return [
        _matrix(book, pool)
        for book in inputs.books
        for pool in (Pool.ALL, Pool.TARGET)
        if any(k.kind == Mode.TRUE_CROSS_LINGUAL and k.pool == pool and k.doc_lang for k in book.cells)
    ]


def pairs_grid(inputs: Inputs) -> Grid | None:
    """A row per ordered pair of languages and model, both pools; None if no pair was evaluated."""
    rows = []
    for book in inputs.books:
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
    notes = (BRACKETS, "Single pairs are descriptive only.", *_label_notes(inputs))
    title = f"{inputs.measure} of each pair of languages"
    return Grid("pairs", title, columns, tuple(rows), notes=notes, folded=True)


def _macros(inputs: Inputs, key: str, title: str, measure: str) -> Grid:
    books = inputs.books
    rows = [row(b.model, *(_macro(b, m, measure) for m in MACROS)) for b in books]
    counts = [_counts(b.macro(m, measure) for b in books) for m in MACROS]
    foot = row("units / needs / clusters", *counts)
    notes = [BRACKETS, "Macro average: unweighted mean of languages or of ordered pairs of languages."]
    columns = heads("model", *MACRO_HEADS)
    return Grid(key, title, columns, tuple(rows), (foot,), (*notes, *_label_notes(inputs)))


def _all_measures(inputs: Inputs, measures: Sequence[str]) -> Grid:
    rows = [
        row(m, b.model, *(_macro(b, macro, m) for macro in MACROS)) for m in measures for b in inputs.books
    ]
    columns = heads("measure", "model", *MACRO_HEADS, words=("model",))
    notes = (BRACKETS, *_label_notes(inputs))
    title = "All other measures: macro averages"
    return Grid("measures", title, columns, tuple(rows), notes=notes, folded=True)


def _matrix(book: ScoreBook, pool: str) -> Grid:
    diagonal = CROSS_LINGUAL if pool == Pool.ALL else MONOLINGUAL
    langs = book.languages
    rows = [row(b, *(_shaded(book, pool, b, a) for a in langs), langs=(b,)) for b in langs]
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


def truncation_grid(inputs: Inputs) -> Grid | None:
    """A row per model, kind of text and language of which something is cut; None if nothing is."""
    rows = [
        row(lang, kind, book.model, number_cell(cut.max_tokens), *_shares(of), langs=(lang,))
        for book in inputs.books
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


def _label_notes(inputs: Inputs) -> tuple[str, ...]:
    lines = [f"{b.model}: {b.label()}." for b in inputs.books if b.labels]
    return (*lines, *([INVALID] if lines else []), *note_lines(notes_of(inputs.books)))


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


def paired_grids(whole: Mapping[str, Any]) -> list[Grid]:
    """The primary family, and everything else, folded and called exploratory."""
    found, labels = [], whole["labels"]
    holm = "Differences in points [95 % CI, unadjusted]. Verdicts follow the adjusted p (Holm) only."
    left_out = [
        f"{model}: {label_text(of)}; cells in these languages are left out of its tests."
        for model, of in labels.items()
        if of
    ]
    left_out += note_lines(whole.get("model_notes", {}))
    if whole["primary"]:
        title = f"Paired differences in {whole['primary_measure']}: the primary family"
        size = f"{counted(len(whole['primary']), 'test')}, all pairs of models in the macros; level {whole['alpha']:g}."
        found.append(_paired("tests", title, whole["primary"], (holm, size, *left_out), labels))
    rest = whole["exploratory"]
    if rest:
        note = "Exploratory: found by looking at much; Holm within measure and mode. Not for decisions."
        title = f"Exploratory tests: {counted(len(rest), 'further difference')}"
        found.append(_paired("tests-exploratory", title, rest, (note, holm, *left_out), labels, folded=True))
    return found


def _paired(
    key: str,
    title: str,
    rows: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    labels: Mapping[str, Mapping[Lang, str]],
    folded: bool = False,
) -> Grid:
    where = ("mode and pool", *(("measure", "pair") if folded else ()))
    names = (f"A {MINUS} B", *where, "difference", "p", "adj. p", "verdict")
    columns = heads(*names, words=(*where, "verdict"))
    shown = []
    for r in map(Paired.model_validate, rows):
        langs = tuple(x for x in (r.query_lang, r.doc_lang) if x)
        family = r.test if r.family_size is None else f"{r.test}, family of {r.family_size}"
        cells = (
            *(f"{r.a} {MINUS} {r.b}", f"{r.macro.short}{r.restriction(labels)}"),
            *((r.measure, "->".join(langs) or "macro") if folded else ()),
            *(difference_cell(r), p_cell(r.p_value), p_cell(r.p_adjusted, (family,)), r.verdict),
        )
        shown.append(row(*cells, langs=langs, strong=r.is_decided))
    return Grid(key, title, columns, tuple(shown), notes=tuple(notes), folded=folded)


def size_class(parameters: int | None) -> str:
    """Which class of size a model is in.

    >>> size_class(22_713_216), size_class(567_000_000), size_class(None)
    ('under 50 M', '300 M to 1 B', 'not known')
    """
    if parameters is None:
        return UNKNOWN
    return next((name for below, name in SIZES if parameters < below), LARGEST)


def group_grid(inputs: Inputs, headline: Grid) -> Grid:
    """Models by training objective and size, with their headline numbers."""
    rows = []
    for book, scored in zip(inputs.books, headline.rows, strict=True):
        card = inputs.cards.get(book.model, {})
        parameters = card.get("parameters")
        lines = tuple(f"{k}: {card[k]}" for k in ("training_data", "year", "licence") if card.get(k))
        kind = Cell(card.get("objective") or UNKNOWN, details=lines)
        exact = () if parameters is None else (f"{parameters:,} parameters",)
        size = Cell(size_class(parameters), sort=parameters, details=exact)
        name, mono, _, true_cross, *_ = scored.cells
        rows.append(row(kind, size, number_cell(card.get("dim")), name, mono, true_cross))
    rows.sort(key=lambda r: (r.cells[0].text, r.cells[1].sort or 0.0, r.cells[3].text))
    measured = (headline.heads[1].text, headline.heads[3].text)
    columns = heads("training objective", "parameters", "dimensions", "model", *measured, words=("model",))
    note = (
        "From the model cards. Few models per group: a difference between groups may be one between models."
    )
    title = "Results by training objective and size"
    return Grid("groups", title, columns, tuple(rows), notes=(note, *headline.notes))


def data_grid(inputs: Inputs) -> Grid:
    """Sizes per language."""
    rows = []
    for lang, sizes in inputs.task.per_language.items():
        lacking = [f"{b.model} ({b.labels[lang]})" for b in inputs.books if lang in b.labels]
        numbers = (number_cell(sizes.documents), number_cell(sizes.queries))
        rows.append(row(lang, *numbers, ", ".join(lacking) or "none", langs=(lang,)))
    total = row("all", number_cell(inputs.task.documents), number_cell(inputs.task.queries), "")
    columns = heads("language", "documents", "queries", "models that lack it", words=("models that lack it",))
    return Grid("data", "Documents and queries", columns, tuple(rows), (total,))
