"""Index settings side by side: for the console, and flat for table.csv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from xlembed.report.text import interval_text, percent, points

Row = Mapping[str, Any]
CHOSEN = "→"


def tuning_table(report: Mapping[str, Any]) -> Table:
    """One line per setting: recall and loss on the half that did not choose, time, memory.

    Args:
        report: content of tune.json.
    """
    k, measure = report["k"], report["primary_measure"]
    n = report["clusters"]["reporting"]
    table = Table(
        title=f"{report['task']}, {report['model']}: index settings over {_documents(report)}",
        caption=(
            f"Recall and loss in % on {n:,} clusters that did not choose, in the mode that does worst, with 95 % CI. "
            f"Times: {k} documents, one search at a time. {CHOSEN} {report['choice']['why']}."
        ),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("", no_wrap=True)
    table.add_column("setting", overflow="fold", min_width=14)
    table.add_column(f"recall@{k}", justify="right", min_width=13)
    table.add_column(f"loss of {measure}", justify="right", min_width=13)
    table.add_column("p50 / p95 / p99 ms", justify="right")
    table.add_column("searches/s, 1 / 8 clients", justify="right")
    table.add_column("MB memory / disk", justify="right")
    table.add_column("build s", justify="right")
    table.add_column("segments", justify="right")
    for row in report["settings"]:
        chosen = row["name"] == report["choice"]["name"]
        ms, rate = row["latency_ms"], row["throughput"]
        table.add_row(
            CHOSEN if chosen else "",
            row["name"],
            recall_text(row, k),
            loss_text(row, measure),
            f"{ms['p50']:.1f} / {ms['p95']:.1f} / {ms['p99']:.1f}",
            " / ".join(f"{rate[clients]:,.0f}" for clients in sorted(rate, key=int)),
            f"{row['memory_bytes'] / 1e6:,.1f} / {row['disk_bytes'] / 1e6:,.1f}",
            "n/a" if row["build_seconds"] is None else f"{row['build_seconds']:,.1f}",
            str(row["segments"]),
            style="bold" if chosen else "",
        )
    return table


def spread_table(report: Mapping[str, Any]) -> Table | None:
    """Two graphs from the same vectors; None if none was built twice."""
    if not report["spread"]:
        return None
    table = Table(title="The same index built twice", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("setting")
    names = [name for name in report["spread"][0] if name.startswith("recall@")]
    for name in names:
        table.add_column(f"{name}, first / second", justify="right")
        table.add_column("searches that differ", justify="right")
    for row in report["spread"]:
        cells = []
        for name in names:
            found = row[name]
            cells += [
                f"{percent(found['first'], 2)} / {percent(found['second'], 2)}",
                f"{percent(found['searches_that_differ'])} %",
            ]
        table.add_row(row["name"], *cells)
    return table


def recall_text(row: Row, k: int) -> str:
    """Recall with its interval, or why there is none."""
    found = row["lowest"].get(f"recall@{k}")
    if found is None:
        return str(row["note"])
    return f"{percent(found['value'], 2)} {interval_text(_interval(found))}"


def loss_text(row: Row, measure: str) -> str:
    """The largest loss of a mode with its interval in points, or why there is none."""
    found = largest_loss(row, measure)
    if found is None:
        return str(row["note"])
    return f"{points(found['value'])} {interval_text(_interval(found), signed=True)}"


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


def _interval(found: Row) -> tuple[float, float] | None:
    low, high = found["ci_low"], found["ci_high"]
    return None if low is None or high is None else (low, high)
