"""What a remedy changes, in ten seconds: scores at the first place and among the first ten, and the price."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from xlembed.evaluate.tables import INVALID
from xlembed.models.spec import DTYPE_SUFFIX
from xlembed.show.cells import score_cell
from xlembed.show.content import Grid, heads, row
from xlembed.show.text import ends, interval_text, percent, points
from xlembed.stats.scorebook import CROSS_LINGUAL, MONOLINGUAL, TRUE_CROSS_ALL, Macro, ScoreBook

FIRST, TEN = "accuracy@1", "accuracy@10"
COLUMNS = (
    ("within a language @1", MONOLINGUAL, FIRST),
    ("own language @1", CROSS_LINGUAL, FIRST),
    ("own language @10", CROSS_LINGUAL, TEN),
    ("other language @1", TRUE_CROSS_ALL, FIRST),
    ("other language @10", TRUE_CROSS_ALL, TEN),
)
"""Head, macro average and measure."""
NO_REMEDY = re.compile(rf"(\+(dim\d+|max\d+|{'|'.join(DTYPE_SUFFIX)}))+")
"""Suffixes that make vectors smaller or texts shorter."""
TOLD = (
    ("an answer in another language", TRUE_CROSS_ALL),
    ("one in the question's own language", CROSS_LINGUAL),
)


def remedy_grid(books: Sequence[ScoreBook], comparisons: Sequence[Mapping[str, Any]]) -> Grid | None:
    """Models, and for each that is another one with a remedy what that changed; None where there is no such pair.

    Args:
        books: of the models.
        comparisons: rows of comparison.json, whatever their family.
    """
    pairs = [(b, base) for b in books if (base := _base(b, books))]
    measures = set.intersection(*(set(b.measures()) for b in books))
    if not pairs or not {FIRST, TEN} <= measures:
        return None
    labels = [b.label() for b in books] if any(b.labels for b in books) else []
    lines = []
    for i, book in enumerate(books):
        cells = [score_cell(book.macro(macro, measure)) for _, macro, measure in COLUMNS]
        lines.append(row(book.model, *cells, *labels[i : i + 1]))
    note = (
        "In %: the right answer is at the first place (@1), among the first ten (@10). Within a language: only "
        "documents in the question's language are searched; else all. Brackets: 95 % CI, unadjusted."
    )
    notes = (f"{note} {INVALID}" if labels else note, *(_sentence(b, base, comparisons) for b, base in pairs))
    columns = ("model", *(head for head, _, _ in COLUMNS), *(["label"] if labels else []))
    title = f"{books[0].task}: what a remedy changes"
    return Grid("remedies", title, heads(*columns, words=("label",)), tuple(lines), notes=notes)


def _base(book: ScoreBook, books: Sequence[ScoreBook]) -> ScoreBook | None:
    """The compared model that this one is with a remedy more; the longest name of several."""
    found = [
        b
        for b in books
        if book.model.startswith(f"{b.model}+") and not NO_REMEDY.fullmatch(book.model, len(b.model))
    ]
    return max(found, key=lambda b: len(b.model), default=None)


def _sentence(book: ScoreBook, base: ScoreBook, comparisons: Sequence[Mapping[str, Any]]) -> str:
    parts = [
        f"{name} is {_changed(book, base, macro, comparisons)}"
        for name, macro in TOLD
        if book.macro(macro, TEN)
    ]
    return f"{book.model} beside {base.model}, among the first ten: {'; '.join(parts)}."


def _changed(book: ScoreBook, base: ScoreBook, macro: Macro, comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Both scores and their paired difference."""
    with_it, without = book.macro(macro, TEN), base.macro(macro, TEN)
    if with_it is None or without is None:
        return "not known"
    text = f"there for {percent(with_it.value)} % instead of {percent(without.value)} %"
    for of in comparisons:
        place = (of["kind"], of["pool"], of["measure"], of["query_lang"], of["doc_lang"])
        if place != (macro.kind, macro.pool, TEN, None, None) or {of["a"], of["b"]} != {
            book.model,
            base.model,
        }:
            continue
        sign, interval = (1 if of["a"] == book.model else -1), ends(of)
        if interval and sign < 0:
            interval = (-interval[1], -interval[0])
        only = "over the languages that both cards have " if book.labels or base.labels else ""
        changed = f"{points(sign * of['difference'])} {interval_text(interval, signed=True)}"
        return f"{text} ({only}{changed})"
    return text
