"""What was found as tables, the same for the terminal, the page and the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xlembed.explore.result import Explored, Found, Share, Unjudged
from xlembed.explore.shares import ERRORS, MEASURES, RIGHT
from xlembed.show.cells import counts_cell, difference_cell, p_cell, score_cell
from xlembed.show.content import LABELLED, Cell, Grid, Row, heads, row
from xlembed.show.text import MINUS, shortened
from xlembed.stats.compared import Paired
from xlembed.stats.scorebook import MACROS, Macro, label_text
from xlembed.words import counted

BRACKETS = "Shares of all units in % [95 % CI, unadjusted]; right and the kinds add up to 100."
EXPLORATORY = "Exploratory: paired sign-flip tests, Holm within each row's kind and mode."
QUERY, ANSWER = 60, 40
"""Columns of the terminal for a query and a document in the table of queries."""


def terminal_grids(result: Explored | Unjudged) -> list[Grid]:
    """Shares of every mode and pool, flags, and the queries that only A answers; or first documents alone."""
    if isinstance(result, Unjudged):
        return [ranked_grid(result)]
    return [*share_grids(result), *filter(None, (flag_grid(result), found_grid(result)))]


def page_grids(result: Explored) -> list[Grid]:
    """The same, and what is long: every pair of languages, and every pair of more than two models."""
    more = (paired_grid(result) if len(result.models) > 2 else None, pairs_grid(result))
    return [*share_grids(result), *filter(None, (flag_grid(result), *more))]


def share_grids(result: Explored) -> Iterator[Grid]:
    """One table per mode and pool: kinds as rows, models as columns; of two models also their difference."""
    for macro in MACROS:
        found = {(s.model, s.measure): s for s in result.shares if s.is_macro and _is_of(s, macro)}
        if not found:
            continue
        both = {p.measure: p for p in result.paired if p.macro == macro} if len(result.models) == 2 else {}
        names = [f"{letter}: {name}" for letter, name in zip("AB", result.models, strict=False)]
        names = names if len(result.models) == 2 else list(result.models)
        there = [m for m in MEASURES if any(found[name, m].value for name in result.models)]
        lines = []
        for measure in there:
            cells = [_cell(found.get((name, measure))) for name in result.models]
            if both:
                cells += _tested(both.get(measure))
            lines.append(row(measure, *cells, strong=measure == RIGHT))
        only = _tested_languages(both.values(), next(iter(found.values())).cells)
        difference = f"A {MINUS} B" + f", only {only}" * bool(only)
        columns = heads("first document", *names, *((difference, "adj. p") if both else ()))
        yield Grid(
            f"errors-{macro.short.replace(', ', '-').replace(' ', '-')}",
            f"{result.task}, why queries fail: {macro.title}",
            columns,
            tuple(lines),
            notes=_notes(found.values(), [m for m in ERRORS if m not in there], bool(both), len(names)),
        )


def flag_grid(result: Explored) -> Grid | None:
    """Units that fail and were not read whole, by kind; None where there are none."""
    rows = [
        row(c.model, _short(c.kind, c.pool), c.error, *map(_count, numbers))
        for c in result.crossed
        if any((numbers := (c.units, c.truncated, c.not_understood))[1:])
    ]
    columns = heads("model", "mode", "kind", "units", "truncated", "not understood", words=("mode", "kind"))
    notes = (
        "truncated: every right document is cut by the model's limit. not understood: unknown tokens are at least "
        f"{100 * result.unknown_tokens:g} % of the query. Rows without either are left out.",
    )
    return (
        Grid("errors-flags", "Failing units that were not read", columns, tuple(rows), notes=notes)
        if rows
        else None
    )


def found_grid(result: Explored) -> Grid | None:
    """Queries that A answers first and B does not; None for one model, or where there are none."""
    if len(result.models) < 2:
        return None
    a, b = result.models[:2]
    title = f"Queries that {a} (A) finds and {b} (B) does not"
    if not result.found:
        return Grid("found", title, heads("query"), (row("none"),))
    columns = heads(
        "query", "lang", "A's rank", "B's rank", "right document", words=("lang", "right document")
    )
    labels = [f"{name} is labelled: {label_text(of)}." for name in (a, b) if (of := result.labels[name])]
    notes = (
        f"Questions: {len(result.found)} of {result.n_found:,}, each in the language in which B ranks the answer worst"
        f"{'; languages that both models know come first' if labels else ''}.",
        "0: B does not have it among what it retrieves." if any(not f.rank_b for f in result.found) else "",
    )
    return Grid(
        "found", title, columns, tuple(map(_found, result.found)), notes=(*filter(None, notes), *labels)
    )


def ranked_grid(result: Unjudged) -> Grid:
    """Queries that nobody judged, with the document that each model has first."""
    several = len(result.models) > 1
    title = f"{result.task}: what is ranked first; nobody said which documents are right"
    names = [f"first by {name}" for name in result.models]
    columns = heads(
        "query", "lang", *(["shared"] if several else []), *names, words=("query", "lang", *names)
    )
    rows = [
        row(
            shortened(of.query, QUERY),
            of.query_lang,
            *([] if of.shared is None else [_count(of.shared)]),
            *(shortened(text, ANSWER) for text in of.first),
        )
        for of in result.ranked
    ]
    order = "those come first on which A and B share least" if several else "in the task's order"
    notes = [f"Queries: {len(rows)} of {result.n_queries:,}, {order}."]
    if several:
        a, b = result.models[:2]
        notes.append(
            f"shared: documents that are among the first {result.shown} of both {a} (A) and {b} (B)."
        )
    notes += [f"{name} is labelled: {label_text(of)}." for name, of in result.labels.items() if of]
    return Grid("ranked", title, columns, tuple(rows), notes=tuple(notes))


def pairs_grid(result: Explored) -> Grid:
    """Every pair of languages of every mode and pool, a row per model."""
    by_cell: dict[tuple[str, ...], dict[str, Share]] = {}
    for s in result.shares:
        if not s.is_macro:
            where = (_short(s.kind, s.pool or ""), f"{s.query_lang}->{s.doc_lang}", s.model)
            by_cell.setdefault(where, {})[s.measure] = s
    rows = [
        row(
            pair,
            mode,
            model,
            *(_cell(of.get(measure)) for measure in MEASURES),
            counts_cell([of[RIGHT]]),
            langs=tuple(pair.split("->")),
        )
        for (mode, pair, model), of in by_cell.items()
    ]
    columns = heads("pair", "mode", "model", *MEASURES, "units / clusters", words=("mode", "model"))
    title = "Kinds of error by pair of languages"
    return Grid("errors-pairs", title, columns, tuple(rows), notes=(BRACKETS,), folded=True)


def paired_grid(result: Explored) -> Grid | None:
    """All tests of more than two models; None where nothing was tested."""
    rows = [
        row(
            *(f"{p.a} {MINUS} {p.b}", p.macro.short, p.measure),
            *(difference_cell(p), p_cell(p.p_adjusted), p.verdict),
            strong=p.is_decided,
        )
        for p in result.paired
    ]
    columns = heads(
        *(f"A {MINUS} B", "mode", "kind", "difference", "adj. p", "verdict"),
        words=("mode", "kind", "verdict"),
    )
    title = "Differences in kinds of error between models"
    return (
        Grid("errors-paired", title, columns, tuple(rows), notes=(EXPLORATORY,), folded=True)
        if rows
        else None
    )


def _is_of(share: Share, macro: Macro) -> bool:
    return (share.kind, share.pool) == (macro.kind, macro.pool)


def _short(kind: str, pool: str) -> str:
    return next((m.short for m in MACROS if (m.kind, m.pool) == (kind, pool)), f"{kind}, {pool}")


def _cell(share: Share | None) -> Cell:
    return score_cell(share, share.label if share else "")


def _tested(found: Paired | None) -> list[Cell]:
    return [Cell(""), Cell("")] if found is None else [difference_cell(found), p_cell(found.p_adjusted)]


def _count(n: int) -> Cell:
    return Cell(f"{n:,}", sort=float(n))


def _tested_languages(tested: Iterable[Paired], cells: tuple[str, ...]) -> str:
    """Those that a difference is over; empty: all of them."""
    langs = {lang for p in tested for cell in p.cells for lang in cell.split("->")}
    every = {lang for cell in cells for lang in cell.split("->")}
    return "" if langs == every else ", ".join(sorted(langs))


def _notes(found: Iterable[Share], absent: list[str], is_tested: bool, n_models: int) -> tuple[str, ...]:
    one, *_ = shares = list(found)
    lines = (
        f"{counted(one.n_units, 'unit')}, {counted(one.n_clusters, 'cluster')} of questions. {BRACKETS}",
        f"In no unit: {', '.join(absent)}." if absent else "",
        EXPLORATORY if is_tested else "",
        "Not tested: no pair of languages of these units is on both cards."
        if n_models == 2 and not is_tested
        else "",
        "Tests of every pair of models: on the page and in explore.json." if n_models > 2 else "",
        LABELLED if any(s.label for s in shares) else "",
    )
    return tuple(filter(None, lines))


def _found(found: Found) -> Row:
    langs = (
        found.query_lang if found.query_lang == found.doc_lang else f"{found.query_lang}->{found.doc_lang}"
    )
    answer = f"{found.doc_id}: {shortened(found.document, ANSWER)}"
    return row(shortened(found.query, QUERY), langs, _count(found.rank_a), _count(found.rank_b), answer)
