"""Verdicts in numbers, and some of the queries behind them."""

from __future__ import annotations

from collections import Counter

from xlembed.check.result import MEANING, Checked, Doubt, Verdict
from xlembed.show.content import Grid, heads, row
from xlembed.words import Lang

SHOWN = 10
"""Queries that are printed."""


def check_grids(checked: Checked) -> list[Grid]:
    """Per language, per reason, and the first queries that are not accepted."""
    grids = [_languages(checked)]
    if any(q.doubts for q in checked.queries):
        grids += [_reasons(checked), _examples(checked)]
    return grids


def _languages(checked: Checked) -> Grid:
    found: Counter[tuple[Lang, object]] = Counter()
    for q in checked.queries:
        found[q.lang, q.verdict] += 1
        found[q.lang, "ranked"] += q.rank is not None
        found[q.lang, "found"] += q.rank is not None and q.rank <= checked.first
    langs = list(dict.fromkeys(q.lang for q in checked.queries))
    rows = [
        row(
            lang,
            *(f"{found[lang, verdict]:,}" for verdict in Verdict),
            f"{found[lang, 'found'] / n:.1%}" if (n := found[lang, "ranked"]) else "n/a",
        )
        for lang in langs
    ]
    first = f"first {checked.first}" if checked.first > 1 else "first"
    notes = [f"{first}: the right document is among so many of its language, by {checked.model}."]
    if checked.unmeasured:
        notes.append(
            f"Not measured by {checked.model}, whose card lacks them: {', '.join(checked.unmeasured)}."
        )
    columns = heads("language", *map(str, Verdict), first)
    return Grid("verdicts", f"Queries of {checked.task}", columns, tuple(rows), notes=tuple(notes))


def _reasons(checked: Checked) -> Grid:
    counts = Counter((doubt, q.verdict) for q in checked.queries for doubt in set(q.doubts))
    rows = [
        row(MEANING[doubt], *(f"{counts[doubt, verdict]:,}" for verdict in (Verdict.REVIEW, Verdict.REJECT)))
        for doubt in Doubt
        if counts[doubt, Verdict.REVIEW] + counts[doubt, Verdict.REJECT]
    ]
    note = "A query with several reasons counts in each of their rows."
    columns = heads("why", str(Verdict.REVIEW), str(Verdict.REJECT))
    return Grid("reasons", "Why queries are not accepted", columns, tuple(rows), notes=(note,))


def _examples(checked: Checked) -> Grid:
    doubted = [q for q in checked.queries if q.verdict is not Verdict.ACCEPT]
    doubted.sort(key=lambda q: q.verdict is not Verdict.REJECT)
    rows = [row(q.query_id, str(q.verdict), q.text, q.reasons[0]) for q in doubted[:SHOWN]]
    columns = heads("query", "verdict", "text", "why", words=("verdict", "text", "why"))
    title = f"The first {len(rows)} of {len(doubted):,}" if len(doubted) > SHOWN else "Which"
    return Grid("examples", title, columns, tuple(rows))
