"""Tables of the language-aware measures: macro averages, query languages, paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlembed.evaluate.tables import INVALID, heading
from xlembed.search.kinds import FIRST_PLACE, K
from xlembed.show.cells import NONE, counts_cell, score_cell
from xlembed.show.content import Cell, Grid, Row, heads, row
from xlembed.show.notes import note_lines, notes_of
from xlembed.show.text import MINUS, interval_text, p_text, percent, points
from xlembed.stats.compared import Paired
from xlembed.stats.scorebook import ScoreBook
from xlembed.words import Lang

HEADS = (
    *("preference", "if none", "any lang. @1", "right own", "right other", "wrong own", "wrong other"),
    *(f"lang. nDCG @{K}", f"agree @{K}"),
)
AFTER_PREFERENCE = ("any_language@1", *FIRST_PLACE[:4], f"lang_nDCG@{K}", f"agreement@{K}")
BRACKETS = "In %; brackets: 95 % CI, unadjusted. All documents searched, nothing taken out."
MEANINGS = (
    "preference: of queries with right documents in their own and another language, those whose first right one is in "
    "their own; beside it what it is if the language does not matter.",
    "any lang. @1: a right document of any language is first. right or wrong, own or other: what stands first, and "
    "whether in the query's language.",
    f"lang. nDCG @{K}: a right document in another language counts as a part; agree @{K}: overlap of what the "
    "translations of one question find.",
)
UNSUPPORTED = (
    "Queries in a language that one of the two does not support are left out, and with them the agreement of "
    "translations; documents in it stay among those searched."
)


def language_aware_table(books: Sequence[ScoreBook], brief: bool = False) -> Grid | None:
    """Models x the measures, macro averages over query languages; None if no model has them.

    Args:
        books: one per model, all on one task.
        brief: only `preference` has its interval, so that the table fits a narrow console.
    """
    there = [book for book in books if _is_there(book)]
    if not there:
        return None
    labels = ["label"] * any(book.labels for book in there)
    rows = [row(b.model, *_cells(b, None, brief), *([b.label()] if labels else [])) for b in there]
    lacking = [book.model for book in books if not _is_there(book)]
    left_out = [f"{b.model} {n:,}" for b in books if (n := sum(b.preference_left_out.values()))]
    notes = (
        BRACKETS,
        *MEANINGS,
        *([f"No right document retrieved, so not in preference: {', '.join(left_out)}."] if left_out else []),
        *(
            [f"Not there, evaluated before or within languages only: {', '.join(lacking)}."]
            if lacking
            else []
        ),
        *([INVALID] if labels else []),
        *note_lines(notes_of(books)),
    )
    title = f"{books[0].task}: documents of all languages at once, macro over query languages"
    return Grid(
        "language-aware", title, heads("model", *HEADS, *labels, words=("label",)), tuple(rows), notes=notes
    )


def language_aware_languages(books: Sequence[ScoreBook]) -> Grid | None:
    """The same with a row per query language and model, and their counts."""
    rows = [
        row(
            lang,
            book.model,
            *_cells(book, lang),
            counts_cell([book.language_aware("any_language@1", lang)]),
            langs=(lang,),
        )
        for lang in books[0].languages
        for book in books
        if book.language_aware("any_language@1", lang)
    ]
    if not rows:
        return None
    columns = heads("language", "model", *HEADS, "units / clusters", words=("model",))
    title = "Documents of all languages at once, by query language"
    return Grid("language-aware-languages", title, columns, tuple(rows), notes=(BRACKETS, *MEANINGS))


def language_comparison_table(comparison: Mapping[str, Any]) -> Grid | None:
    """Pairs of models x measures: difference, interval, p, adjusted p and the verdict; None if nothing was tested.

    Args:
        comparison: content of comparison.json.
    """
    left_out = comparison.get("language_aware_left_out", ())
    found = [Paired.model_validate(r) for r in comparison.get("language_aware", ())]
    if not found and not left_out:
        return None
    rows: list[Row] = []
    for before, r in zip([None, *found], found, strict=False):
        if before is None or (before.a, before.b) != (r.a, r.b):
            only = r.restriction(comparison["labels"])
            rows.append(heading(f"{r.a} {MINUS} {r.b}{only}", 5, apart=bool(rows)))
        difference = Cell(points(r.difference), interval_text(r.interval, signed=True))
        counts = f"{r.n_units:,} / {r.n_clusters:,}"
        cells = (difference, counts, p_text(r.p_value), p_text(r.p_adjusted), r.in_short().verdict)
        rows.append(row(f"  {r.measure}", *cells, strong=r.is_decided))
    notes = (
        "Exploratory. Differences of macro averages in percentage points [95 % CI, unadjusted], on the queries where "
        "both have a value; sign-flip tests, Holm over the pairs within each measure. Verdicts follow the adjusted p.",
        *([UNSUPPORTED] if any(comparison["labels"].values()) else []),
        *(f"Not compared: {line}." for line in left_out),
    )
    columns = heads(
        f"A {MINUS} B", "difference", "units / clusters", "p", "adj. p", "verdict", words=("verdict",)
    )
    title = f"{comparison['task']}: paired differences with documents of all languages at once"
    return Grid("language-aware-tests", title, columns, tuple(rows), notes=notes, folded=True)


def _cells(book: ScoreBook, lang: Lang | None, brief: bool = False) -> list[Cell]:
    """One row under `HEADS`; in brief only preference, by which the others are read, has its interval."""
    none = book.expected_preference(lang)
    found = [book.language_aware(name, lang) for name in ("preference", *AFTER_PREFERENCE)]
    # Macro averages have their label in a column of its own.
    first, *others = (score_cell(e, e.label if e and lang else "") for e in found)
    if brief:
        others = [replace(cell, interval="") for cell in others]
    return [first, NONE if none is None else Cell(percent(none), sort=none), *others]


def _is_there(book: ScoreBook) -> bool:
    return book.language_aware("any_language@1") is not None
