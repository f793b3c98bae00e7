"""The guide for people: which model to take, how sure that is, what was left out and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from xlembed.report.notes import note_lines
from xlembed.report.tables import Interval, to_markdown
from xlembed.report.text import percent

SURE = 0.95
"""Share of the resamples from which the first place is called clear."""
NAMES = {
    "monolingual": "mono",
    "cross_lingual": "cross",
    "true_cross_all": "true/all",
    "true_cross_target": "true/target",
}


def verdict(report: Mapping[str, Any]) -> str:
    """One or two sentences: the model, and how sure it is."""
    first, *others = report["models"]
    name = first["model"]
    if not others:
        return f"{name} is the only model that is left."
    rivals = [m["model"] for m in others if m["behind_low"] is not None and m["behind_low"] <= 0]
    if first["first"] is None:
        return f"{name} has the most points; too few clusters of queries to say how sure that is."
    share = f"first in {percent(first['first'])} % of the resampled sets of queries"
    if first["first"] >= SURE and not rivals:
        return f"Take {name}: {share}."
    against = ", ".join(rivals) or others[0]["model"]
    return f"{name} has the most points ({share}), but cannot be told from {against} on these queries."


def guide_table(report: Mapping[str, Any]) -> Table:
    """A row per model, the best first."""
    table = Table(
        title=f"{report['title']} on {report['task']}, {', '.join(report['languages'])}: {report['measure']}",
        box=box.SIMPLE,
        title_justify="left",
        caption="\n".join(notes(report)),
        caption_justify="left",
    )
    table.add_column("model", overflow="fold")
    for head in ("points", "first", "behind"):
        table.add_column(head, justify="right")
    for part in report["weights"]:
        table.add_column(NAMES.get(part, part), justify="right")
    for head in ("ms", "bytes"):
        table.add_column(head, justify="right")
    for row in report["models"]:
        table.add_row(
            row["model"],
            percent(row["points"]),
            "n/a" if row["first"] is None else f"{percent(row['first'])} %",
            _behind(row) if row is not report["models"][0] else "",
            *(percent(row["parts"][part]) for part in report["weights"]),
            "n/a" if row["ms_per_query"] is None else f"{row['ms_per_query']:.1f}",
            "n/a" if row["bytes_per_vector"] is None else f"{row['bytes_per_vector']:,.0f}",
        )
    return table


def notes(report: Mapping[str, Any]) -> list[str]:
    """What must be known to read the table."""
    weights = ", ".join(f"{NAMES.get(part, part)} {percent(w)} %" for part, w in report["weights"].items())
    return [
        f"{report['why'][:1].upper()}{report['why'][1:]}." if report["why"] else "Weights as given.",
        f"Points, of 100: weighted sum of {weights}. Quality parts are macro averages in %; speed is "
        "1 / (1 + ms / 50), bytes 1 / (1 + bytes / 1024).",
        "ms: encoding one query; bytes: of one vector. First: share of resampled sets of queries in which it leads.",
        "Behind: points less than the first [95 % CI, unadjusted]; queries vary in both, times do not. For a test: "
        "xlembed compare.",
        *note_lines(report.get("model_notes", {})),
    ]


def guide_markdown(report: Mapping[str, Any], figures: Sequence[str] = ()) -> str:
    """The whole guide as a page.

    Args:
        report: content of guide.json.
        figures: names of PNG files in figures/.
    """
    limits = [f"{key}: {value:g}" for key, value in report["limits"].items() if value is not None]
    parts = [
        f"# Which model for {report['title']}?",
        verdict(report),
        *report["advice"],
        f"Limits: {', '.join(limits)}." if limits else "No limits were given.",
        to_markdown(guide_table(report)).rstrip(),
        *(f"![{name.removesuffix('.png').replace('_', ' ')}](figures/{name})" for name in figures),
        "## Excluded",
        "\n".join(f"- {name}: {'; '.join(why)}" for name, why in report["excluded"].items()) or "No model.",
        "## Not known",
        "\n".join(f"- {line}" for line in report["unknown"]),
    ]
    return "\n\n".join(parts) + "\n"


def _behind(row: Mapping[str, Any]) -> str | Interval:
    value = percent(row["behind"])
    if row["behind_low"] is None:
        return value
    return Interval(value, f"[{percent(row['behind_low'])}, {percent(row['behind_high'])}]")
