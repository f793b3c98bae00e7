"""Index settings side by side: for the console, and flat for table.csv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.report.document.cells import share_cell
from xlembed.report.document.content import Cell, Grid, heads, row
from xlembed.report.text import ends, interval_text, percent

Row = Mapping[str, Any]
CHOSEN = "→"


def tuning_table(report: Mapping[str, Any]) -> Grid:
    """One line per setting: recall and loss on the half that did not choose, time, memory.

    Args:
        report: content of tune.json.
    """
    k, measure = report["k"], report["primary_measure"]
    rows = []
    for of in report["settings"]:
        chosen = of["name"] == report["choice"]["name"]
        ms, rate = of["latency_ms"], of["throughput"]
        cells = (
            f"{CHOSEN} {of['name']}" if chosen else of["name"],
            recall_cell(of, k),
            loss_cell(of, measure),
            f"{ms['p50']:.1f} / {ms['p95']:.1f} / {ms['p99']:.1f}",
            " / ".join(f"{rate[clients]:,.0f}" for clients in sorted(rate, key=int)),
            f"{of['memory_bytes'] / 1e6:,.1f} / {of['disk_bytes'] / 1e6:,.1f}",
            "n/a" if of["build_seconds"] is None else f"{of['build_seconds']:,.1f}",
            str(of["segments"]),
        )
        rows.append(row(*cells, strong=chosen))
    columns = ("p50 / p95 / p99 ms", "searches/s, 1 / 8 clients", "MB memory / disk", "build s", "segments")
    note = (
        f"Recall and loss in % on {report['clusters']['reporting']:,} clusters that did not choose, in the mode that "
        f"does worst, with 95 % CI. Times: {k} documents, one search at a time. {CHOSEN} {report['choice']['why']}."
    )
    return Grid(
        "tuning",
        f"{report['task']}, {report['model']}: index settings over {_documents(report)}",
        heads("setting", f"recall@{k}", f"loss of {measure}", *columns),
        tuple(rows),
        notes=(note,),
    )


def spread_table(report: Mapping[str, Any]) -> Grid | None:
    """Two graphs from the same vectors; None if none was built twice."""
    if not report["spread"]:
        return None
    names = [name for name in report["spread"][0] if name.startswith("recall@")]
    rows = []
    for of in report["spread"]:
        cells = []
        for found in (of[name] for name in names):
            cells.append(f"{percent(found['first'], 2)} / {percent(found['second'], 2)}")
            cells.append(f"{percent(found['searches_that_differ'])} %")
        rows.append(row(of["name"], *cells))
    columns = [text for name in names for text in (f"{name}, first / second", "searches that differ")]
    return Grid("spread", "The same index built twice", heads("setting", *columns), tuple(rows))


def recall_cell(of: Row, k: int) -> Cell:
    """Recall with its interval, or why there is none."""
    found = of["lowest"].get(f"recall@{k}")
    if found is None:
        return Cell(str(of["note"]))
    return Cell(percent(found["value"], 2), interval_text(ends(found)))


def loss_cell(of: Row, measure: str) -> Cell:
    """The largest loss of a mode with its interval in points, or why there is none."""
    found = largest_loss(of, measure)
    return Cell(str(of["note"])) if found is None else share_cell(found, signed=True)


def largest_loss(row: Row, measure: str) -> Row | None:
    """Exact minus approximate in the mode and pool where it is largest; the first measure if this one was not taken."""
    macros = [r for r in row["loss"] if r["query_lang"] is None]
    names = [r["measure"] for r in macros]
    wanted = measure if measure in names else (names[0] if names else "")
    return max((r for r in macros if r["measure"] == wanted), key=lambda r: r["value"], default=None)


def setting_columns(row: Row) -> dict[str, Any]:
    """A setting as one flat line: `recall@10/true_cross_lingual/target/ci_low`, `loss/.../accuracy@1`, `p95_ms` ..."""
    plain = ("name", "type", "m", "merged", "num_candidates", "oversample", "note")
    size = ("documents", "segments", "disk_bytes", "memory_bytes", "build_seconds", "index")
    found: dict[str, Any] = {key: row[key] for key in plain}
    found |= setting_numbers(row)
    return {**found, **{key: row[key] for key in size}}


def setting_numbers(row: Row) -> dict[str, float]:
    """Macros, percentiles and rates of a setting by name; what is missing is left out."""
    found: dict[str, float] = {}
    for prefix, rows in (("", row["recall"]), ("loss/", row["loss"])):
        for r in rows:
            if r["query_lang"] is not None:
                continue
            name = f"{prefix}{r['measure']}/{r['kind']}/{r['pool']}"
            found[name] = r["value"]
            found |= {f"{name}/{end}": r[end] for end in ("ci_low", "ci_high") if r[end] is not None}
    for prefix, times in (("", row["latency_ms"]), ("filtered_", row["latency_ms_filtered"])):
        found |= {f"{prefix}{p}_ms": times[p] for p in ("p50", "p95", "p99")} if times else {}
    return found | {f"searches_per_second/{n}": rate for n, rate in row["throughput"].items()}


def _documents(report: Mapping[str, Any]) -> str:
    corpus = report["corpus"]
    parts = [f"{corpus['documents']:,} documents"]
    if corpus["distractor_texts"]:
        parts.append(f"{corpus['distractor_texts']:,} distractor texts")
    if corpus["synthetic_distractors"]:
        parts.append(f"{corpus['synthetic_distractors']:,} synthetic distractors")
    return " + ".join(parts)
