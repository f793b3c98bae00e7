"""Index settings side by side."""

from __future__ import annotations

from xlembed.show.cells import share_cell
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.show.text import interval_text, percent
from xlembed.stats.tuned import Tried, Tuning

CHOSEN = "→"
NONE = "–"
"""Where nothing was measured; a note below the table says why, once."""


def tuning_table(report: Tuning) -> Grid:
    """One line per setting: recall and loss on the half that did not choose, time, memory."""
    k, measure = report.k, report.primary_measure
    rows = []
    for of in report.settings:
        chosen = of.name == report.choice.name
        ms, rate = of.latency_ms, of.throughput
        cells = (
            f"{CHOSEN} {of.name}" if chosen else of.name,
            recall_cell(of, k),
            loss_cell(of, measure),
            f"{ms.p50:.1f} / {ms.p95:.1f} / {ms.p99:.1f}",
            " / ".join(f"{rate[clients]:,.0f}" for clients in sorted(rate, key=int)),
            f"{of.memory_bytes / 1e6:,.1f} / {of.disk_bytes / 1e6:,.1f}",
            "n/a" if of.build_seconds is None else f"{of.build_seconds:,.1f}",
            str(of.segments),
        )
        rows.append(row(*cells, strong=chosen))
    columns = ("p50 / p95 / p99 ms", "searches/s, 1 / 8 clients", "MB memory / disk", "build s", "segments")
    note = (
        f"Recall and loss in % on {report.clusters.reporting:,} clusters that did not choose, in the mode that "
        f"does worst, with 95 % CI. Times: {k} documents, one search at a time. {CHOSEN} {report.choice.why}."
    )
    lacking: dict[str, list[str]] = {}
    for of in report.settings:
        if of.note and NONE in (recall_cell(of, k).text, loss_cell(of, measure).text):
            lacking.setdefault(of.note, []).append(of.name)
    why = []
    for said, names in lacking.items():
        which = "" if len(names) == len(report.settings) else f" ({', '.join(names)})"
        why.append(f"{NONE}: {said}{which}.")
    return Grid(
        "tuning",
        f"{report.task}, {report.model}: index settings over {_documents(report)}",
        heads("setting", f"recall@{k}", f"loss of {measure}", *columns),
        tuple(rows),
        notes=(note, *why),
    )


def spread_table(report: Tuning) -> Grid:
    """Two graphs from the same vectors; at least one was built twice."""
    names = list(report.spread[0].recall)
    rows = []
    for of in report.spread:
        cells = [
            (f"{percent(x.first, 2)} / {percent(x.second, 2)}", f"{percent(x.searches_that_differ)} %")
            for x in of.recall.values()
        ]
        rows.append(row(of.name, *(text for both in cells for text in both)))
    columns = [text for name in names for text in (f"{name}, first / second", "searches that differ")]
    return Grid("spread", "The same index built twice", heads("setting", *columns), tuple(rows))


def recall_cell(of: Tried, k: int) -> Cell:
    """Recall with its interval, or that there is none."""
    found = of.lowest.get(f"recall@{k}")
    if found is None:
        return Cell(NONE, details=(of.note,))
    return Cell(percent(found.value, 2), interval_text(found.interval))


def loss_cell(of: Tried, measure: str) -> Cell:
    """The largest loss of a mode with its interval in points, or that there is none."""
    found = of.largest_loss(measure)
    return Cell(NONE, details=(of.note,)) if found is None else share_cell(found.to_json(), signed=True)


def _documents(report: Tuning) -> str:
    corpus = report.corpus
    parts = [f"{corpus.documents:,} documents"]
    if corpus.distractor_texts:
        parts.append(f"{corpus.distractor_texts:,} distractor texts")
    if corpus.synthetic_distractors:
        parts.append(f"{corpus.synthetic_distractors:,} synthetic distractors")
    return " + ".join(parts)
