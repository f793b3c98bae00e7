"""Tables of paired tests, of models by kind, of the data, and of published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlembed.report.inputs import Inputs
from xlembed.show.cells import difference_cell, number_cell, p_cell
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.show.notes import note_lines
from xlembed.show.text import MINUS
from xlembed.stats.compared import Paired
from xlembed.stats.scorebook import label_text
from xlembed.words import Lang, counted

SIZES = ((50e6, "under 50 M"), (300e6, "50 to 300 M"), (1e9, "300 M to 1 B"))
LARGEST = "1 B and more"
UNKNOWN = "not known"


def paired_grids(inputs: Inputs) -> list[Grid]:
    """The primary family, and everything else, folded and called exploratory."""
    whole = inputs.comparison
    if whole is None:
        return []
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
    columns = heads(
        *(f"A {MINUS} B", *where, "difference", "p", "adj. p", "verdict"), words=(*where, "verdict")
    )
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
        size = Cell(size_class(parameters), sort=parameters, details=_parameters(parameters))
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


def _parameters(number: int | None) -> tuple[str, ...]:
    return () if number is None else (f"{number:,} parameters",)


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
