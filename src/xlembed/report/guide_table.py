"""The guide for people: which model to take, how sure that is, what was left out and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlembed.report.document.content import Cell, Grid, heads, row
from xlembed.report.notes import note_lines
from xlembed.report.tables import pictures_markdown, to_markdown
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


def guide_table(report: Mapping[str, Any]) -> Grid:
    """A row per model, the best first."""
    rows = tuple(
        row(
            f"{of['place']}{' ≈' if of['with_best'] else ''}",
            of["model"],
            percent(of["points"]),
            "n/a" if of["first"] is None else f"{percent(of['first'])} %",
            _behind(of) if of["place"] > 1 else "",
            *(percent(of["parts"][part]) for part in report["weights"]),
            "n/a" if of["ms_per_query"] is None else f"{of['ms_per_query']:.1f}",
            "n/a" if of["bytes_per_vector"] is None else f"{of['bytes_per_vector']:,.0f}",
        )
        for of in report["models"]
    )
    parts = (NAMES.get(part, part) for part in report["weights"])
    columns = heads("place", "model", "points", "first", "behind", *parts, "ms", "bytes", words=("model",))
    title = f"{report['title']} on {report['task']}, {', '.join(report['languages'])}: {report['measure']}"
    return Grid("guide", title, columns, rows, notes=tuple(notes(report)))


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
        *pictures_markdown(figures),
        "## Excluded",
        "\n".join(f"- {name}: {'; '.join(why)}" for name, why in report["excluded"].items()) or "No model.",
        "## Not known",
        "\n".join(f"- {line}" for line in report["unknown"]),
    ]
    return "\n\n".join(parts) + "\n"


def _behind(of: Mapping[str, Any]) -> Cell:
    low, high = of["behind_low"], of["behind_high"]
    return Cell(percent(of["behind"]), "" if low is None else f"[{percent(low)}, {percent(high)}]")
