"""The guide for people: which model to take, how sure that is, what was left out and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from xlembed.report.notes import note_lines
from xlembed.report.tables import Interval, to_markdown
from xlembed.report.text import percent

NAMES = {
    "monolingual": "mono",
    "cross_lingual": "cross",
    "true_cross_all": "true/all",
    "true_cross_target": "true/target",
}


def firsts(report: Mapping[str, Any]) -> list[str]:
    """The models that share the first place."""
    return [m["model"] for m in report["models"] if m["place"] == 1]


def not_told_apart(report: Mapping[str, Any]) -> list[str]:
    """Further models that paired tests do not tell apart from the first."""
    return [m["model"] for m in report["models"] if m["place"] > 1 and m["with_best"]]


def beats_chance(report: Mapping[str, Any]) -> bool:
    """Whether nothing speaks against the first model in this."""
    return (report.get("standing") or {}).get(firsts(report)[0], {}).get("beats_chance") is not False


def verdict(report: Mapping[str, Any]) -> str:
    """A few sentences: the model, how sure it is, and whether it finds anything worth finding."""
    leaders = firsts(report)
    short = (report.get("standing") or {}).get(leaders[0], {}).get("shortfall")
    said = [_place_text(report, leaders)]
    if not beats_chance(report):
        said.append(f"But nothing is recommended: {short}.")
    elif short:
        said.append(f"But {short}.")
    return " ".join(said)


def _place_text(report: Mapping[str, Any], leaders: Sequence[str]) -> str:
    first, *others = report["models"]
    names, have = " and ".join(leaders), "has" if len(leaders) == 1 else "share the first place and have"
    if not others:
        return f"{names} is the only model that is left."
    if first["first"] is None:
        return f"{names} {have} the most points; too few clusters of queries to say how sure that is."
    if untested := [m["model"] for m in others if m["with_best"] is None]:
        return f"{names} {have} the most points; not tested against {', '.join(untested)}."
    rivals, share = (
        not_told_apart(report),
        f"first in {percent(first['first'])} % of the resampled sets of queries",
    )
    if len(leaders) > 1:
        rest = f", nor from {', '.join(rivals)}" if rivals else ""
        return f"{names} share the first place: they cannot be told apart{rest} on these queries."
    if not rivals:
        return f"{'Take ' if beats_chance(report) else 'First: '}{names}: {share}."
    return f"{names} has the most points ({share}), but cannot be told from {', '.join(rivals)} on these queries."


def guide_table(report: Mapping[str, Any]) -> Table:
    """A row per model, the best first."""
    table = Table(
        title=f"{report['title']} on {report['task']}, {', '.join(report['languages'])}: {report['measure']}",
        box=box.SIMPLE,
        title_justify="left",
        caption="\n".join(notes(report)),
        caption_justify="left",
    )
    table.add_column("place")
    table.add_column("model", overflow="fold")
    for head in ("points", "first", "behind"):
        table.add_column(head, justify="right")
    for part in report["weights"]:
        table.add_column(NAMES.get(part, part), justify="right")
    for head in ("ms", "bytes"):
        table.add_column(head, justify="right")
    for row in report["models"]:
        table.add_row(
            f"{row['place']}{' ≈' if row['with_best'] else ''}",
            row["model"],
            percent(row["points"]),
            "n/a" if row["first"] is None else f"{percent(row['first'])} %",
            _behind(row) if row["place"] > 1 else "",
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
        "≈: not told apart from the first (paired tests of the points, Holm); equal models share a place. Behind: "
        "points less than the first [95 % CI, unadjusted]; queries vary in both, times do not.",
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
